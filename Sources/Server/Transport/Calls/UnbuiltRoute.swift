import Frontend
import GRPCCore
import GRPCNIOTransportHTTP2
import Primitives
import SwiftProtobuf
import Synchronization
import TemporalAPI

/// Answers the RPCs nobody built.
///
/// Who may not call one is not told that it is not built.
struct UnbuiltRoute: Route {
    let rpc: RPCName
    let gate: AccessGate?

    func answer(_ stream: CallStream, _ drain: Drain) async throws -> WireBytes? {
        if let gate = self.gate {
            let rpc = self.rpc
            let task = Task {
                var parts = stream.inbound.makeAsyncIterator()
                var headers = Metadata()
                var namespace = ""
                if case .metadata(let metadata) = try await parts.nextPart() { headers = metadata }
                if case .message(let bytes) = try await parts.nextPart() {
                    namespace = bytes.withUnsafeBytes { NamespaceField.value(of: rpc, in: $0) }
                }
                _ = try await gate.admit(rpc, headers: headers.texts, namespace: namespace)
            }
            try await drain.cancelling(task) { try await task.value }
        }
        throw RPCError(
            code: .unimplemented,
            message: "\(self.rpc.method) of \(self.rpc.service) is not implemented by this server")
    }
}

/// Reads the namespace out of requests whose RPC nobody built.
enum NamespaceField {
    /// Field numbers by RPC.
    ///
    /// Made when first needed: most servers never need them.
    private static let numbers = Mutex<[RPCName: UInt64]?>(nil)

    static func value(of rpc: RPCName, in request: UnsafeRawBufferPointer) -> String {
        let number = self.numbers.withLock { numbers in
            let known = numbers ?? self.load()
            numbers = known
            return known[rpc]
        }
        return number.flatMap { WireFields(request).lastText(ofField: $0) } ?? ""
    }

    private static func load() -> [RPCName: UInt64] {
        guard let descriptors = try? EmbeddedDescriptors() else { return [:] }
        var fields: [String: UInt64] = [:]
        for file in descriptors.files {
            for message in file.messageType {
                guard let field = message.field.first(where: { $0.name == "namespace" }) else {
                    continue
                }
                fields[".\(file.package).\(message.name)"] = UInt64(field.number)
            }
        }
        var numbers: [RPCName: UInt64] = [:]
        for file in descriptors.files {
            for service in file.service {
                for method in service.method {
                    let rpc = RPCName(
                        service: "\(file.package).\(service.name)", method: method.name)
                    numbers[rpc] = fields[method.inputType]
                }
            }
        }
        return numbers
    }
}

/// A protobuf message as it is on the wire.
struct WireFields {
    private var rest: UnsafeRawBufferPointer.SubSequence

    init(_ bytes: UnsafeRawBufferPointer) { self.rest = bytes[...] }

    /// Of several values the last one counts; nil if there is none, or this is no message.
    func lastText(ofField wanted: UInt64) -> String? {
        var reader = self
        var found: String?
        while !reader.rest.isEmpty {
            guard let tag = reader.varint() else { return nil }
            switch tag & 7 {
            case 0: guard reader.varint() != nil else { return nil }
            case 1: guard reader.bytes(8) != nil else { return nil }
            case 5: guard reader.bytes(4) != nil else { return nil }
            case 2:
                guard let size = reader.varint(), let value = reader.bytes(size) else { return nil }
                if tag >> 3 == wanted { found = String(decoding: value, as: UTF8.self) }
            default: return nil
            }
        }
        return found
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = self.rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private mutating func bytes(_ count: UInt64) -> UnsafeRawBufferPointer.SubSequence? {
        guard count <= UInt64(self.rest.count) else { return nil }
        defer { self.rest = self.rest.dropFirst(Int(count)) }
        return self.rest.prefix(Int(count))
    }
}
