import DynamicConfig
import Primitives
import TemporalAPI

// What commands that reach other workflows have in common.
extension Transition {
    /// The namespace a command names; the run's own one if it names none.
    func target(
        _ name: String, _ cause: WorkflowTaskFailedCause
    ) throws(CommandFailure) -> (name: String, id: NamespaceID) {
        let info = self.state.info
        guard !name.isEmpty, name != info.namespaceName else {
            return (info.namespaceName, NamespaceID(info.namespaceID))
        }
        guard self.settings.enableCrossNamespaceCommands else {
            throw CommandFailure(cause, "cross namespace commands are not allowed")
        }
        guard let id = self.otherNamespaces[name] else {
            throw CommandFailure(cause, "Namespace \(name) is not found.")
        }
        return (name, id)
    }

    /// Fails if as many of a kind are pending as may be; a limit of 0 is none.
    func checkPending(
        _ count: Int, _ countMax: Int, _ what: String, _ cause: WorkflowTaskFailedCause
    ) throws(CommandFailure) {
        guard countMax <= 0 || count < countMax else {
            throw CommandFailure(
                cause,
                "the number of \(what), \(count), has reached the per-workflow limit of \(countMax)"
            )
        }
    }
}
