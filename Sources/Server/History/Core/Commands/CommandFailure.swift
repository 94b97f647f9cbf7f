import ServiceClients
import TemporalAPI

/// Why a workflow task's commands cannot be carried out.
package struct CommandFailure: Error, Equatable, Sendable {
    package let cause: WorkflowTaskFailedCause
    package let message: String
    /// The run cannot go on at all: a payload is too large to be kept.
    package let terminatesRun: Bool

    init(_ cause: WorkflowTaskFailedCause, _ message: String, terminatesRun: Bool = false) {
        self.cause = cause
        self.message = message
        self.terminatesRun = terminatesRun
    }

    init(_ flaw: CompletionFlaw) {
        self.init(flaw.cause, flaw.message, terminatesRun: flaw.terminatesRun)
    }

    /// A command that the state of the run does not allow, `details` says about what.
    static func notNow(
        _ cause: WorkflowTaskFailedCause, _ action: String, _ details: String
    ) -> CommandFailure {
        CommandFailure(cause, "invalid history builder state for action: \(action), \(details)")
    }

    /// The cause as Temporal names it in messages, `BadScheduleActivityAttributes`.
    package var causeName: String {
        var name = "\(self.cause)"
        if name.hasSuffix("ID") { name = name.dropLast(2) + "Id" }
        return name.prefix(1).uppercased() + name.dropFirst()
    }
}
