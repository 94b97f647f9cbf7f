import Primitives
import SwiftProtobuf
import TemporalAPI

extension MutableState {
    mutating func applyOptionsUpdated(_ event: HistoryEvent) -> [RunItem.Changed] {
        let attributes = event.workflowExecutionOptionsUpdatedEventAttributes
        if attributes.unsetVersioningOverride {
            self.info.clearVersioningOverride()
        } else if attributes.hasVersioningOverride {
            self.info.versioningOverride = attributes.versioningOverride
        }
        if attributes.hasPriority { self.info.priority = attributes.priority }
        let requestID = attributes.attachedRequestID
        let callbacks = self.addCallbacks(
            attributes.attachedCompletionCallbacks, requestID: requestID, of: event)
        guard !requestID.isEmpty else { return callbacks }
        self.attachedRequests[requestID] = .with {
            $0.requestID = requestID
            $0.eventType = event.eventType
            $0.eventID = event.eventID
        }
        return [.attachedRequest(requestID)] + callbacks
    }

    /// An event that was applied while it waited has got its id.
    mutating func applyNumber(of event: HistoryEvent) -> [RunItem.Changed] {
        switch event.attributes {
        case .workflowExecutionOptionsUpdatedEventAttributes(let attributes):
            guard self.attachedRequests[attributes.attachedRequestID] != nil else { return [] }
            self.attachedRequests[attributes.attachedRequestID]?.eventID = event.eventID
            return [.attachedRequest(attributes.attachedRequestID)]
        case .workflowExecutionUpdateAdmittedEventAttributes(let attributes):
            let id = attributes.request.meta.updateID
            guard self.updates[id] != nil else { return [] }
            self.updates[id]?.admittedEventID = event.eventID
            return [.update(id)]
        case .childWorkflowExecutionStartedEventAttributes:
            return self.applyNumber(ofChildStarted: event)
        default:
            return []
        }
    }

    /// Forgets the requests that were attached first, so that at most `countMax` are left.
    ///
    /// Those whose event waits in the buffer do not count yet.
    mutating func keepAttachedRequests(_ countMax: Int) -> [RunItem.Changed] {
        guard self.attachedRequests.count > countMax else { return [] }
        let numbered = self.attachedRequests.values.filter { $0.eventID != 0 }
            .sorted { $0.eventID < $1.eventID }
        let surplus = numbered.dropLast(countMax)
        for request in surplus { self.attachedRequests[request.requestID] = nil }
        return surplus.map { .attachedRequest($0.requestID) }
    }
}
