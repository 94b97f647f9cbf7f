import TemporalAPI

extension Transition {
    /// There are no endpoints yet, so that none is found, as in a cluster that has not made any.
    func scheduleNexusOperation(
        _ attributes: Temporal_Api_Command_V1_ScheduleNexusOperationCommandAttributes
    ) throws(CommandFailure) {
        throw CommandFailure(
            .badScheduleNexusOperationAttributes, "endpoint \"\(attributes.endpoint)\" not found")
    }
}
