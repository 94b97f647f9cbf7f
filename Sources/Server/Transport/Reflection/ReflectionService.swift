import FoundationEssentials
import Frontend
import GRPCCore
import Primitives
import SwiftProtobuf
import Synchronization
import TemporalAPI

/// gRPC server reflection, for `grpcurl` and its like.
package final class ReflectionService: Sendable {
    /// Both versions have the same messages on the wire.
    static let rpcs: Set<RPCName> = Set(
        ["grpc.reflection.v1", "grpc.reflection.v1alpha"].map {
            RPCName(service: "\($0).ServerReflection", method: "ServerReflectionInfo")
        })

    typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
    typealias Response = Grpc_Reflection_V1_ServerReflectionResponse

    /// What is served; definitions of other services are not shown.
    private let services: Set<String>
    /// Made when first needed: most servers are never asked.
    private let index = Mutex<ReflectionIndex?>(nil)

    package init(services: Set<String>) { self.services = services }

    private func loadedIndex() throws -> ReflectionIndex {
        try self.index.withLock { index in
            if let index { return index }
            let made = ReflectionIndex(try EmbeddedDescriptors())
            index = made
            return made
        }
    }

    func answer(_ request: Request) throws -> Response {
        let index = try self.loadedIndex()
        return .with {
            $0.validHost = request.host
            $0.originalRequest = request
            $0.messageResponse = self.answer(request.messageRequest, index)
        }
    }

    private func answer(
        _ question: Request.OneOf_MessageRequest?, _ index: ReflectionIndex
    ) -> Response.OneOf_MessageResponse {
        switch question {
        case .listServices:
            let names = index.services.filter(self.services.contains)
            return .listServicesResponse(
                .with { $0.service = names.map { name in .with { $0.name = name } } })
        case .fileByFilename(let name): return Self.files(from: name, index)
        case .fileContainingSymbol(let symbol):
            return Self.files(from: index.file(ofSymbol: symbol), index)
        case .fileContainingExtension(let wanted):
            let key = ReflectionIndex.Extension(
                extended: wanted.containingType, number: wanted.extensionNumber)
            return Self.files(from: index.file(of: key), index)
        case .allExtensionNumbersOfType(let message):
            guard let numbers = index.extensionNumbers(of: message) else { return Self.notFound }
            return .allExtensionNumbersResponse(
                .with {
                    $0.baseTypeName = message
                    $0.extensionNumber = numbers
                })
        case nil:
            return Self.error(.invalidArgument, "the request asks for nothing")
        }
    }

    private static func files(
        from name: String?, _ index: ReflectionIndex
    ) -> Response.OneOf_MessageResponse {
        guard let name, let files = index.files(from: name) else { return Self.notFound }
        return .fileDescriptorResponse(.with { $0.fileDescriptorProto = files.map { Data($0) } })
    }

    private static let notFound = error(.notFound, "not found")

    private static func error(
        _ code: Status.Code, _ message: String
    ) -> Response.OneOf_MessageResponse {
        .errorResponse(
            .with {
                $0.errorCode = Int32(code.rawValue)
                $0.errorMessage = message
            })
    }
}

extension CallTable {
    /// Adds server reflection for what the table answers so far.
    package mutating func addReflection(alsoFor services: Set<String> = []) {
        let names = Set(self.rpcs.map(\.service)).union(services)
            .union(ReflectionService.rpcs.map(\.service))
        let reflection = ReflectionService(services: names)
        for rpc in ReflectionService.rpcs {
            self.add(
                rpc,
                StreamingRoute<ReflectionService.Request, ReflectionService.Response>(
                    admit: self.admission(to: rpc)
                ) { requests, responses in
                    var requests = requests
                    while let request = try await requests.next() {
                        try await responses.send(try reflection.answer(request))
                    }
                })
        }
    }
}
