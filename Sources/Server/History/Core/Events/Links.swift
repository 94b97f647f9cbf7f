import Primitives
import SwiftProtobuf
import TemporalAPI

extension Temporal_Api_Common_V1_Link {
    /// A link to the first event of a run.
    static func startedEvent(of key: WorkflowKey, namespace: String) -> Self {
        .event(of: key, namespace: namespace) {
            $0.eventRef = .with {
                $0.eventID = 1
                $0.eventType = .workflowExecutionStarted
            }
        }
    }

    /// A link to the event a request led to, whose id may not be known yet.
    static func request(
        _ requestID: String, _ type: EventType, of key: WorkflowKey, namespace: String
    ) -> Self {
        .event(of: key, namespace: namespace) {
            $0.requestIDRef = .with {
                $0.requestID = requestID
                $0.eventType = type
            }
        }
    }

    private static func event(
        of key: WorkflowKey, namespace: String,
        reference: (inout Temporal_Api_Common_V1_Link.WorkflowEvent) -> Void
    ) -> Self {
        .with {
            $0.workflowEvent = .with {
                $0.namespace = namespace
                $0.workflowID = key.workflowID.rawValue
                $0.runID = key.runID.rawValue
                reference(&$0)
            }
        }
    }
}
