import Bootstrap
import FoundationEssentials
import GRPCCore
import GRPCProtobuf
import GRPCTransport
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ReflectionTests {
    typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
    typealias Response = Grpc_Reflection_V1_ServerReflectionResponse

    static func ask(_ requests: [Request], version: String = "v1") async throws -> [Response] {
        var table = CallTable()
        table.addHealth(HealthService(status: HealthStatus(), services: []), clock: SystemClock())
        table.addReflection()
        let (answers, report) = AsyncStream.makeStream(of: Response.self)
        try await Loopback.with(table) { loopback in
            try await loopback.client.bidirectionalStreaming(
                request: StreamingClientRequest { try await $0.write(contentsOf: requests) },
                descriptor: MethodDescriptor(
                    fullyQualifiedService: "grpc.reflection.\(version).ServerReflection",
                    method: "ServerReflectionInfo"),
                serializer: ProtobufSerializer<Request>(),
                deserializer: ProtobufDeserializer<Response>(), options: .defaults
            ) { response in
                for try await message in response.messages { report.yield(message) }
            }
        }
        report.finish()
        return await answers.reduce(into: []) { $0.append($1) }
    }

    static func files(_ response: Response?) throws -> [String] {
        let files = response?.fileDescriptorResponse.fileDescriptorProto ?? []
        return try files.map { try Google_Protobuf_FileDescriptorProto(serializedBytes: $0).name }
    }

    @Test("Services are listed, in both versions", arguments: ["v1", "v1alpha"])
    func list(version: String) async throws {
        let answers = try await Self.ask([.with { $0.listServices = "" }], version: version)
        #expect(
            answers.first?.listServicesResponse.service.map(\.name) == [
                "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection",
            ])
    }

    @Test("Files are found by name, by symbol and by extension, with what they import")
    func files() async throws {
        let service = "temporal.api.workflowservice.v1.WorkflowService"
        let answers = try await Self.ask([
            .with { $0.fileByFilename = "temporal/api/common/v1/message.proto" },
            .with { $0.fileContainingSymbol = service },
            .with { $0.fileContainingSymbol = "\(service).StartWorkflowExecution" },
            .with {
                $0.fileContainingExtension = .with {
                    $0.containingType = "google.protobuf.MethodOptions"
                    $0.extensionNumber = 72_295_728
                }
            },
            .with { $0.allExtensionNumbersOfType = "google.protobuf.MethodOptions" },
        ])
        #expect(try Self.files(answers[0]).first == "temporal/api/common/v1/message.proto")
        let found = try Self.files(answers[1])
        #expect(found.first == "temporal/api/workflowservice/v1/service.proto")
        #expect(found.contains("google/protobuf/timestamp.proto"))
        #expect(Set(found).count == found.count)
        #expect(try Self.files(answers[2]) == found)
        #expect(try Self.files(answers[3]).first == "google/api/annotations.proto")
        #expect(answers[4].allExtensionNumbersResponse.extensionNumber == [72_295_728])
    }

    @Test("What is not there is an error of its request only")
    func unknown() async throws {
        let answers = try await Self.ask([
            .with { $0.fileByFilename = "no/such.proto" }, Request(),
            .with { $0.fileContainingSymbol = "no.Such" }, .with { $0.listServices = "" },
        ])
        #expect(answers.map(\.errorResponse.errorCode) == [5, 3, 5, 0])
    }
}
