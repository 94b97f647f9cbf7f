import FoundationEssentials
import SwiftProtobuf
import TemporalAPI

/// What payloads keep in stores of their users' own, as their codecs note it in each of them.
struct ExternalPayloads: Equatable {
    var count: Int64 = 0
    var sizeBytes: Int64 = 0

    init() {}

    /// Of all payloads of an event but its search attributes, as Temporal counts.
    init(in event: HistoryEvent) {
        var visitor = ExternalPayloadVisitor()
        // The visitor throws nothing.
        try? event.traverse(visitor: &visitor)
        self = visitor.found
    }
}

extension MutableState {
    /// Adds what an event brings; payloads themselves are not looked into.
    mutating func countExternalPayloads(in event: HistoryEvent) {
        let found = ExternalPayloads(in: event)
        guard found.count > 0 else { return }
        self.info.externalPayloadCount += found.count
        self.info.externalPayloadSizeBytes += found.sizeBytes
    }
}

/// Finds the payloads of a message wherever they are.
private struct ExternalPayloadVisitor: Visitor {
    var found = ExternalPayloads()

    mutating func visitSingularMessageField<M: Message>(value: M, fieldNumber: Int) throws {
        if let payload = value as? Temporal_Api_Common_V1_Payload {
            for external in payload.externalPayloads {
                self.found.count += 1
                self.found.sizeBytes += external.sizeBytes
            }
        } else if !(value is Temporal_Api_Common_V1_SearchAttributes) {
            try value.traverse(visitor: &self)
        }
    }

    mutating func visitRepeatedMessageField<M: Message>(value: [M], fieldNumber: Int) throws {
        for message in value {
            try self.visitSingularMessageField(value: message, fieldNumber: fieldNumber)
        }
    }

    mutating func visitMapField<Key, Value: Message & Hashable>(
        fieldType: _ProtobufMessageMap<Key, Value>.Type,
        value: _ProtobufMessageMap<Key, Value>.BaseType, fieldNumber: Int
    ) throws {
        for message in value.values {
            try self.visitSingularMessageField(value: message, fieldNumber: fieldNumber)
        }
    }

    // Nothing else holds payloads.
    mutating func visitMapField<Key, Value: MapValueType>(
        fieldType: _ProtobufMap<Key, Value>.Type,
        value: _ProtobufMap<Key, Value>.BaseType, fieldNumber: Int
    ) {}
    mutating func visitMapField<Key, Value>(
        fieldType: _ProtobufEnumMap<Key, Value>.Type,
        value: _ProtobufEnumMap<Key, Value>.BaseType, fieldNumber: Int
    ) {}
    mutating func visitSingularDoubleField(value: Double, fieldNumber: Int) {}
    mutating func visitSingularInt64Field(value: Int64, fieldNumber: Int) {}
    mutating func visitSingularUInt64Field(value: UInt64, fieldNumber: Int) {}
    mutating func visitSingularBoolField(value: Bool, fieldNumber: Int) {}
    mutating func visitSingularStringField(value: String, fieldNumber: Int) {}
    mutating func visitSingularBytesField(value: Data, fieldNumber: Int) {}
    mutating func visitSingularEnumField<E: Enum>(value: E, fieldNumber: Int) {}
    mutating func visitUnknown(bytes: Data) {}
}
