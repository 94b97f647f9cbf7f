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
        if event.eventType == .childWorkflowExecutionStarted {
            return self.applyNumber(ofChildStarted: event)
        }
        guard
            case .workflowExecutionOptionsUpdatedEventAttributes(let attributes) = event.attributes,
            self.attachedRequests[attributes.attachedRequestID] != nil
        else { return [] }
        self.attachedRequests[attributes.attachedRequestID]?.eventID = event.eventID
        return [.attachedRequest(attributes.attachedRequestID)]
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
