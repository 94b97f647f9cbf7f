import TemporalAPI

extension Transition {
    /// Takes the message out that a command refers to, and does what it says.
    mutating func applyMessage(
        _ attributes: Temporal_Api_Command_V1_ProtocolMessageCommandAttributes
    ) throws(CommandFailure) {
        guard !attributes.messageID.isEmpty else {
            throw .badMessage("MessageID is not set on ProtocolMessageCommand.")
        }
        guard let index = self.inbox.firstIndex(where: { $0.id == attributes.messageID }) else {
            throw .badMessage(
                "ProtocolMessageCommand referenced absent message ID \(attributes.messageID)")
        }
        try self.handle(self.inbox.remove(at: index))
    }
}
