import FoundationEssentials
import Frontend
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

private typealias QueryRequest = Temporal_Api_Workflowservice_V1_QueryWorkflowRequest
private typealias QueryResponse = Temporal_Api_Workflowservice_V1_QueryWorkflowResponse
private typealias SignalRequest = Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionRequest
private typealias SignalResponse = Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionResponse
private typealias TerminateRequest =
    Temporal_Api_Workflowservice_V1_TerminateWorkflowExecutionRequest
private typealias TerminateResponse =
    Temporal_Api_Workflowservice_V1_TerminateWorkflowExecutionResponse
private typealias HistoryPageRequest =
    Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryRequest
private typealias HistoryPageResponse =
    Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryResponse

@Suite struct RequestTests {
    private func query(_ edit: (inout QueryRequest) -> Void = { _ in }) -> QueryRequest {
        .with {
            $0.namespace = "default"
            $0.execution.workflowID = "w"
            $0.query.queryType = "q"
            edit(&$0)
        }
    }

    @Test("A wrong query says what is missing")
    func queryRefusals() async {
        let cases: [(QueryRequest, String)] = [
            (self.query { $0.clearExecution() }, "Execution is not set on request."),
            (self.query { $0.execution.workflowID = "" }, "WorkflowId is not set on request."),
            (self.query { $0.execution.runID = "not-a-uuid" }, "Invalid RunId."),
            (self.query { $0.clearQuery() }, "WorkflowQuery is not set on request."),
            (self.query { $0.query.queryType = "" }, "QueryType is not set on request."),
            (
                self.query { $0.query.queryArgs = .bytes(2 * 1_024 * 1_024) },
                "Blob data size exceeds limit."
            ),
        ]
        for (request, message) in cases {
            let error = await FrontendWorld().refusal(request, returning: QueryResponse.self)
            #expect(error == .invalidArgument(message))
        }
    }

    @Test("A query nobody answers in time says so")
    func queryTimeout() async {
        let world = FrontendWorld()
        world.history.answer(.failure(ServiceError(.deadlineExceeded, "")))
        let error = await world.refusal(self.query(), returning: QueryResponse.self)
        #expect(error?.message == "query timed out before a worker could process it")
    }

    @Test("A caller who sets no deadline gets one")
    func defaultDeadline() async throws {
        let world = FrontendWorld()
        world.history.answer(.success(.queried(.init())))
        let _: QueryResponse = try await world.call(self.query(), deadline: nil)
        #expect(world.history.requests.first?.deadline == world.clock.now() + .seconds(30))
    }

    @Test("A signal needs a name of legal length")
    func signal() async {
        let cases = [
            ("", "SignalName is not set on request."),
            (String(repeating: "s", count: 1_001), "SignalName length exceeds limit."),
        ]
        for (name, message) in cases {
            let request = SignalRequest.with {
                $0.namespace = "default"
                $0.workflowExecution.workflowID = "w"
                $0.signalName = name
            }
            let error = await FrontendWorld().refusal(request, returning: SignalResponse.self)
            #expect(error == .invalidArgument(message))
        }
    }

    @Test("A termination tells that a user did it")
    func terminate() async throws {
        let world = FrontendWorld()
        let _: TerminateResponse = try await world.call(
            TerminateRequest.with {
                $0.namespace = "default"
                $0.workflowExecution.workflowID = "w"
            })
        guard case .terminate(let request) = world.history.operations.first else {
            Issue.record("not terminated")
            return
        }
        #expect(request.reason == "terminated by user via frontend")
        #expect(request.identity == "frontend-service")
    }

    @Test("History pages have a size and a filter")
    func historyDefaults() async throws {
        for (asked, used) in [(0, 256), (-1, 256), (10, 10), (9_999, 256)] {
            let world = FrontendWorld()
            world.history.answer(.success(.history(.init())))
            let _: HistoryPageResponse = try await world.call(
                HistoryPageRequest.with {
                    $0.namespace = "default"
                    $0.execution.workflowID = "w"
                    $0.maximumPageSize = Int32(asked)
                })
            guard case .getHistory(let request, _) = world.history.operations.first else {
                Issue.record("no history")
                return
            }
            #expect(request.maximumPageSize == used)
            #expect(request.historyEventFilterType == .allEvent)
        }
    }

    @Test("Random bytes as any request are done or refused, and nothing crashes", arguments: 0..<50)
    func fuzz(_ seed: UInt64) async {
        let world = FrontendWorld()
        var fuzzer = RequestFuzzer(seed: seed)
        FrontendRPCs.visitAll(&fuzzer)
        for call in fuzzer.calls { await call(world) }
        #expect(fuzzer.calls.count == FrontendRPCs.table.count * 20)
    }
}

/// Makes calls of every built RPC from random bytes that decode.
private struct RequestFuzzer: RPCVisitor {
    var random: SeededGenerator
    var calls: [@Sendable (FrontendWorld) async -> Void] = []

    init(seed: UInt64) { self.random = SeededGenerator(seed) }

    mutating func visit<Request, Response>(_ rpc: BuiltRPC<Request, Response>) {
        for _ in 0..<20 {
            let request: Request = self.request()
            self.calls.append { world in
                let context = CallContext(deadline: world.clock.now() + .seconds(30))
                do throws(ServiceError) {
                    _ = try await rpc.handle(request, context, by: world.service)
                } catch {
                    #expect(!error.message.isEmpty)
                }
            }
        }
    }

    /// A request with field 1 a real namespace or token, then random fields.
    private mutating func request<Request: SwiftProtobuf.Message>() -> Request {
        for _ in 0..<50 {
            var bytes: [UInt8] = []
            if Bool.random(using: &self.random) { bytes += [0x0a, 7] + Array("default".utf8) }
            for _ in 0..<Int.random(in: 0..<12, using: &self.random) {
                let field = UInt8.random(in: 1..<16, using: &self.random)
                if Bool.random(using: &self.random) {
                    bytes += [field << 3, UInt8.random(in: 0..<128, using: &self.random)]
                } else {
                    let count = UInt8.random(in: 0..<20, using: &self.random)
                    bytes += [field << 3 | 2, count]
                    bytes += (0..<count).map { _ in
                        UInt8.random(in: 0..<128, using: &self.random)
                    }
                }
            }
            do {
                return try Request(serializedBytes: bytes)
            } catch {
                continue
            }
        }
        return Request()
    }
}
