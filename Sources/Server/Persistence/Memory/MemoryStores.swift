import Persistence
import Primitives
import Synchronization

/// Every store, in this process's memory.
///
/// No threads and no time: each call is done when it returns, which makes this the store that
/// simulations run on. Copies of one instance are the same database.
package final class MemoryStores: Stores {
    struct State: Sendable {
        var shards: [ShardID: MemoryShard] = [:]
        var taskQueues: [TaskQueueKey: MemoryTaskQueue] = [:]
        var namespaces: [NamespaceID: NamespaceRow] = [:]
        var cluster: ClusterRecord?
        var visibility = MemoryVisibility()
    }

    package let counters = StoreCounters()
    private let state = Mutex(State())

    package init() {}

    /// Runs one write; it changes nothing if it throws.
    func write<Value: Sendable>(
        _ body: (inout State) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let value = try self.state.withLock { (state) throws(StoreError) in try body(&state) }
        self.counters.committed(batches: 1)
        return value
    }

    /// Runs one read.
    func read<Value: Sendable>(_ body: (borrowing State) -> Value) -> Value {
        self.counters.hasRead()
        return self.state.withLock { body($0) }
    }
}
