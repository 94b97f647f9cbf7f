import DynamicConfig
import FoundationEssentials
import Frontend
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

private typealias API = TemporalAPINames

/// The messages of this file by shorter names.
private enum TemporalAPINames {
    typealias Complete = Temporal_Api_Workflowservice_V1_RespondActivityTaskCompletedRequest
    typealias Completed = Temporal_Api_Workflowservice_V1_RespondActivityTaskCompletedResponse
    typealias CompleteByID = Temporal_Api_Workflowservice_V1_RespondActivityTaskCompletedByIdRequest
    typealias CompletedByID =
        Temporal_Api_Workflowservice_V1_RespondActivityTaskCompletedByIdResponse
    typealias Fail = Temporal_Api_Workflowservice_V1_RespondActivityTaskFailedRequest
    typealias Failed = Temporal_Api_Workflowservice_V1_RespondActivityTaskFailedResponse
    typealias Cancel = Temporal_Api_Workflowservice_V1_RespondActivityTaskCanceledRequest
    typealias Canceled = Temporal_Api_Workflowservice_V1_RespondActivityTaskCanceledResponse
    typealias Heartbeat = Temporal_Api_Workflowservice_V1_RecordActivityTaskHeartbeatRequest
    typealias Recorded = Temporal_Api_Workflowservice_V1_RecordActivityTaskHeartbeatResponse
}

@Suite struct TaskCompletionTests {
    private let world = FrontendWorld()
    private let large = Temporal_Api_Common_V1_Payloads.bytes(2 * 1_024 * 1_024)

    /// The failure history was told of.
    private var recordedFailure: Temporal_Api_Failure_V1_Failure? {
        guard case .respondActivityFailed(_, let failure, _, _) = self.world.history.operations.last
        else { return nil }
        return failure
    }

    @Test("A result that is too large fails the activity for good")
    func largeResult() async throws {
        let token = try taskToken()
        let _: API.Completed = try await self.world.call(
            API.Complete.with {
                $0.taskToken = token
                $0.result = self.large
            })
        #expect(self.recordedFailure?.message == "Complete result exceeds size limit.")
        #expect(self.recordedFailure?.serverFailureInfo.nonRetryable == true)
    }

    @Test("Heartbeat details that are too large stop the activity")
    func largeHeartbeat() async throws {
        let token = try taskToken()
        let recorded: API.Recorded = try await self.world.call(
            API.Heartbeat.with {
                $0.taskToken = token
                $0.details = self.large
            })
        #expect(recorded.cancelRequested)
        #expect(self.recordedFailure?.message == "Heartbeat details exceed size limit.")
    }

    @Test("Cancel details that are too large fail the activity for good")
    func largeCancel() async throws {
        let token = try taskToken()
        let _: API.Canceled = try await self.world.call(
            API.Cancel.with {
                $0.taskToken = token
                $0.details = self.large
            })
        #expect(self.recordedFailure?.message == "Cancel details exceed size limit.")
    }

    @Test("A failure that is too large is cut, and the worker is told")
    func largeFailure() async throws {
        let token = try taskToken()
        let failed: API.Failed = try await self.world.call(
            API.Fail.with {
                $0.taskToken = token
                $0.failure.message = String(repeating: "m", count: 3_000_000)
                $0.failure.applicationFailureInfo.type = "Broken"
                $0.lastHeartbeatDetails = self.large
            })
        #expect(failed.failures.count == 2)
        #expect(self.recordedFailure?.message == "Failure exceeds size limit.")
        #expect((1_900...2_000).contains(self.recordedFailure?.cause.message.count ?? 0))
        #expect(self.recordedFailure?.cause.applicationFailureInfo.type == "Broken")
    }

    @Test("An activity fails with an application failure, or none")
    func failureKind() async throws {
        let token = try taskToken()
        let wrong = await self.world.refusal(
            API.Fail.with {
                $0.taskToken = token
                $0.failure.timeoutFailureInfo.timeoutType = .heartbeat
            }, returning: API.Failed.self)
        #expect(wrong == .invalidArgument("Failure must have ApplicationFailureInfo."))
        let none = await self.world.refusal(
            API.Fail.with { $0.taskToken = token }, returning: API.Failed.self)
        #expect(none == nil)
    }

    @Test("An activity can be named by its ids")
    func byID() async throws {
        let _: API.CompletedByID = try await self.world.call(
            API.CompleteByID.with {
                $0.namespace = "default"
                $0.workflowID = "w"
                $0.activityID = "a"
                $0.result = .bytes(1)
            })
        guard
            case .respondActivityCompleted(.id(let runID, let activityID), let result, _) =
                self.world.history.operations.first
        else {
            Issue.record("not completed")
            return
        }
        #expect(runID.isEmpty && activityID == "a" && result == .bytes(1))
        #expect(self.world.history.requests.first?.workflowID == "w")
    }

