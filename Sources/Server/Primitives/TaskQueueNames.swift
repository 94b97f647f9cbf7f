/// The task queue of the server's own workflows in a user's namespace, which users may not use.
package let systemTaskQueueName = "temporal-sys-per-ns-tq"
