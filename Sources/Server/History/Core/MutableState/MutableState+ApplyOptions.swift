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
        return self.attach(requestID, by: event) + callbacks
    }

    /// Keeps which event a request has led to, for those who ask for it by the request's id.
    mutating func attach(_ requestID: String, by event: HistoryEvent) -> [RunItem.Changed] {
        guard !requestID.isEmpty else { return [] }
        self.attachedRequests[requestID] = .with {
            $0.requestID = requestID
            $0.eventType = event.eventType
            $0.eventID = event.eventID
        }
        return [.attachedRequest(requestID)]
    }

    /// An event that was applied while it waited has got its id.
    mutating func applyNumber(of event: HistoryEvent) -> [RunItem.Changed] {
        switch event.attributes {
        case .workflowExecutionOptionsUpdatedEventAttributes(let attributes):
            return self.applyNumber(ofAttached: attributes.attachedRequestID, event)
        case .workflowExecutionUpdateAdmittedEventAttributes(let attributes):
            let id = attributes.request.meta.updateID
            guard self.updates[id] != nil else { return [] }
            self.updates[id]?.admittedEventID = event.eventID
            return [.update(id)] + self.applyNumber(ofAttached: attributes.request.requestID, event)
        case .childWorkflowExecutionStartedEventAttributes:
            return self.applyNumber(ofChildStarted: event)
        default:
            return []
        }
    }

    private mutating func applyNumber(
        ofAttached requestID: String, _ event: HistoryEvent
    ) -> [RunItem.Changed] {
        guard self.attachedRequests[requestID] != nil else { return [] }
        self.attachedRequests[requestID]?.eventID = event.eventID
        return [.attachedRequest(requestID)]
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
