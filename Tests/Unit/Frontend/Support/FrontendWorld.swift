import Authorization
import DynamicConfig
import Frontend
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import Synchronization
import TemporalAPI

/// A frontend with recording services behind it, at a time that stands still.
final class FrontendWorld: Sendable {
    static let namespaceID = "11111111-1111-4111-8111-111111111111"
    static let runID = "22222222-2222-4222-8222-222222222222"

    let clock = StillClock()
    let history = RecordingHistory()
    let matching = RecordingMatching()
    let store = NamespaceTable()
    let visibility = RecordingVisibility()
    let registry: NamespaceRegistry
    let service: FrontendService

    init(
        _ edit: (inout Settings) -> Void = { _ in }, namespaceState: Int = 1,
        authenticator: (any Authenticator)? = nil
    ) {
        let clock = self.clock
        var settings = Settings()
        edit(&settings)
        self.store.insert(
            id: Self.namespaceID, name: "default", state: namespaceState,
            aliases: ["Keyword01": "Color", "Int01": "Size", "Datetime01": "Due"])
        self.registry = NamespaceRegistry(store: self.store, random: FixedRandom(), entriesMax: 4)
        self.service = FrontendService(
            environment: HostEnvironment(clock: self.clock, random: FixedRandom(), owner: "test"),
            settings: settings, history: self.history, matching: self.matching,
            namespaces: self.registry, visibility: self.visibility,
            cluster: ClusterRecord(clusterID: "cluster", shardCount: 4),
            facts: ServerFacts(persistenceStore: "memory", visibilityStore: "memory"),
            gate: authenticator.map {
                AccessGate(authenticator: $0, policy: .strict, clock: clock)
            })
    }

    /// Calls the one built RPC with these types, through its whole chain.
    func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ request: Request, returning: Response.Type = Response.self,
        deadline: Duration? = .seconds(30), role: FrontendRole = .publicFrontend
    ) async throws(ServiceError) -> Response {
        var finder = Finder<Request, Response>()
        FrontendRPCs.visitAll(&finder)
        guard let found = finder.found else {
            throw ServiceError(.unimplemented, "\(Request.self) is not built")
        }
        return try await found.handle(
            request,
            CallContext(deadline: deadline.map { self.clock.now() + $0 }, role: role),
            by: self.service)
    }

    /// What a call is refused with; nil if it is done.
    func refusal<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ request: Request, returning: Response.Type, deadline: Duration? = .seconds(30),
        role: FrontendRole = .publicFrontend
    ) async -> ServiceError? {
        do throws(ServiceError) {
            _ = try await self.call(request, returning: returning, deadline: deadline, role: role)
            return nil
        } catch {
            return error
        }
    }

    private struct Finder<Wanted: SwiftProtobuf.Message, Answer: SwiftProtobuf.Message>: RPCVisitor
    {
        var found: BuiltRPC<Wanted, Answer>?

        mutating func visit<Request, Response>(_ rpc: BuiltRPC<Request, Response>) {
            if let match = rpc as? BuiltRPC<Wanted, Answer> { self.found = match }
        }
    }
}

struct StillClock: TimeSource {
    func now() -> Timestamp { Timestamp(nanoseconds: 1_700_000_000_000_000_000) }
    func sleep(until deadline: Timestamp) async throws {}
}

struct FixedRandom: RandomSource {
    func seed() -> UInt64 { 7 }
}

/// Answers what the test says, or that it is done, and remembers what it was asked.
final class RecordingHistory: HistoryClient {
    private struct State {
        var requests: [HistoryRequest] = []
        var answers: [Result<HistoryReply, ServiceError>] = []
    }
    private let state = Mutex(State())

    var requests: [HistoryRequest] { self.state.withLock { $0.requests } }
    var operations: [HistoryOperation] { self.requests.map(\.operation) }

    func answer(_ answers: Result<HistoryReply, ServiceError>...) {
        self.state.withLock { $0.answers = answers }
    }

    func send(_ request: HistoryRequest) async throws(ServiceError) -> HistoryReply {
        let answer = self.state.withLock { state -> Result<HistoryReply, ServiceError> in
            state.requests.append(request)
            return state.answers.isEmpty ? .success(.done) : state.answers.removeFirst()
        }
        return try answer.get()
    }
}

final class RecordingMatching: MatchingClient {
    private struct State {
        var polls: [TaskPoll] = []
        var queries: [Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest] = []
        var unloaded: [TaskQueueKey] = []
        var refusal: ServiceError?
    }
    private let state = Mutex(State())

    var polls: [TaskPoll] { self.state.withLock { $0.polls } }
    var queries: [Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest] {
        self.state.withLock { $0.queries }
    }
    var unloaded: [TaskQueueKey] { self.state.withLock { $0.unloaded } }

    func refuse(_ error: ServiceError) { self.state.withLock { $0.refusal = error } }

    private func check() throws(ServiceError) {
        if let refusal = self.state.withLock({ $0.refusal }) { throw refusal }
    }

    func addWorkflowTask(_ task: TaskDispatch) async throws(ServiceError) {}
    func addActivityTask(_ task: TaskDispatch) async throws(ServiceError) {}

