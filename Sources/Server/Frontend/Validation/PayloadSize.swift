import FoundationEssentials
import SwiftProtobuf
import TemporalAPI

/// Sizes of what callers send, as it counts towards limits: the length of its serialized form.
enum PayloadSize {
    static func of(_ payloads: Payloads) -> Int {
        payloads.payloads.reduce(0) { $0 + self.framed(self.of($1)) }
    }

    static func of(_ fields: [String: Payload]) -> Int {
        fields.reduce(0) { sum, field in
            let entry = self.framed(field.key.utf8.count) + self.framed(self.of(field.value))
            return sum + self.framed(entry)
        }
    }

    static func of(_ payload: Payload) -> Int {
        var size = payload.data.isEmpty ? 0 : self.framed(payload.data.count)
        for (key, value) in payload.metadata {
            size += self.framed(self.framed(key.utf8.count) + self.framed(value.count))
        }
        return size + payload.externalPayloads.count * 12
    }

    /// Any message; what cannot be serialized is larger than every limit.
    static func ofMessage(_ message: some SwiftProtobuf.Message) -> Int {
        do {
            let bytes: [UInt8] = try message.serializedBytes()
            return bytes.count
        } catch {
            return .max
        }
    }

    /// A field's length with its tag and length prefix.
    private static func framed(_ length: Int) -> Int {
        var prefix = 2, rest = length >> 7
        while rest > 0 {
            prefix += 1
            rest >>= 7
        }
        return length + prefix
    }
}
