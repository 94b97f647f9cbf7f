import FoundationEssentials
import SwiftProtobuf
import TemporalAPI

/// Sizes of what callers send, as it counts towards limits: the length of its serialized form.
package enum PayloadSize {
    package static func of(_ payloads: Temporal_Api_Common_V1_Payloads) -> Int {
        payloads.payloads.reduce(0) { $0 + self.framed(self.of($1)) }
    }

    /// A message whose only field is this map, such as a memo.
    package static func of(_ fields: [String: Temporal_Api_Common_V1_Payload]) -> Int {
        fields.reduce(0) { sum, field in
            let entry = self.framed(field.key.utf8.count) + self.framed(self.of(field.value))
            return sum + self.framed(entry)
        }
    }

    /// A map as limits on commands count it: its keys and its payloads, without the map's own words.
    package static func contents(_ fields: [String: Temporal_Api_Common_V1_Payload]) -> Int {
        fields.reduce(0) { $0 + $1.key.utf8.count + self.of($1.value) }
    }

    package static func of(_ payload: Temporal_Api_Common_V1_Payload) -> Int {
        var size = payload.data.isEmpty ? 0 : self.framed(payload.data.count)
        for (key, value) in payload.metadata {
            size += self.framed(self.framed(key.utf8.count) + self.framed(value.count))
        }
        return size + payload.externalPayloads.count * 12
    }

    /// Any message; what cannot be serialized is larger than every limit.
    package static func ofMessage(_ message: some SwiftProtobuf.Message) -> Int {
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
