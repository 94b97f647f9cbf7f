import TemporalAPI

extension Command {
    /// Whether the attributes are there, and those of a command of this type.
    var hasAttributesOfItsType: Bool {
        switch (self.commandType, self.attributes) {
        case (.scheduleActivityTask, .scheduleActivityTaskCommandAttributes),
            (.requestCancelActivityTask, .requestCancelActivityTaskCommandAttributes),
            (.startTimer, .startTimerCommandAttributes),
            (.cancelTimer, .cancelTimerCommandAttributes),
            (.recordMarker, .recordMarkerCommandAttributes),
            (.upsertWorkflowSearchAttributes, .upsertWorkflowSearchAttributesCommandAttributes),
            (.modifyWorkflowProperties, .modifyWorkflowPropertiesCommandAttributes),
            (.completeWorkflowExecution, .completeWorkflowExecutionCommandAttributes),
            (.failWorkflowExecution, .failWorkflowExecutionCommandAttributes),
            (.cancelWorkflowExecution, .cancelWorkflowExecutionCommandAttributes),
            (.continueAsNewWorkflowExecution, .continueAsNewWorkflowExecutionCommandAttributes),
            (.protocolMessage, .protocolMessageCommandAttributes),
            (.startChildWorkflowExecution, .startChildWorkflowExecutionCommandAttributes),
            (.signalExternalWorkflowExecution, .signalExternalWorkflowExecutionCommandAttributes),
            (
                .requestCancelExternalWorkflowExecution,
                .requestCancelExternalWorkflowExecutionCommandAttributes
            ),
            (.scheduleNexusOperation, .scheduleNexusOperationCommandAttributes),
            (.requestCancelNexusOperation, .requestCancelNexusOperationCommandAttributes):
            true
        default:
            false
        }
    }
}

extension CommandFailure {
    /// A command without the attributes of its type, which says nothing that could be done.
    static func withoutAttributes(_ type: Temporal_Api_Enums_V1_CommandType) -> CommandFailure {
        let name = "\(type)".prefix(1).uppercased() + "\(type)".dropFirst()
        let message =
            switch type {
            case .scheduleNexusOperation: "empty ScheduleNexusOperationCommandAttributes"
            case .requestCancelNexusOperation: "empty CancelNexusOperationCommandAttributes"
            default: "\(name)CommandAttributes is not set on \(name)Command."
            }
        return CommandFailure(self.causeOfBadAttributes(of: type), message)
    }

    private static func causeOfBadAttributes(
        of type: Temporal_Api_Enums_V1_CommandType
    ) -> WorkflowTaskFailedCause {
        switch type {
        case .scheduleActivityTask: .badScheduleActivityAttributes
        case .requestCancelActivityTask: .badRequestCancelActivityAttributes
        case .startTimer: .badStartTimerAttributes
        case .cancelTimer: .badCancelTimerAttributes
        case .recordMarker: .badRecordMarkerAttributes
        case .upsertWorkflowSearchAttributes: .badSearchAttributes
        case .modifyWorkflowProperties: .badModifyWorkflowPropertiesAttributes
        case .completeWorkflowExecution: .badCompleteWorkflowExecutionAttributes
        case .failWorkflowExecution: .badFailWorkflowExecutionAttributes
        case .cancelWorkflowExecution: .badCancelWorkflowExecutionAttributes
        case .continueAsNewWorkflowExecution: .badContinueAsNewAttributes
        case .protocolMessage: .badUpdateWorkflowExecutionMessage
        case .startChildWorkflowExecution: .badStartChildExecutionAttributes
        case .signalExternalWorkflowExecution: .badSignalWorkflowExecutionAttributes
        case .requestCancelExternalWorkflowExecution:
            .badRequestCancelExternalWorkflowExecutionAttributes
        case .scheduleNexusOperation: .badScheduleNexusOperationAttributes
        case .requestCancelNexusOperation: .badRequestCancelNexusOperationAttributes
        case .unspecified, .UNRECOGNIZED: .unspecified
        }
    }
}
