import SwiftProtobuf

/// One RPC of a served API, as its descriptor says.
package struct RPCDescriptor: Sendable, Hashable {
    /// Full name of the service, `temporal.api.workflowservice.v1.WorkflowService`.
    package let service: String
    package let method: String

    package init(service: String, method: String) {
        self.service = service
        self.method = method
    }
}

/// The descriptors of every served API, decoded from what the build embedded.
package struct EmbeddedDescriptors: Sendable {
    package let files: [Google_Protobuf_FileDescriptorProto]
    /// The files as they are sent by server reflection, by file name.
    package let serializedFiles: [String: [UInt8]]

    package init() throws {
        let set: Google_Protobuf_FileDescriptorSet = try .init(
            serializedBytes: decodeBase64(embeddedDescriptorSet))
        self.files = set.file
        self.serializedFiles = try Dictionary(
            uniqueKeysWithValues: set.file.map { ($0.name, try $0.serializedBytes()) })
    }

    /// All RPCs, in the order of the definitions.
    package var rpcs: [RPCDescriptor] {
        self.files.flatMap { file in
            file.service.flatMap { service in
                service.method.map {
                    RPCDescriptor(service: "\(file.package).\(service.name)", method: $0.name)
                }
            }
        }
    }
}

/// Decodes standard base64 which this package's own build wrote.
private func decodeBase64(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count / 4 * 3)
    var buffer: UInt32 = 0, bits: UInt32 = 0
    for character in text.utf8 {
        let value: UInt8
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): value = 62
        case UInt8(ascii: "/"): value = 63
        default: continue
        }
        buffer = buffer << 6 | UInt32(value)
        bits += 6
        if bits >= 8 {
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
        }
    }
    return bytes
}
