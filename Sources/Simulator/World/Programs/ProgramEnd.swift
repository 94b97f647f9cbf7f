import SwiftProtobuf
import TemporalAPI

/// How a chain of runs ended, and what it said.
package struct ProgramEnd: Equatable, Sendable, CustomStringConvertible {
    package typealias Status = Temporal_Api_Enums_V1_WorkflowExecutionStatus

    package let status: Status
    package let text: String

    package init(_ status: Status, _ text: String) {
        self.status = status
        self.text = text
    }

    /// The end a close event tells of; nil if it is none.
    package init?(_ event: HistoryEvent) {
        switch event.attributes {
        case .workflowExecutionCompletedEventAttributes(let completed):
            self.init(.completed, completed.result.text)
        case .workflowExecutionFailedEventAttributes(let failed):
            self.init(.failed, failed.failure.message)
        case .workflowExecutionCanceledEventAttributes(let canceled):
            self.init(.canceled, canceled.details.text)
        case .workflowExecutionTerminatedEventAttributes(let terminated):
            self.init(.terminated, terminated.reason)
        case .workflowExecutionTimedOutEventAttributes:
            self.init(.timedOut, "")
        case .workflowExecutionContinuedAsNewEventAttributes(let continued):
            self.init(.continuedAsNew, continued.newExecutionRunID)
        default:
            return nil
        }
    }

    package var description: String { "\(self.status): \(self.text)" }
}

extension HistoryEvent {
    /// The run that goes on from this close event; empty if none does.
    package var nextRunID: String {
        switch self.attributes {
        case .workflowExecutionContinuedAsNewEventAttributes(let attributes):
            attributes.newExecutionRunID
        case .workflowExecutionCompletedEventAttributes(let attributes):
            attributes.newExecutionRunID
        case .workflowExecutionFailedEventAttributes(let attributes):
            attributes.newExecutionRunID
        case .workflowExecutionTimedOutEventAttributes(let attributes):
            attributes.newExecutionRunID
        default: ""
        }
    }
}