    func pollWorkflowTask(
        _ poll: TaskPoll
    ) async throws(ServiceError) -> Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse {
        self.state.withLock { $0.polls.append(poll) }
        try self.check()
        return .with { $0.attempt = 1 }
    }

    func pollActivityTask(
        _ poll: TaskPoll
    ) async throws(ServiceError) -> Temporal_Api_Workflowservice_V1_PollActivityTaskQueueResponse {
        self.state.withLock { $0.polls.append(poll) }
        try self.check()
        return .with { $0.attempt = 1 }
    }

    func query(
        _ query: QueryDispatch
    ) async throws(ServiceError) -> Temporal_Api_Workflowservice_V1_QueryWorkflowResponse {
        .init()
    }

    func respondQueryTaskCompleted(
        _ token: StoredQueryToken,
        _ request: Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest
    ) async throws(ServiceError) {
        self.state.withLock { $0.queries.append(request) }
    }

    func describeTaskQueue(
        _ queue: TaskQueueKey
    ) async throws(ServiceError) -> TaskQueueDescription {
        TaskQueueDescription(
            pollers: [
                .init(identity: "worker", lastAccessAt: .epoch + .seconds(5), tasksPerSecondMax: 9)
            ], backlogCount: 3, readLevel: 8, ackLevel: 5)
    }

    func unloadStickyQueue(_ queue: TaskQueueKey) async throws(ServiceError) {
        self.state.withLock { $0.unloaded.append(queue) }
    }
}

/// A namespace table that counts its reads.
final class NamespaceTable: NamespaceStore {
    private struct State {
        var rows: [NamespaceRow] = []
        var reads = 0
        var refusal: StoreError?
    }
    private let state = Mutex(State())

    var reads: Int { self.state.withLock { $0.reads } }

    func refuse(_ error: StoreError?) { self.state.withLock { $0.refusal = error } }

    func insert(id: String, name: String, state: Int = 1, aliases: [String: String] = [:]) {
        let record = StoredNamespace.with {
            $0.info.id = id
            $0.info.name = name
            $0.info.state = .init(rawValue: state) ?? .unspecified
            $0.config.workflowExecutionRetentionTtl = Duration.seconds(86_400).proto
            $0.config.customSearchAttributeAliases = aliases
        }
        let bytes: [UInt8]? = try? record.serializedBytes()
        self.insert(NamespaceRow(id: NamespaceID(id), name: name, record: bytes ?? []))
    }

    func insert(_ row: NamespaceRow) { self.state.withLock { $0.rows.append(row) } }

    func createNamespace(_ row: NamespaceRow) async throws(StoreError) {
        let refusal = self.state.withLock { state -> StoreError? in
            if let refusal = state.refusal { return refusal }
            guard !state.rows.contains(where: { $0.id == row.id || $0.name == row.name }) else {
                return .conditionFailed("taken")
            }
            state.rows.append(row)
            return nil
        }
        if let refusal { throw refusal }
    }

    func updateNamespace(_ row: NamespaceRow) async throws(StoreError) {
        self.state.withLock { state in
            state.rows.removeAll { $0.id == row.id }
            state.rows.append(row)
        }
    }

    func namespace(named name: String) async throws(StoreError) -> NamespaceRow? {
        try self.read { $0.name == name }
    }

    func namespace(id: NamespaceID) async throws(StoreError) -> NamespaceRow? {
        try self.read { $0.id == id }
    }

    func listNamespaces(
        after name: String?, countMax: Int
    ) async throws(StoreError) -> [NamespaceRow] {
        self.state.withLock { state in
            let sorted = state.rows.sorted { $0.name < $1.name }
            return Array(sorted.filter { $0.name > (name ?? "") }.prefix(countMax))
        }
    }

    private func read(_ matches: (NamespaceRow) -> Bool) throws(StoreError) -> NamespaceRow? {
        let result = self.state.withLock { state -> Result<NamespaceRow?, StoreError> in
            state.reads += 1
            if let refusal = state.refusal { return .failure(refusal) }
            return .success(state.rows.first(where: matches))
        }
        return try result.get()
    }
}

final class RecordingVisibility: VisibilityStore {
    private struct State {
        var queries: [VisibilityQuery] = []
        var records: [VisibilityRecord] = []
        var count = VisibilityCount(total: 0, groups: [])
    }
    private let state = Mutex(State())

    var queries: [VisibilityQuery] { self.state.withLock { $0.queries } }

    func answer(_ records: [VisibilityRecord]) { self.state.withLock { $0.records = records } }
    func answer(_ count: VisibilityCount) { self.state.withLock { $0.count = count } }

    func listRuns(_ query: VisibilityQuery) async throws(StoreError) -> [VisibilityRecord] {
        self.state.withLock { state in
            state.queries.append(query)
            return Array(state.records.prefix(query.countMax))
        }
    }

    func countRuns(_ query: VisibilityQuery) async throws(StoreError) -> VisibilityCount {
        self.state.withLock { state in
            state.queries.append(query)
            return state.count
        }
    }
}
