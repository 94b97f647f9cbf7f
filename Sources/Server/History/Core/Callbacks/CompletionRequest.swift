import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// The Nexus completion that one callback of a closed run sends; all of it but the run's end.
struct CompletionRequest: Sendable {
    private let nexus: Temporal_Api_Common_V1_Callback.Nexus
    private let startedAt: Timestamp
    private let link: String
    private let timeout: Duration

    init(_ callback: StoredCallback, of state: MutableState, timeout: Duration) {
        self.nexus = callback.callback.nexus
        self.startedAt = Timestamp(nanoseconds: state.info.startAt)
        // The event that attached a callback has an id only once it is out of the buffer.
        let link: Temporal_Api_Common_V1_Link =
            callback.requestID == state.info.createRequestID
            ? .startedEvent(of: state.key, namespace: state.info.namespaceName)
            : .request(
                callback.requestID, .workflowExecutionOptionsUpdated, of: state.key,
                namespace: state.info.namespaceName)
        self.link = link.workflowEvent.nexusHeader
        self.timeout = timeout
    }

    /// What is sent when the run ended with `event`; nil if it did not end with it.
    func delivery(_ event: HistoryEvent) -> CallbackDelivery? {
        guard let completion = Completion(event) else { return nil }
        var headers: [CallbackDelivery.Header] = []
        func add(_ name: String, _ value: String) { headers.append(.init(name, value)) }
        let own = self.nexus.header
        for (name, value) in own.sorted(by: { $0.key < $1.key }) where Self.isSent(name) {
            add(name, value)
        }
        for header in completion.content { add("content-\(header.name)", header.value) }
        add("nexus-operation-state", completion.state)
        if own["user-agent"] == nil { add("user-agent", "temporal-server") }
        if own["nexus-operation-start-time"] == nil {
            add("nexus-operation-start-time", self.startedAt.httpDate)
        }
        if own["nexus-operation-close-time"] == nil {
            add("nexus-operation-close-time", event.eventTime.rfc3339)
        }
        if own["nexus-link"] == nil { add("nexus-link", self.link) }
        return CallbackDelivery(
            url: self.nexus.url, headers: headers, body: completion.body, timeout: self.timeout)
    }

    /// Whether a header that came with the callback goes along.
    ///
    /// What says how the request is framed and what its body is is not for others to say.
    private static func isSent(_ name: String) -> Bool {
        let framing: Set<String> = [
            "connection", "host", "keep-alive", "nexus-operation-state", "te", "trailer",
            "transfer-encoding", "upgrade",
        ]
        return !framing.contains(name) && !name.hasPrefix("content-")
    }
}

/// How a run ended, in the Nexus protocol's terms.
///
/// Receivers may be anybody, so reasons and details of terminations stay here.
private struct Completion {
    let state: String
    let content: [CallbackDelivery.Header]
    let body: [UInt8]

    init?(_ event: HistoryEvent) {
        switch event.attributes {
        case .workflowExecutionCompletedEventAttributes(let attributes):
            // Workflows have one result; Nexus knows no more.
            let content = NexusContent(attributes.result.payloads.first)
            self.init(state: "succeeded", content: content.headers, body: content.body)
        case .workflowExecutionFailedEventAttributes(let attributes):
            self.init("failed", attributes.failure)
        case .workflowExecutionCanceledEventAttributes(let attributes):
            self.init(
                "canceled",
                .with {
                    $0.message = "operation canceled"
                    $0.canceledFailureInfo = .with {
                        if attributes.hasDetails { $0.details = attributes.details }
                    }
                })
        case .workflowExecutionTerminatedEventAttributes:
            self.init(
                "failed",
                .with {
                    $0.message = "operation terminated"
                    $0.terminatedFailureInfo = .init()
                })
        case .workflowExecutionTimedOutEventAttributes:
            self.init(
                "failed",
                .with {
                    $0.message = "operation exceeded internal timeout"
                    $0.timeoutFailureInfo = .init()
                })
        default: return nil
        }
    }

    private init(state: String, content: [CallbackDelivery.Header], body: [UInt8]) {
        self.state = state
        self.content = content
        self.body = body
    }

    private init(_ state: String, _ failure: Failure) {
        self.init(
            state: state, content: [.init("type", "application/json")],
            body: Array(NexusFailure.json(failure).utf8))
    }
}
