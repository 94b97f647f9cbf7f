import TemporalAPI

extension Transition {
    /// No run has operations, for the same reason.
    func requestCancelNexusOperation(
        _ attributes: Temporal_Api_Command_V1_RequestCancelNexusOperationCommandAttributes
    ) throws(CommandFailure) {
        throw CommandFailure(
            .badRequestCancelNexusOperationAttributes,
            "requested cancelation for a non-existing or already completed operation with scheduled event ID of \(attributes.scheduledEventID)"
        )
    }
}
