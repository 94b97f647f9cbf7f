import FoundationEssentials
import ServiceClients
import TemporalAPI

/// A payload as the Nexus protocol carries it: its data, and headers that say what it is.
///
/// Payloads that HTTP has a media type for travel as such; any other one as the message itself.
struct NexusContent {
    /// Without their prefix `Content-`.
    private(set) var headers: [CallbackDelivery.Header] = []
    private(set) var body: [UInt8] = []

    /// The form of a result; nil is none at all.
    init(_ payload: Temporal_Api_Common_V1_Payload?) {
        guard let payload else { return }
        guard let headers = Self.headers(of: payload) else {
            self.headers = [.init("type", "application/x-temporal-payload")]
            self.body = MutableState.bytes(payload)
            return
        }
        self.headers = headers
        self.body = [UInt8](payload.data)
    }

    /// What names the payload's type in HTTP; nil if nothing does.
    private static func headers(
        of payload: Temporal_Api_Common_V1_Payload
    ) -> [CallbackDelivery.Header]? {
        let metadata = payload.metadata.mapValues { String(decoding: $0, as: UTF8.self) }
        let messageType = metadata["messageType"] ?? ""
        let quotedType = "\"\(messageType.escapingQuotes)\""
        switch metadata["encoding"] {
        case "unknown/nexus-content":
            return metadata.sorted { $0.key < $1.key }
                .filter { $0.key != "encoding" && $0.key != "length" }
                .map { .init($0.key, $0.value) }
        case "json/protobuf" where metadata.count == 2 && !messageType.isEmpty:
            return [
                .init("type", "application/json; format=protobuf; message-type=\(quotedType)")
            ]
        case "binary/protobuf" where metadata.count == 2 && !messageType.isEmpty:
            return [.init("type", "application/x-protobuf; message-type=\(quotedType)")]
        case "json/plain": return [.init("type", "application/json")]
        case "binary/null" where metadata.count == 1: return []
        case "binary/plain" where metadata.count == 1:
            return [.init("type", "application/octet-stream")]
        default: return nil
        }
    }
}

extension String {
    fileprivate var escapingQuotes: String {
        self.reduce(into: "") { text, character in
            if character == "\"" || character == "\\" { text.append("\\") }
            text.append(character)
        }
    }
}
