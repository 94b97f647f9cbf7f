import SwiftProtobuf
import TemporalAPI

/// The answer of a workflow to the updates that came with a task: each is accepted and completed.
struct UpdateMessages {
    private(set) var messages: [Temporal_Api_Protocol_V1_Message] = []
    private(set) var commands: [Command] = []

    /// Answers the messages of a workflow task.
    init(to requests: [Temporal_Api_Protocol_V1_Message], answer: Payloads) throws {
        for request in requests {
            let update = try Temporal_Api_Update_V1_Request(unpackingAny: request.body)
            try self.say(
                Temporal_Api_Update_V1_Acceptance.with {
                    $0.acceptedRequestMessageID = request.id
                    $0.acceptedRequestSequencingEventID = request.eventID
                    $0.acceptedRequest = update
                }, "accept", to: request)
            try self.say(
                Temporal_Api_Update_V1_Response.with {
                    $0.meta = update.meta
                    $0.outcome.success = answer
                }, "complete", to: request)
        }
    }

    private mutating func say(
        _ body: some SwiftProtobuf.Message, _ what: String,
        to request: Temporal_Api_Protocol_V1_Message
    ) throws {
        let id = "\(request.protocolInstanceID)/\(what)"
        let packed = try Google_Protobuf_Any(message: body)
        self.messages.append(
            .with {
                $0.id = id
                $0.protocolInstanceID = request.protocolInstanceID
                $0.body = packed
            })
        self.commands.append(
            .with {
                $0.commandType = .protocolMessage
                $0.protocolMessageCommandAttributes.messageID = id
            })
    }
}
