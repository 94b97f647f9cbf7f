import SwiftProtobuf
import TemporalAPI

/// `message` in its envelope.
func packed(_ message: some SwiftProtobuf.Message) -> Google_Protobuf_Any? {
    // Fails only for required fields, which no message of the API has.
    try? Google_Protobuf_Any(message: message)
}

/// What a worker says of an update.
enum UpdateMessage {
    case acceptance(Temporal_Api_Update_V1_Acceptance)
    case rejection(Temporal_Api_Update_V1_Rejection)
    case response(Temporal_Api_Update_V1_Response)

    static let protocolName = "temporal.api.update.v1"

    /// Opens the envelope; nil if it holds a message that no worker sends.
    /// - Throws: ``CommandFailure`` if it holds less than it says.
    init?(_ message: ProtocolMessage) throws(CommandFailure) {
        let body = message.body
        do {
            if body.isA(Temporal_Api_Update_V1_Acceptance.self) {
                self = .acceptance(try .init(unpackingAny: body))
            } else if body.isA(Temporal_Api_Update_V1_Rejection.self) {
                self = .rejection(try .init(unpackingAny: body))
            } else if body.isA(Temporal_Api_Update_V1_Response.self) {
                self = .response(try .init(unpackingAny: body))
            } else {
                return nil
            }
        } catch {
            throw .badMessage("unable to unmarshal request: \(message.typeName)")
        }
    }

    /// The update's request, if the worker gave it back: the server may have lost it.
    var request: UpdateRequest? {
        switch self {
        case .acceptance(let body): body.hasAcceptedRequest ? body.acceptedRequest : nil
        case .rejection(let body): body.hasRejectedRequest ? body.rejectedRequest : nil
        case .response: nil
        }
    }
}

extension ProtocolMessage {
    /// Whether it says no more than that an update is refused.
    var isRejection: Bool { self.body.isA(Temporal_Api_Update_V1_Rejection.self) }

    /// Full name of the body's type.
    var typeName: String {
        self.body.typeURL.split(separator: "/").last.map(String.init) ?? self.body.typeURL
    }

    /// The body's type as error messages name it.
    var shortTypeName: String {
        let name = self.typeName.split(separator: ".").last.map(String.init) ?? self.typeName
        return "*update.\(name)"
    }

    /// The package of the body's type: the protocol it belongs to.
    var protocolName: String {
        self.typeName.split(separator: ".").dropLast().joined(separator: ".")
    }
}

extension CommandFailure {
    static func badMessage(_ message: String) -> CommandFailure {
        CommandFailure(.badUpdateWorkflowExecutionMessage, message)
    }
}
