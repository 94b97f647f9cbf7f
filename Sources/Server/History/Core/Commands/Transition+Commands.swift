import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension Transition {
    /// Carries out the commands of a completed workflow task, in order.
    /// - Throws: ``CommandFailure`` for the first one that cannot be; the caller drops the transition.
    mutating func apply(
        _ commands: [Command], completedEventID: Int64
    ) throws(CommandFailure) {
        for (index, command) in commands.enumerated() where self.state.isRunning {
            if let flaw, flaw.commandIndex == index { throw self.failure(flaw, of: command) }
            try self.apply(command, completedEventID)
        }
        try self.applyRemainingMessages()
    }

    private mutating func apply(
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        guard command.hasAttributesOfItsType, let attributes = command.attributes else {
            throw .withoutAttributes(command.commandType)
        }
        switch attributes {
        case .scheduleActivityTaskCommandAttributes(let attributes):
            try self.scheduleActivity(attributes, command, completedEventID)
        case .requestCancelActivityTaskCommandAttributes(let attributes):
            try self.requestCancelActivity(attributes, command, completedEventID)
        case .startTimerCommandAttributes(let attributes):
            try self.startTimer(attributes, command, completedEventID)
        case .cancelTimerCommandAttributes(let attributes):
            try self.cancelTimer(attributes, command, completedEventID)
        case .recordMarkerCommandAttributes(let attributes):
            try self.recordMarker(attributes, command, completedEventID)
        case .upsertWorkflowSearchAttributesCommandAttributes(let attributes):
            try self.upsertSearchAttributes(attributes, command, completedEventID)
        case .modifyWorkflowPropertiesCommandAttributes(let attributes):
            try self.modifyProperties(attributes, command, completedEventID)
        case .completeWorkflowExecutionCommandAttributes(let attributes):
            try self.completeRun(attributes, command, completedEventID)
        case .failWorkflowExecutionCommandAttributes(let attributes):
            try self.failRun(attributes, command, completedEventID)
        case .cancelWorkflowExecutionCommandAttributes(let attributes):
            try self.cancelRun(attributes, command, completedEventID)
        case .continueAsNewWorkflowExecutionCommandAttributes(let attributes):
            try self.continueAsNew(attributes, command, completedEventID)
        case .protocolMessageCommandAttributes(let attributes):
            try self.applyMessage(attributes)
        case .startChildWorkflowExecutionCommandAttributes(let attributes):
            try self.startChild(attributes, command, completedEventID)
        case .signalExternalWorkflowExecutionCommandAttributes(let attributes):
            try self.signalExternal(attributes, command, completedEventID)
        case .requestCancelExternalWorkflowExecutionCommandAttributes(let attributes):
            try self.requestCancelExternal(attributes, command, completedEventID)
        case .scheduleNexusOperationCommandAttributes(let attributes):
            try self.scheduleNexusOperation(attributes)
        case .requestCancelNexusOperationCommandAttributes(let attributes):
            try self.requestCancelNexusOperation(attributes)
        }
    }

    /// Fails unless `text` is set and within the length limit for names, of which `tooLong` is told.
    func check(
        _ text: String, _ cause: WorkflowTaskFailedCause, missing: String, tooLong: String
    ) throws(CommandFailure) {
        if text.isEmpty { throw CommandFailure(cause, missing) }
        let length = text.utf8.count, lengthMax = self.settings.idLengthMax
        guard length <= lengthMax else {
            throw CommandFailure(cause, "\(tooLong)\(text) Length=\(length) Limit=\(lengthMax)")
        }
    }

    /// Fails for good if a payload is larger than the server keeps.
    func check(
        size: Int, of what: String, _ cause: WorkflowTaskFailedCause, max: Int? = nil
    ) throws(CommandFailure) {
        guard size <= max ?? self.settings.blobSizeErrorMax else {
            throw CommandFailure(cause, "\(what) exceeds size limit.", terminatesRun: true)
        }
    }
}

/// Copies what any command may carry to the event it leads to.
func annotate(_ event: inout HistoryEvent, from command: Command) {
    if command.hasUserMetadata { event.userMetadata = command.userMetadata }
    event.eventGroupMarkers = command.eventGroupMarkers
}

/// Serialized size of a message, in bytes.
func size(of message: some SwiftProtobuf.Message) -> Int { MutableState.bytes(message).count }
