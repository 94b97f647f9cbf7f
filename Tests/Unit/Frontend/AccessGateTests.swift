import Authorization
import FoundationEssentials
import Frontend
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// Thinks the same of everybody.
private struct FixedAuthenticator: Authenticator {
    let verdict: Verdict

    func verdict(onHeader header: String?) async throws(ServiceError) -> Verdict { self.verdict }
}

/// Calls of every built RPC, with empty requests.
private struct EmptyCalls: RPCVisitor {
    typealias Call = @Sendable (FrontendRole) async -> ServiceError?

    let service: FrontendService
    var calls: [(rpc: RPCName, run: Call)] = []

    mutating func visit<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ rpc: BuiltRPC<Request, Response>
    ) {
        let service = self.service
        self.calls.append(
            (
                rpc.name,
                { role in
                    do throws(ServiceError) {
                        _ = try await rpc.handle(
                            Request(), CallContext(deadline: .epoch, role: role), by: service)
                        return nil
                    } catch {
                        return error
                    }
                }
            ))
    }

    static func all(of world: FrontendWorld) -> [(rpc: RPCName, run: Call)] {
        var visitor = EmptyCalls(service: world.service)
        FrontendRPCs.visitAll(&visitor)
        return visitor.calls
    }
}

@Suite struct AccessGateTests {
    private static let refusal = ServiceError(
        .permissionDenied(reason: ""), "Request unauthorized.")

    private static func world(_ namespaces: [String: Access]) -> FrontendWorld {
        let identity = Identity(principal: "anna", claims: Claims(namespaces: namespaces))
        let world = FrontendWorld(
            authenticator: FixedAuthenticator(
                verdict: .believed(identity, until: .distantFuture)))
        world.store.insert(id: "33333333-3333-4333-8333-333333333333", name: "other")
        return world
    }

    @Test("Whoever is not believed reaches nothing behind the gate, whatever the RPC")
    func strangers() async {
        let world = FrontendWorld(
            authenticator: FixedAuthenticator(verdict: .refused(.unknownToken)))
        let calls = EmptyCalls.all(of: world)
        #expect(calls.count > 30)
        for (rpc, run) in calls where rpc.method != "GetSystemInfo" {
            #expect(await run(.publicFrontend) == Self.refusal, "\(rpc.method)")
        }
        #expect(world.store.reads == 0 && world.history.requests.isEmpty)
        for (rpc, run) in calls where rpc.method == "GetSystemInfo" {
            #expect(await run(.publicFrontend) == nil)
        }
    }

    @Test("The internal frontend asks nobody")
    func internalFrontend() async {
        let world = FrontendWorld(
            authenticator: FixedAuthenticator(verdict: .refused(.unknownToken)))
        for rpc in ["ListNamespaces", "DescribeNamespace", "StartWorkflowExecution"] {
            let call = EmptyCalls.all(of: world).first { $0.rpc.method == rpc }
            #expect(await call?.run(.internalFrontend) != Self.refusal)
        }
    }

    @Test("A refusal is the same whether the namespace exists or not")
    func existenceIsNotTold() async {
        let world = Self.world(["default": .read])
        for name in ["other", "nowhere", "default"] {
            let request = StartRequest.valid { $0.namespace = name }
            #expect(await world.refusal(request, returning: StartResponse.self) == Self.refusal)
        }
        #expect(world.store.reads == 0)
    }

    @Test("Where a request has no name, its id or token says which namespace it is about")
    func namespaceByID() async {
        typealias Request = Temporal_Api_Workflowservice_V1_DescribeNamespaceRequest
        typealias Response = Temporal_Api_Workflowservice_V1_DescribeNamespaceResponse
        let world = Self.world(["default": .write])
        for (id, expected) in [
            (FrontendWorld.namespaceID, nil),
            ("33333333-3333-4333-8333-333333333333", Self.refusal),
            ("44444444-4444-4444-8444-444444444444", Self.refusal), ("x", Self.refusal),
        ] as [(String, ServiceError?)] {
            let request = Request.with { $0.id = id }
            #expect(await world.refusal(request, returning: Response.self) == expected)
        }
        let elsewhere = Self.world(["other": .admin])
        world.history.answer(.success(.workflowTaskCompleted(.init())))
        for (world, expected) in [(world, nil), (elsewhere, Self.refusal)]
            as [(FrontendWorld, ServiceError?)]
        {
            let request = CompletedRequest.with { $0.taskToken = (try? taskToken()) ?? Data() }
            #expect(
                await world.refusal(request, returning: CompletedResponse.self) == expected)
        }
    }

    @Test("Lists of namespaces, and the tokens between their pages, show what may be read")
    func lists() async throws {
        typealias Request = Temporal_Api_Workflowservice_V1_ListNamespacesRequest
        typealias Response = Temporal_Api_Workflowservice_V1_ListNamespacesResponse
        let world = Self.world(["other": .read, "never": .read])
        for number in 0..<250 {
            world.store.insert(
                id: "55555555-5555-4555-8555-\(100_000_000_000 + number)",
                name: "hidden-\(number)")
        }
        let page: Response = try await world.call(Request.with { $0.pageSize = 1 })
        #expect(page.namespaces.map(\.namespaceInfo.name) == ["other"])
        #expect(page.nextPageToken.isEmpty)
    }
}
