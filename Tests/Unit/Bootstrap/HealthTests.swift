import Bootstrap
import Frontend
import GRPCCore
import Primitives
import GRPCProtobuf
import GRPCTransport
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct HealthTests {
    typealias Request = Grpc_Health_V1_HealthCheckRequest
    typealias Response = Grpc_Health_V1_HealthCheckResponse

    static let check = RPCName(service: "grpc.health.v1.Health", method: "Check")
    static let list = RPCName(service: "grpc.health.v1.Health", method: "List")
    static let watch = MethodDescriptor(
        fullyQualifiedService: "grpc.health.v1.Health", method: "Watch")

    static func table(_ status: HealthStatus) -> CallTable {
        var table = CallTable()
        table.addHealth(
            HealthService(status: status, services: ["a.Service"]), clock: SystemClock())
        return table
    }

    @Test("Check says what the process says, and knows the names it was given")
    func check() async throws {
        let status = HealthStatus()
        try await Loopback.with(Self.table(status)) { loopback in
            func answer(_ name: String) async throws -> Response.ServingStatus {
                let response: Response = try await loopback.call(
                    Self.check, Request.with { $0.service = name })
                return response.status
            }
            #expect(try await answer("") == .notServing)
            status.set(.serving)
            #expect(try await answer("a.Service") == .serving)
            status.set(.stopping)
            #expect(try await answer("") == .notServing)
            let error = try await loopback.failure(
                Self.check, Request.with { $0.service = "another" })
            #expect(error?.code == .notFound)
            let list: Grpc_Health_V1_HealthListResponse = try await loopback.call(
                Self.list, Grpc_Health_V1_HealthListRequest())
            #expect(list.statuses.keys.sorted() == ["", "a.Service"])
        }
    }

    @Test("Watch sends each change and ends with the process")
    func watch() async throws {
        let status = HealthStatus()
        status.set(.serving)
        try await Loopback.with(Self.table(status)) { loopback in
            let seen: [Response.ServingStatus] = try await loopback.client.serverStreaming(
                request: ClientRequest(message: Request()), descriptor: Self.watch,
                serializer: ProtobufSerializer<Request>(),
                deserializer: ProtobufDeserializer<Response>(), options: .defaults
            ) { response in
                var seen: [Response.ServingStatus] = []
                do {
                    for try await message in response.messages {
                        seen.append(message.status)
                        status.set(.stopping)
                    }
                } catch let error as RPCError {
                    #expect(error.code == .unavailable)
                }
                return seen
            }
            #expect(seen == [.serving, .notServing])
        }
    }
}
