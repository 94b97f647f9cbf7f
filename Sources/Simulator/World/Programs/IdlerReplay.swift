import SwiftProtobuf
import TemporalAPI

/// A workflow that waits for a signal which says how it is to end, or for a cancel request.
struct IdlerReplay: WorkflowReplay {
    private var end: String?
    private var signalCount = 0
    private var isCancelRequested = false

    init?(events: [HistoryEvent]) {
        for event in events {
            switch event.attributes {
            case .workflowExecutionSignaledEventAttributes(let signaled):
                self.signalCount += 1
                if signaled.signalName == "end" { self.end = self.end ?? signaled.input.text }
            case .workflowExecutionCancelRequestedEventAttributes:
                self.isCancelRequested = true
            default: break
            }
        }
    }

    var queryAnswer: String { "\(self.signalCount)" }

    func commands() -> [Command] {
        if let end = self.end {
            return [
                .with {
                    if end == "fail" {
                        $0.commandType = .failWorkflowExecution
                        $0.failWorkflowExecutionCommandAttributes.failure.message = end
                        $0.failWorkflowExecutionCommandAttributes.failure.applicationFailureInfo =
                            .init()
                    } else {
                        $0.commandType = .completeWorkflowExecution
                        $0.completeWorkflowExecutionCommandAttributes.result = Payloads(text: end)
                    }
                }
            ]
        }
        guard self.isCancelRequested else { return [] }
        return [
            .with {
                $0.commandType = .cancelWorkflowExecution
                $0.cancelWorkflowExecutionCommandAttributes = .init()
            }
        ]
    }
}
