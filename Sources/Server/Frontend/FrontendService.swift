import Authorization
import DynamicConfig
import Logging
import Persistence
import Primitives
import ServiceClients
import Synchronization

/// The version of Temporal whose behaviour is offered; SDKs require it to be 1.x.
package let offeredServerVersion = "1.31.2"

/// Which of the two front doors a call came through.
package enum FrontendRole: Sendable, Hashable {
    case publicFrontend
    /// For the system's own worker: no authorization.
    case internalFrontend
}

/// What the transport knows about a call, beside the request.
package struct CallContext: Sendable {
    /// From the `grpc-timeout` header; nil if the caller did not say.
    package let deadline: Timestamp?
    /// Text headers by lower-case name; of several values the last one.
    package let metadata: [String: String]
    package let role: FrontendRole
    /// Set once they were let in.
    var caller = Caller.unasked

    package init(
        deadline: Timestamp?, metadata: [String: String] = [:],
        role: FrontendRole = .publicFrontend
    ) {
        self.deadline = deadline
        self.metadata = metadata
        self.role = role
    }
}

/// What ``FrontendRPCs`` says of this server, fixed at its start.
package struct ServerFacts: Sendable, Equatable {
    package let clusterName: String
    /// As `GetClusterInfo` names it: `sqlite`, `memory`.
    package let persistenceStore: String
    package let visibilityStore: String

    package init(
        clusterName: String = "active", persistenceStore: String, visibilityStore: String
    ) {
        self.clusterName = clusterName
        self.persistenceStore = persistenceStore
        self.visibilityStore = visibilityStore
    }
}

/// Everything between the transport and history and matching: namespaces, validation, translation.
///
/// Stateless but for the namespace cache; workflow rules live in history. Handlers are in `RPCs`, one file each. They are called through ``FrontendRPCs``, which puts
/// the chain of ``BuiltRPC`` around each of them.
package final class FrontendService: Sendable {
    let environment: HostEnvironment
    let settings: Settings
    let history: any HistoryClient
    let matching: any MatchingClient
    let visibility: any VisibilityStore
    let cluster: ClusterRecord
    let facts: ServerFacts
    let logger: Logger
    /// Nil if nobody is asked who they are.
    let gate: AccessGate?
    package let namespaces: NamespaceRegistry
    private let generator: Mutex<SeededGenerator>

    package init(
        environment: HostEnvironment, settings: Settings, history: any HistoryClient,
        matching: any MatchingClient, namespaces: NamespaceRegistry,
        visibility: any VisibilityStore, cluster: ClusterRecord, facts: ServerFacts,
        gate: AccessGate? = nil,
        logger: Logger = Logger(label: "temporal.frontend")
    ) {
        self.environment = environment
        self.settings = settings
        self.history = history
        self.matching = matching
        self.namespaces = namespaces
        self.visibility = visibility
        self.cluster = cluster
        self.facts = facts
        self.gate = gate
        self.logger = logger
        self.generator = Mutex(SeededGenerator(environment.random.seed()))
    }

    var now: Timestamp { self.environment.clock.now() }

    /// A new id, for callers who did not bring one.
    func uuid() -> String { self.generator.withLock { $0.uuid() } }

    /// Sends `operation` to the workflow's shard and takes the one shape of reply it can have.
    ///
    /// Asks again, with the same request, while the shard is between two owners.
    func send<Answer>(
        _ operation: HistoryOperation, to workflowID: String, of archetype: Archetype = .workflow,
        naming otherNamespaces: [String: NamespaceID] = [:], _ call: NamespaceCall,
        expecting extract: (HistoryReply) -> Answer?
    ) async throws(ServiceError) -> Answer {
        let deadline = self.deadline(of: call)
        let request = HistoryRequest(
            archetype: archetype, namespace: call.namespace.reference,
            workflowID: WorkflowID(workflowID), deadline: deadline, operation: operation,
            otherNamespaces: otherNamespaces)
        let giveUpAt = min(deadline, self.now + ShardRetry.window)
        var pause = ShardRetry.pauseFirst
        while true {
            do throws(ServiceError) {
                guard let answer = extract(try await self.history.send(request)) else {
                    throw ServiceError(.internalError, "history's reply has an unexpected shape")
                }
                return answer
            } catch {
                guard case .shardUnavailable = error.kind, self.now + pause < giveUpAt else {
                    throw error
                }
            }
            try await self.sleep(pause)
            pause = min(pause * 2, ShardRetry.pauseMax)
        }
    }

    private func sleep(_ pause: Duration) async throws(ServiceError) {
        do {
            try await self.environment.clock.sleep(until: self.now + pause)
        } catch {
            throw ServiceError(.cancelled, "the caller went away")
        }
    }

    /// How long a call waits for a shard that is between two owners.
    private enum ShardRetry {
        static let window = Duration.seconds(10)
        static let pauseFirst = Duration.milliseconds(50)
        static let pauseMax = Duration.seconds(1)
    }

    /// As ``send(_:to:_:expecting:)``, for operations whose only answer is that they are done.
    func send(
        _ operation: HistoryOperation, to workflowID: String, of archetype: Archetype = .workflow,
        _ call: NamespaceCall
    ) async throws(ServiceError) {
        try await self.send(operation, to: workflowID, of: archetype, call) { reply -> Void? in
            if case .done = reply { () } else { nil }
        }
    }

    /// When to give up on a call: its own deadline, or the one internal calls have.
    private func deadline(of call: NamespaceCall) -> Timestamp {
        call.context.deadline ?? self.now + Self.defaultCallTimeout
    }

    /// How long a caller waits who did not say how long.
    static let defaultCallTimeout = Duration.seconds(30)
}
