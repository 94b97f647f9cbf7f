import SwiftProtobuf
import TemporalAPI

extension MutableState {
    /// Folds an event about a workflow update in.
    mutating func applyUpdate(
        _ event: HistoryEvent
    ) throws(HistoryCorrupted) -> [RunItem.Changed] {
        switch event.attributes {
        case .workflowExecutionUpdateAdmittedEventAttributes(let attributes):
            let id = attributes.request.meta.updateID
            guard !id.isEmpty, self.updates[id] == nil else {
                throw HistoryCorrupted("update \(id) was admitted twice")
            }
            self.updates[id] = .with {
                $0.updateID = id
                $0.state = .admitted
                $0.admittedEventID = event.eventID
            }
            return [.update(id)] + self.attach(attributes.request.requestID, by: event)
        case .workflowExecutionUpdateAcceptedEventAttributes(let attributes):
            let id = attributes.protocolInstanceID
            var update = self.updates[id] ?? .with { $0.updateID = id }
            guard update.state == .unspecified || update.state == .admitted else {
                throw HistoryCorrupted("update \(id) was accepted twice")
            }
            update.state = .accepted
            update.acceptedEventID = event.eventID
            self.updates[id] = update
            return [.update(id)] + self.attach(attributes.acceptedRequest.requestID, by: event)
        case .workflowExecutionUpdateCompletedEventAttributes(let attributes):
            let id = attributes.meta.updateID
            guard self.updates[id]?.state == .accepted else {
                throw HistoryCorrupted("update \(id) was not accepted before it completed")
            }
            self.updates[id]?.state = .completed
            self.updates[id]?.completedEventID = event.eventID
            return [.update(id)]
        default:
            throw HistoryCorrupted("not an update event: \(event.eventType)")
        }
    }
}
