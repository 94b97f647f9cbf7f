import FoundationEssentials
import Frontend
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct StartWorkflowExecutionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let request: StartRequest

        init(_ message: String, _ edit: (inout StartRequest) -> Void) {
            self.testDescription = message
            self.request = .valid(edit)
        }
    }

    static let long = String(repeating: "n", count: 1_001)

    static let invalid: [Case] = [
        Case("Namespace is empty.") { $0.namespace = "" },
        Case("Namespace length exceeds limit.") { $0.namespace = long },
        Case("WorkflowId is not set on request.") { $0.workflowID = "" },
        Case("WorkflowId length exceeds limit.") { $0.workflowID = long },
        Case("Identity length exceeds limit.") { $0.identity = long },
        Case("WorkflowType is not set on request.") { $0.clearWorkflowType() },
        Case("WorkflowType length exceeds limit.") { $0.workflowType.name = long },
        Case("taskQueue is not set") { $0.clearTaskQueue() },
        Case("taskQueue length exceeds limit") { $0.taskQueue.name = long },
        Case("task queue name cannot start with reserved prefix /_sys/") {
            $0.taskQueue.name = "/_sys/queue/1"
        },
        Case("cannot use internal per-namespace task queue") {
            $0.taskQueue.name = "temporal-sys-per-ns-tq"
        },
        Case("RequestId length exceeds limit.") { $0.requestID = long },
        Case(
            "An invalid WorkflowExecutionTimeoutSeconds is set on request. cause: negative duration"
        ) {
            $0.workflowExecutionTimeout.seconds = -1
        },
        Case("An invalid WorkflowRunTimeoutSeconds is set on request. cause: negative duration") {
            $0.workflowRunTimeout.nanos = -1
        },
        Case("An invalid WorkflowTaskTimeoutSeconds is set on request. cause: negative duration") {
            $0.workflowTaskTimeout.nanos = -1
        },
        Case("An invalid WorkflowStartDelaySeconds is set on request. cause: negative duration") {
            $0.workflowStartDelay.seconds = -5
        },
        Case("CronSchedule and WorkflowStartDelay may not be used together.") {
            $0.cronSchedule = "* * * * *"
            $0.workflowStartDelay.seconds = 5
        },
        Case("override behavior is required") { $0.versioningOverride = .init() },
        Case("invalid CronSchedule.") { $0.cronSchedule = "whenever" },
        Case("invalid CronSchedule, no time can be found to satisfy the schedule") {
            $0.cronSchedule = "0 0 31 2 *"
        },
        Case(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot "
                + "be used together with a WorkflowIDConflictPolicy"
        ) {
            $0.workflowIDReusePolicy = .terminateIfRunning
            $0.workflowIDConflictPolicy = .fail
        },
        Case(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be "
                + "used together with WorkflowIdConflictPolicy "
                + "WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING"
        ) {
            $0.workflowIDReusePolicy = .rejectDuplicate
            $0.workflowIDConflictPolicy = .terminateExisting
        },
        Case("unknown WorkflowIdReusePolicy 99") {
            $0.workflowIDReusePolicy = .UNRECOGNIZED(99)
        },
        Case("unknown WorkflowIdConflictPolicy 99") {
            $0.workflowIDConflictPolicy = .UNRECOGNIZED(99)
        },
        Case("BackoffCoefficient cannot be less than 1 on retry policy.") {
            $0.retryPolicy.backoffCoefficient = 0.5
        },
        Case("BackoffCoefficient cannot be less than 1 on retry policy.") {
            $0.retryPolicy.backoffCoefficient = .nan
        },
        Case("MaximumInterval cannot be less than InitialInterval on retry policy.") {
            $0.retryPolicy.initialInterval.seconds = 10
            $0.retryPolicy.maximumInterval.seconds = 5
        },
        Case("MaximumAttempts cannot be negative on retry policy.") {
            $0.retryPolicy.maximumAttempts = -1
        },
        Case("invalid InitialInterval set on retry policy: negative duration") {
            $0.retryPolicy.initialInterval.seconds = -1
        },
        Case("Invalid timeout type value: Never.") {
            $0.retryPolicy.nonRetryableErrorTypes = ["TemporalTimeout:Never"]
        },
        Case("attaching request ID is required for attaching completion callbacks") {
            $0.onConflictOptions.attachCompletionCallbacks = true
        },
        Case("Namespace default has no mapping defined for search attribute Colour") {
            $0.searchAttributes.indexedFields["Colour"] = .json("\"red\"")
        },
        Case("WorkflowId attribute can't be set in SearchAttributes") {
            $0.searchAttributes.indexedFields["WorkflowId"] = .json("\"x\"")
        },
        Case("invalid value for search attribute Size of type Int") {
            $0.searchAttributes.indexedFields["Size"] = .json("\"large\"")
        },
        Case("search attribute Color value size 2051 exceeds size limit 2048") {
            let text = String(repeating: "r", count: 2_049)
            $0.searchAttributes.indexedFields["Color"] = .json("\"\(text)\"")
        },
        Case("Blob data size exceeds limit.") { $0.input = .bytes(2 * 1_024 * 1_024) },
        Case("Memo size exceeds limit.") {
            $0.memo.fields["m"] =
                Temporal_Api_Common_V1_Payloads.bytes(2 * 1_024 * 1_024)
                .payloads[0]
        },
        Case("priority key can't be negative") { $0.priority.priorityKey = -1 },
        Case("fairness key length exceeds limit") {
            $0.priority.fairnessKey = String(repeating: "f", count: 65)
        },
        Case("must be greater than zero") { $0.priority.fairnessWeight = -1 },
        Case("cannot attach more than 10 links per request, got 11") {
            $0.links = Array(repeating: .init(), count: 11)
        },
        Case("unsupported link variant") { $0.links = [.init()] },
        Case("UserMetadata.Summary exceeds size limit 400") {
            $0.userMetadata.summary = Temporal_Api_Common_V1_Payloads.bytes(400).payloads[0]
        },
    ]

    @Test("A wrong start request is an invalid argument with Temporal's words", arguments: invalid)
    func invalidIsRefused(_ wrong: Case) async {
        let world = FrontendWorld()
        let error = await world.refusal(wrong.request, returning: StartResponse.self)
        #expect(error == .invalidArgument(wrong.testDescription))
        #expect(world.history.requests.isEmpty)
    }

    static let notBuilt: [Case] = [
        Case("time_skipping_config is not built yet") { $0.timeSkippingConfig.enabled = true }
    ]

    @Test("An option that cannot be honoured is refused by name", arguments: notBuilt)
    func notBuiltIsRefused(_ wrong: Case) async {
        let error = await FrontendWorld().refusal(wrong.request, returning: StartResponse.self)
        #expect(error == ServiceError(.unimplemented, wrong.testDescription))
    }

    /// The request as history got it.
    private func prepared(_ edit: (inout StartRequest) -> Void) async throws -> StartRequest {
        let world = FrontendWorld()
        world.history.answer(.success(.started(.with { $0.runID = "r" })))
        let response: StartResponse = try await world.call(StartRequest.valid(edit))
        #expect(response.runID == "r")
        guard case .startWorkflowExecution(let request) = world.history.operations.first else {
            Issue.record("no start")
            return .init()
        }
        return request
    }

    @Test("History gets a start request in which everything is decided")
    func defaultsAreFilledIn() async throws {
        let request = try await self.prepared {
            $0.requestEagerExecution = true
            $0.workflowExecutionTimeout.seconds = 100
            $0.workflowTaskTimeout.seconds = 500
            $0.retryPolicy.initialInterval.seconds = 2
            $0.taskQueue.kind = .sticky
        }
        #expect(isUUID(request.requestID))
        #expect(request.workflowIDReusePolicy == .allowDuplicate)
        #expect(request.workflowIDConflictPolicy == .fail)
        #expect(request.workflowRunTimeout.seconds == 100)
        #expect(request.workflowTaskTimeout.seconds == 100)
        #expect(request.taskQueue.kind == .normal)
        #expect(request.requestEagerExecution)
        #expect(request.retryPolicy.backoffCoefficient == 2)
        #expect(request.retryPolicy.maximumInterval.seconds == 200)
    }

    @Test("Workflow tasks get 10 seconds, and no more than 120")
    func taskTimeout() async throws {
        #expect(try await self.prepared { _ in }.workflowTaskTimeout.seconds == 10)
        let long = try await self.prepared { $0.workflowTaskTimeout.seconds = 600 }
        #expect(long.workflowTaskTimeout.seconds == 120)
        #expect(!long.hasRetryPolicy)
    }

    @Test("The deprecated reuse policy becomes the conflict policy it stands for")
    func terminateIfRunning() async throws {
        let request = try await self.prepared { $0.workflowIDReusePolicy = .terminateIfRunning }
        #expect(request.workflowIDReusePolicy == .allowDuplicate)
        #expect(request.workflowIDConflictPolicy == .terminateExisting)
    }

    @Test("A single attempt needs no sensible back-off")
    func singleAttempt() async throws {
        let request = try await self.prepared {
            $0.retryPolicy.maximumAttempts = 1
            $0.retryPolicy.backoffCoefficient = 0.1
        }
        #expect(request.retryPolicy.maximumAttempts == 1)
    }

    @Test("Search attributes get their registered type, whatever the caller claims")
    func typesAreSet() async throws {
        let request = try await self.prepared {
            $0.searchAttributes.indexedFields["Color"] = .json("\"red\"", type: "Text")
            $0.searchAttributes.indexedFields["Size"] = .json("[]")
            $0.searchAttributes.indexedFields["BuildIds"] = .json("[\"a\"]")
        }
        let fields = request.searchAttributes.indexedFields
        let types = fields.mapValues {
            String(decoding: $0.metadata["type"] ?? .init(), as: UTF8.self)
        }
        #expect(types == ["Color": "Keyword", "Size": "Int", "BuildIds": "KeywordList"])
        #expect(
            decodeSearchAttributes(fields) == [
                "Color": .keyword("red"), "BuildIds": .keywordList(["a"]),
            ])
    }

    @Test("The system's own worker may use the system's task queue")
    func systemTaskQueue() async {
        let world = FrontendWorld()
        world.history.answer(.success(.started(.init())))
        let request = StartRequest.valid { $0.taskQueue.name = "temporal-sys-per-ns-tq" }
        let error = await world.refusal(
            request, returning: StartResponse.self, role: .internalFrontend)
        #expect(error == nil)
    }

    @Test("SignalWithStart signals a running workflow unless told otherwise")
    func signalWithStart() async throws {
        let world = FrontendWorld()
        world.history.answer(.success(.signalWithStarted(.with { $0.runID = "r" })))
        let response: SignalWithStartResponse = try await world.call(
            SignalWithStartRequest.valid())
        #expect(response.runID == "r")
        guard case .signalWithStart(let request) = world.history.operations.first else {
            Issue.record("no signal with start")
            return
        }
        #expect(request.workflowIDConflictPolicy == .useExisting)
        #expect(isUUID(request.requestID))
    }

    @Test("SignalWithStart needs a signal, and cannot fail on a running workflow")
    func signalWithStartRefusals() async {
        let unnamed = SignalWithStartRequest.valid { $0.signalName = "" }
        let failing = SignalWithStartRequest.valid { $0.workflowIDConflictPolicy = .fail }
        let large = SignalWithStartRequest.valid { $0.signalInput = .bytes(2 * 1_024 * 1_024) }
        let expected: [(SignalWithStartRequest, String)] = [
            (unnamed, "SignalName is not set on request."),
            (
                failing,
                "Invalid WorkflowIDConflictPolicy: Fail is not supported for this operation."
            ),
            (large, "Blob data size exceeds limit."),
        ]
        for (request, message) in expected {
            let error = await FrontendWorld().refusal(
                request, returning: SignalWithStartResponse.self)
            #expect(error == .invalidArgument(message))
        }
    }
}
