import FoundationEssentials
import Frontend
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct CallChainTests {
    @Test("An unknown namespace is named in the error")
    func unknownNamespace() async {
        let request = StartRequest.valid { $0.namespace = "nowhere" }
        let error = await FrontendWorld().refusal(request, returning: StartResponse.self)
        #expect(
            error
                == ServiceError(
                    .namespaceNotFound(name: "nowhere"), "Namespace nowhere is not found."))
    }

    @Test("A deprecated namespace starts nothing, and lets everything else go on")
    func deprecatedNamespace() async {
        let world = FrontendWorld(namespaceState: 2)
        world.history.answer(.success(.signaled(.init())))
        let start = await world.refusal(StartRequest.valid(), returning: StartResponse.self)
        #expect(
            start?.kind
                == .namespaceInvalidState(
                    name: "default", state: .deprecated, allowed: [.registered]))
        #expect(start?.message == "Namespace has invalid state: Deprecated. Must be Registered.")
        let signal = await world.refusal(
            Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionRequest.with {
                $0.namespace = "default"
                $0.workflowExecution.workflowID = "w"
                $0.signalName = "s"
            }, returning: Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionResponse.self)
        #expect(signal == nil)
    }

    @Test("A deleted namespace is refused, but can be described")
    func deletedNamespace() async throws {
        let world = FrontendWorld(namespaceState: 3)
        let list = await world.refusal(
            ListRequest.with { $0.namespace = "default" }, returning: ListResponse.self)
        #expect(
            list?.message
                == "Namespace has invalid state: Deleted. Must be Registered or Deprecated.")
        let described: Temporal_Api_Workflowservice_V1_DescribeNamespaceResponse =
            try await world.call(
                Temporal_Api_Workflowservice_V1_DescribeNamespaceRequest.with {
                    $0.namespace = "default"
                })
        #expect(described.namespaceInfo.state == .deleted)
    }

    @Test("The token names the namespace of a request that names none")
    func namespaceFromToken() async throws {
        let world = FrontendWorld()
        world.history.answer(.success(.workflowTaskCompleted(.init())))
        let request = CompletedRequest.with { $0.taskToken = (try? taskToken()) ?? Data() }
        let _: CompletedResponse = try await world.call(request)
        #expect(world.history.requests.first?.namespace.name == "default")
        #expect(world.history.requests.first?.workflowID == "w")
    }

    @Test("A token of one namespace is worth nothing in another")
    func tokenOfAnotherNamespace() async throws {
        let world = FrontendWorld()
        world.store.insert(id: "33333333-3333-4333-8333-333333333333", name: "other")
        let token = try taskToken()
        let request = CompletedRequest.with {
            $0.namespace = "other"
            $0.taskToken = token
        }
        let error = await world.refusal(request, returning: CompletedResponse.self)
        #expect(
            error
                == .invalidArgument("Operation requested with a token from a different namespace."))
    }

    @Test("Tokens the server did not write are invalid arguments")
    func wrongTokens() async throws {
        let tokens: [(Data, String)] = [
            (Data(), "Task token not set on request."),
            (Data([0xff, 0xff]), "Error deserializing task token."),
            (try taskToken { $0.runID = "x" }, "Invalid TaskToken."),
            (try taskToken { $0.workflowID = "" }, "Invalid TaskToken."),
            (try taskToken { $0.scheduledEventID = 0 }, "Invalid TaskToken."),
            (try taskToken(namespaceID: "default"), "Invalid TaskToken."),
        ]
        for (token, message) in tokens {
            let request = CompletedRequest.with {
                $0.namespace = "default"
                $0.taskToken = token
            }
            let error = await FrontendWorld().refusal(request, returning: CompletedResponse.self)
            #expect(error == .invalidArgument(message))
        }
    }

    @Test("Random bytes as a token are refused, and nothing crashes", arguments: 0..<200)
    func randomTokens(_ seed: UInt64) async {
        var random = SeededGenerator(seed)
        let world = FrontendWorld()
        for _ in 0..<20 {
            let count = Int.random(in: 0..<64, using: &random)
            let bytes = Data((0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
            let completed = await world.refusal(
                CompletedRequest.with { $0.taskToken = bytes }, returning: CompletedResponse.self)
            #expect(completed?.kind == .invalidArgument)
            let query = await world.refusal(
                Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest.with {
                    $0.taskToken = bytes
                },
                returning: Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedResponse.self)
            #expect(query?.kind == .invalidArgument)
        }
        #expect(world.history.requests.isEmpty)
    }

    @Test("A shard that is moving is asked again with the same request")
    func movingShard() async throws {
        let world = FrontendWorld()
        let moving = ServiceError(.shardUnavailable(ShardID(1)), "moving")
        world.history.answer(
            .failure(moving), .failure(moving), .success(.started(.with { $0.runID = "r" })))
        let response: StartResponse = try await world.call(StartRequest.valid())
        #expect(response.runID == "r")
        let ids = world.history.operations.map { operation -> String in
            guard case .startWorkflowExecution(let request) = operation else { return "" }
            return request.requestID
        }
        #expect(ids.count == 3 && Set(ids).count == 1)
    }

    @Test("A caller in a hurry is told that the shard is unavailable")
    func movingShardWithoutTime() async {
        let world = FrontendWorld()
        world.history.answer(.failure(ServiceError(.shardUnavailable(ShardID(1)), "moving")))
        let error = await world.refusal(
            StartRequest.valid(), returning: StartResponse.self, deadline: .milliseconds(10))
        #expect(error == .unavailable("shard is moving, please retry"))
    }

    @Test("What services say to each other is not what callers hear")
    func internalKinds() async {
        for kind in [
            ServiceError.Kind.taskAlreadyStarted, .obsoleteTask, .stickyWorkerUnavailable,
        ] {
            let world = FrontendWorld()
            world.history.answer(.failure(ServiceError(kind, "secret")))
            let error = await world.refusal(StartRequest.valid(), returning: StartResponse.self)
            #expect(error?.kind == .internalError)
        }
    }

    @Test("A reply of another shape is our fault, not a crash")
    func wrongReply() async {
        let error = await FrontendWorld().refusal(
            StartRequest.valid(), returning: StartResponse.self)
        #expect(error?.kind == .internalError)
    }

    @Test("Every built RPC is listed once, and is one the API has")
    func table() throws {
        let table = FrontendRPCs.table
        #expect(Set(table).count == table.count)
        let served = try EmbeddedDescriptors().rpcs.map {
            RPCName(service: $0.service, method: $0.method)
        }
        // Which ones they are is compared with docs/rpc-status.md elsewhere.
        #expect(Set(table).isSubset(of: served) && !table.isEmpty)
    }
}
