import FoundationEssentials
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryReply {
    /// This reply with a page of history in it.
    package func with(_ page: HistoryPage) -> HistoryReply {
        let token = page.nextPageToken.map { Data(MutableState.bytes($0)) } ?? Data()
        switch self {
        case .history(var response):
            response.history.events = page.events
            response.nextPageToken = token
            return .history(response)
        case .workflowTaskStarted(var response):
            response.history.events = page.events
            response.nextPageToken = token
            return .workflowTaskStarted(response)
        case .started(var response):
            response.eagerWorkflowTask.history.events = page.events
            response.eagerWorkflowTask.nextPageToken = token
            return .started(response)
        case .workflowTaskCompleted(var response):
            response.workflowTask.history.events = page.events
            response.workflowTask.nextPageToken = token
            return .workflowTaskCompleted(response)
        case .updated(var response):
            if let outcome = page.updateOutcome { response.set(outcome) }
            return .updated(response)
        case .startedAndUpdated(let start, var response):
            if let outcome = page.updateOutcome { response.set(outcome) }
            return .startedAndUpdated(start, response)
        case .updatePolled(var response):
            if let outcome = page.updateOutcome { response.outcome = outcome }
            return .updatePolled(response)
        case .signalWithStarted, .signaled, .optionsUpdated, .described, .queried,
            .activityTaskStarted,
            .activityHeartbeat, .activitiesChanged, .standaloneActivity,
            .reset, .done:
            invariantFailure("a reply without history got a page of it")
        }
    }
}

extension HistoryPage {
    /// How the update ended of whose last event this page consists.
    fileprivate var updateOutcome: UpdateOutcome? {
        let attributes = self.events.first?.workflowExecutionUpdateCompletedEventAttributes
        return attributes.flatMap { $0.hasOutcome ? $0.outcome : nil }
    }
}

extension PollWorkflowTaskResponse {
    /// This task with a page of history in it.
    package func with(_ page: HistoryPage) -> PollWorkflowTaskResponse {
        var response = self
        response.history.events = page.events
        response.nextPageToken = page.nextPageToken.map { Data(MutableState.bytes($0)) } ?? Data()
        return response
    }
}

extension StoredHistoryPageToken {
    /// The token of a reader of one run's history.
    init(of key: WorkflowKey, next: Int64) {
        self.init()
        self.runID = key.runID.rawValue
        self.nextEventID = next
        self.seal = Self.seal(of: key)
    }

    /// The token of a reader who goes backwards; it is of no use to one who goes forwards.
    init(reverseOf key: WorkflowKey, before next: Int64) {
        self.init(of: key, next: next)
        self.seal = ~self.seal
    }

    /// Whether this token was made for a reader of `key` who goes backwards.
    func belongs(toReverseOf key: WorkflowKey) -> Bool {
        self.runID == key.runID.rawValue && self.seal == ~Self.seal(of: key)
    }

    /// Whether this token was made for a reader of `key`.
    func belongs(to key: WorkflowKey) -> Bool {
        self.runID == key.runID.rawValue && self.seal == Self.seal(of: key)
    }

    private static func seal(of key: WorkflowKey) -> UInt64 {
        var hash: UInt64 = 0x6a09_e667_f3bc_c908
        for part in [key.namespaceID.rawValue, key.workflowID.rawValue, key.runID.rawValue] {
            for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash = (hash ^ 0xff) &* 0x9e37_79b9_7f4a_7c15
        }
        return hash ^ (hash >> 29)
    }
}