    @Test("Ids that name no activity say what is missing")
    func byIDRefusals() async {
        let cases: [((inout API.CompleteByID) -> Void, String)] = [
            ({ $0.activityID = "" }, "ActivityId is not set on request."),
            ({ $0.runID = "x" }, "Invalid RunId."),
            (
                { $0.activityID = String(repeating: "a", count: 1_001) },
                "ActivityId length exceeds limit."
            ),
        ]
        for (edit, message) in cases {
            let request = API.CompleteByID.with {
                $0.namespace = "default"
                $0.workflowID = "w"
                $0.activityID = "a"
                edit(&$0)
            }
            let error = await self.world.refusal(request, returning: API.CompletedByID.self)
            #expect(error == .invalidArgument(message))
        }
    }

    @Test("Without a workflow id, an activity is one of its own, if there may be such")
    func standaloneByID() async throws {
        self.world.history.answer(.success(.done))
        let request = API.CompleteByID.with {
            $0.namespace = "default"
            $0.activityID = "a"
        }
        let _: API.CompletedByID = try await self.world.call(request)
        let sent = try #require(self.world.history.requests.first)
        #expect(sent.archetype == .activity && sent.workflowID == "a")
        let world = FrontendWorld({ $0.enableStandaloneActivities = false })
        let error = await world.refusal(
            request, returning: API.CompletedByID.self)
        #expect(error == .invalidArgument("WorkflowId is not set on request."))
    }

    @Test("A query result that is too large fails the query, not the workflow task")
    func largeQueryResult() async throws {
        self.world.history.answer(.success(.workflowTaskCompleted(.init())))
        let token = try taskToken()
        let _: CompletedResponse = try await self.world.call(
            CompletedRequest.with {
                $0.taskToken = token
                $0.queryResults["q"] = .with {
                    $0.resultType = .answered
                    $0.answer = self.large
                }
                $0.queryResults["r"] = .with { $0.answer = .bytes(1) }
            })
        guard
            case .respondWorkflowTaskCompleted(_, let request, _) = self.world.history.operations
                .last
        else {
            Issue.record("not completed")
            return
        }
        #expect(request.queryResults["q"]?.resultType == .failed)
        #expect(request.queryResults["q"]?.errorMessage == "Blob data size exceeds limit.")
        #expect(request.queryResults["q"]?.hasAnswer == false)
        #expect(request.queryResults["r"]?.answer == .bytes(1))
    }

    @Test("Search attributes a workflow may not set are found; history fails the workflow task")
    func wrongUpsert() async throws {
        self.world.history.answer(.success(.workflowTaskCompleted(.init())))
        let token = try taskToken()
        let _: CompletedResponse = try await self.world.call(
            CompletedRequest.with {
                $0.taskToken = token
                $0.commands = [
                    .with { $0.startTimerCommandAttributes.timerID = "t" },
                    .with {
                        $0.upsertWorkflowSearchAttributesCommandAttributes.searchAttributes
                            .indexedFields["Nope"] = .json("1")
                    },
                ]
            })
        guard
            case .respondWorkflowTaskCompleted(_, _, let flaw) = self.world.history.operations.last
        else {
            Issue.record("not completed")
            return
        }
        #expect(
            flaw
                == CompletionFlaw(
                    commandIndex: 1, cause: .badSearchAttributes,
                    message: "Namespace default has no mapping defined for search attribute Nope"))
    }

    @Test("Search attributes a workflow sets get their registered type")
    func rightUpsert() async throws {
        self.world.history.answer(.success(.workflowTaskCompleted(.init())))
        let token = try taskToken()
        let _: CompletedResponse = try await self.world.call(
            CompletedRequest.with {
                $0.taskToken = token
                $0.commands = [
                    .with {
                        $0.upsertWorkflowSearchAttributesCommandAttributes.searchAttributes
                            .indexedFields["Size"] = .json("4")
                    }
                ]
            })
        guard
            case .respondWorkflowTaskCompleted(_, let request, _) = self.world.history.operations
                .last
        else {
            Issue.record("not completed")
            return
        }
        let fields = request.commands.first?.upsertWorkflowSearchAttributesCommandAttributes
            .searchAttributes.indexedFields
        #expect(decodeSearchAttributes(fields ?? [:]) == ["Size": .int(4)])
    }
}
