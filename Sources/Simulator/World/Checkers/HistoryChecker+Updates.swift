import SwiftProtobuf
import TemporalAPI

/// The updates of a run, as far as its history has been read.
struct UpdatesOfRun {
    var admitted: Set<String> = []
    /// The events that accepted them.
    var accepted: [String: Int64] = [:]
    var completed: Set<String> = []
}

// Updates: each is accepted once, and completed once after that.
extension HistoryChecker {
    mutating func checkUpdate(_ event: HistoryEvent) {
        switch event.attributes {
        case .workflowExecutionUpdateAdmittedEventAttributes(let admitted):
            let id = admitted.request.meta.updateID
            self.expect(
                self.updates.accepted[id] == nil && self.updates.admitted.insert(id).inserted,
                event, "admits update \(id) again")
        case .workflowExecutionUpdateAcceptedEventAttributes(let accepted):
            self.updateAccepted(accepted, event)
        case .workflowExecutionUpdateCompletedEventAttributes(let completed):
            let id = completed.meta.updateID
            self.expect(
                self.updates.completed.insert(id).inserted, event, "completes update \(id) again")
            self.expect(
                self.updates.accepted[id] == completed.acceptedEventID, event,
                "completes update \(id), which event \(completed.acceptedEventID) did not accept")
        default: break
        }
    }

    private mutating func updateAccepted(
        _ accepted: Temporal_Api_History_V1_WorkflowExecutionUpdateAcceptedEventAttributes,
        _ event: HistoryEvent
    ) {
        let id = accepted.protocolInstanceID
        self.expect(self.updates.accepted[id] == nil, event, "accepts update \(id) again")
        self.expect(
            accepted.hasAcceptedRequest
                ? accepted.acceptedRequest.meta.updateID == id
                : self.updates.admitted.contains(id),
            event, "accepts update \(id), whose request is nowhere")
        self.expect(
            (1..<event.eventID).contains(accepted.acceptedRequestSequencingEventID), event,
            "accepts update \(id) behind event \(accepted.acceptedRequestSequencingEventID)")
        self.updates.accepted[id] = event.eventID
    }
}
