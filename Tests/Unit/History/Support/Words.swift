import FoundationEssentials
import HistoryCore
import Primitives
import SwiftProtobuf
import TemporalAPI

typealias PollTask = Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse
typealias ActivityTask = Temporal_Api_Workflowservice_V1_PollActivityTaskQueueResponse
typealias StartBody = Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest
typealias SignalWithStartBody =
    Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionRequest
typealias CompletionBody = Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest
typealias ActivityAttributes = Temporal_Api_Command_V1_ScheduleActivityTaskCommandAttributes
typealias ChildAttributes = Temporal_Api_Command_V1_StartChildWorkflowExecutionCommandAttributes
typealias SignalExternalAttributes =
    Temporal_Api_Command_V1_SignalExternalWorkflowExecutionCommandAttributes
typealias CancelExternalAttributes =
    Temporal_Api_Command_V1_RequestCancelExternalWorkflowExecutionCommandAttributes
typealias ContinueAttributes =
    Temporal_Api_Command_V1_ContinueAsNewWorkflowExecutionCommandAttributes

extension Temporal_Api_Common_V1_Payloads {
    static func text(_ texts: String...) -> Self {
        .with { $0.payloads = texts.map { text in .with { $0.data = Data(text.utf8) } } }
    }

    /// The data of all payloads as text.
    var texts: [String] { self.payloads.map { String(decoding: $0.data, as: UTF8.self) } }
}

extension Temporal_Api_Failure_V1_Failure {
    static func application(
        _ message: String, type: String = "Broken", nonRetryable: Bool = false
    ) -> Self {
        .with {
            $0.message = message
            $0.applicationFailureInfo = .with {
                $0.type = type
                $0.nonRetryable = nonRetryable
            }
        }
    }
}

extension Temporal_Api_Command_V1_Command {
    static func activity(
        _ id: String = "a", configure: (inout ActivityAttributes) -> Void = { _ in }
    ) -> Self {
        .with {
            $0.commandType = .scheduleActivityTask
            $0.scheduleActivityTaskCommandAttributes = .with {
                $0.activityID = id
                $0.activityType.name = "Work"
                $0.taskQueue.name = "queue"
                $0.input = .text("input")
                $0.scheduleToCloseTimeout = Duration.seconds(100).proto
                configure(&$0)
            }
        }
    }

    static func cancelActivity(_ scheduledEventID: Int64) -> Self {
        .with {
            $0.commandType = .requestCancelActivityTask
            $0.requestCancelActivityTaskCommandAttributes.scheduledEventID = scheduledEventID
        }
    }

    static func timer(_ id: String, after delay: Duration) -> Self {
        .with {
            $0.commandType = .startTimer
            $0.startTimerCommandAttributes = .with {
                $0.timerID = id
                $0.startToFireTimeout = delay.proto
            }
        }
    }

    static func cancelTimer(_ id: String) -> Self {
        .with {
            $0.commandType = .cancelTimer
            $0.cancelTimerCommandAttributes.timerID = id
        }
    }

    static func marker(_ name: String, _ details: Int = 0) -> Self {
        .with {
            $0.commandType = .recordMarker
            $0.recordMarkerCommandAttributes = .with {
                $0.markerName = name
                $0.details = ["data": .text(String(repeating: "x", count: details))]
            }
        }
    }

    static func complete(_ result: String = "done") -> Self {
        .with {
            $0.commandType = .completeWorkflowExecution
            $0.completeWorkflowExecutionCommandAttributes.result = .text(result)
        }
    }

    static func fail(_ failure: Temporal_Api_Failure_V1_Failure? = .application("boom")) -> Self {
        .with {
            $0.commandType = .failWorkflowExecution
            $0.failWorkflowExecutionCommandAttributes = .with {
                if let failure { $0.failure = failure }
            }
        }
    }

    static var cancelRun: Self {
        .with {
            $0.commandType = .cancelWorkflowExecution
            $0.cancelWorkflowExecutionCommandAttributes = .with { $0.details = .text("sorry") }
        }
    }

    static func continueAsNew(configure: (inout ContinueAttributes) -> Void = { _ in }) -> Self {
        .with {
            $0.commandType = .continueAsNewWorkflowExecution
            $0.continueAsNewWorkflowExecutionCommandAttributes = .with {
                $0.input = .text("again")
                configure(&$0)
            }
        }
    }

    static func child(
        _ workflowID: String = "c", configure: (inout ChildAttributes) -> Void = { _ in }
    ) -> Self {
        .with {
            $0.commandType = .startChildWorkflowExecution
            $0.startChildWorkflowExecutionCommandAttributes = .with {
                $0.workflowID = workflowID
                $0.workflowType.name = "Child"
                $0.input = .text("input")
                configure(&$0)
            }
        }
    }

    static func signalExternal(
        _ workflowID: String, configure: (inout SignalExternalAttributes) -> Void = { _ in }
    ) -> Self {
        .with {
            $0.commandType = .signalExternalWorkflowExecution
            $0.signalExternalWorkflowExecutionCommandAttributes = .with {
                $0.execution.workflowID = workflowID
                $0.signalName = "hello"
                $0.input = .text("input")
                configure(&$0)
            }
        }
    }

    static func cancelExternal(
        _ workflowID: String, configure: (inout CancelExternalAttributes) -> Void = { _ in }
    ) -> Self {
        .with {
            $0.commandType = .requestCancelExternalWorkflowExecution
            $0.requestCancelExternalWorkflowExecutionCommandAttributes = .with {
                $0.workflowID = workflowID
                $0.reason = "enough"
                configure(&$0)
            }
        }
    }

    static func upsertMemo(_ values: [String: String]) -> Self {
        .with {
            $0.commandType = .modifyWorkflowProperties
            $0.modifyWorkflowPropertiesCommandAttributes = .with { attributes in
                attributes.upsertedMemo.fields = values.mapValues { value in
                    .with { $0.data = Data(value.utf8) }
                }
            }
        }
    }

    static func upsertSearchAttributes(_ values: [String: String]) -> Self {
        .with {
            $0.commandType = .upsertWorkflowSearchAttributes
            $0.upsertWorkflowSearchAttributesCommandAttributes = .with { attributes in
                attributes.searchAttributes.indexedFields = values.mapValues { value in
                    .with {
                        $0.metadata["encoding"] = Data("json/plain".utf8)
                        $0.metadata["type"] = Data("Keyword".utf8)
                        $0.data = Data(value.utf8)
                    }
                }
            }
        }
    }
}

extension Temporal_Api_Common_V1_RetryPolicy {
    static func attempts(
        _ count: Int32, every interval: Duration = .seconds(1), coefficient: Double = 1
    ) -> Self {
        .with {
            $0.maximumAttempts = count
            $0.initialInterval = interval.proto
            $0.backoffCoefficient = coefficient
        }
    }
}

extension [HistoryEvent] {
    /// One line per event: `3 WorkflowTaskStarted`.
    var text: String {
        self.map { event in
            let type = "\(event.eventType)"
            return "\(event.eventID) \(type.prefix(1).uppercased())\(type.dropFirst())"
        }.joined(separator: "\n")
    }
}
