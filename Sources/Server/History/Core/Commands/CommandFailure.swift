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

    /// The cause as Temporal names it in messages, `BadScheduleActivityAttributes`.
    package var causeName: String {
        let name = "\(self.cause)"
        return name.prefix(1).uppercased() + name.dropFirst()
    }
}
