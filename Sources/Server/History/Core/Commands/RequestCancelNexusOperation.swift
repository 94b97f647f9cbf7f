import TemporalAPI

extension Transition {
    /// No run has operations, since there are no endpoints to run them at.
    func requestCancelNexusOperation(
        _ attributes: Temporal_Api_Command_V1_RequestCancelNexusOperationCommandAttributes
    ) throws(CommandFailure) {
        throw CommandFailure(
            .badRequestCancelNexusOperationAttributes,
            "requested cancelation for a non-existing or already completed operation with scheduled event ID of \(attributes.scheduledEventID)"
        )
    }
}
