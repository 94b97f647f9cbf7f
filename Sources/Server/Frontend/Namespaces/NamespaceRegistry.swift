import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import Synchronization
import TemporalAPI

/// The namespaces, read through a bounded cache and written through it.
///
/// Nothing is read on a timer: a namespace is read when it is first asked for, and again when it
/// was pushed out. Writes of this process are seen by the next call.
package final class NamespaceRegistry: NamespaceDirectory {
    private struct State {
        var byID: [NamespaceID: Namespace] = [:]
        var idsByName: [String: NamespaceID] = [:]
        /// Oldest first; pushed out in this order.
        var order: [NamespaceID] = []
        /// Goes up with every write, so that a read from before it is not remembered after it.
        var writes = 0
        /// Namespaces some caller is changing right now.
        var updating: Set<NamespaceID> = []
        var generator: SeededGenerator
    }

    package static let systemNamespace = "temporal-system"
    private static let systemNamespaceID = NamespaceID("32049b68-7872-4094-8e63-d0dd59896a83")
    private static let systemRetention = Duration.seconds(7 * 86_400)

    private let store: any NamespaceStore
    let clusterName: String
    private let entriesMax: Int
    private let state: Mutex<State>

    /// - Parameters:
    ///   - store: where the namespaces are.
    ///   - random: for the ids of new ones.
    ///   - clusterName: the one cluster they live in.
    ///   - entriesMax: namespaces kept in memory.
    package init(
        store: any NamespaceStore, random: any RandomSource, clusterName: String = "active",
        entriesMax: Int = 10_000
    ) {
        self.store = store
        self.clusterName = clusterName
        self.entriesMax = max(entriesMax, 1)
        self.state = Mutex(State(generator: SeededGenerator(random.seed())))
    }

    /// - Throws: `namespaceNotFound`, `unavailable`
    package func namespace(named name: String) async throws(ServiceError) -> Namespace {
        let cached = self.state.withLock { state in
            state.idsByName[name].flatMap { state.byID[$0] }
        }
        if let cached { return cached }
        return try await self.read(named: name)
    }

    /// - Throws: `namespaceNotFound`, `unavailable`
    package func namespace(id: NamespaceID) async throws(ServiceError) -> Namespace {
        if let cached = self.state.withLock({ $0.byID[id] }) { return cached }
        return try await self.read(id: id)
    }

    package func reference(
        to id: NamespaceID
    ) async throws(ServiceError) -> NamespaceReference {
        try await self.namespace(id: id).reference
    }

    /// The namespace as it is stored, whatever the cache says.
    func read(named name: String) async throws(ServiceError) -> Namespace {
        let writes = self.state.withLock { $0.writes }
        let row = try await storing { () async throws(StoreError) -> NamespaceRow? in
            try await self.store.namespace(named: name)
        }
        return try self.remember(row, calledAs: name, writes: writes)
    }

    /// As ``read(named:)``.
    func read(id: NamespaceID) async throws(ServiceError) -> Namespace {
        let writes = self.state.withLock { $0.writes }
        let row = try await storing { () async throws(StoreError) -> NamespaceRow? in
            try await self.store.namespace(id: id)
        }
        return try self.remember(row, calledAs: id.rawValue, writes: writes)
    }

    /// Namespaces by name, behind `after`.
    func list(after name: String?, countMax: Int) async throws(ServiceError) -> [Namespace] {
        let rows = try await storing { () async throws(StoreError) -> [NamespaceRow] in
            try await self.store.listNamespaces(after: name, countMax: countMax)
        }
        var namespaces: [Namespace] = []
        for row in rows { namespaces.append(try Namespace(row)) }
        return namespaces
    }

    /// Creates a namespace.
    /// - Throws: `namespaceAlreadyExists` if the name is taken.
    func create(
        name: String, retention: Duration, id: NamespaceID? = nil,
        _ edit: (inout StoredNamespace) -> Void = { _ in }
    ) async throws(ServiceError) -> Namespace {
        let id = id ?? NamespaceID(self.state.withLock { $0.generator.uuid() })
        var record = Namespace.new(
            id: id, name: name, retention: retention, clusterName: self.clusterName)
        edit(&record)
        let namespace = Namespace(record: record)
        let row = try namespace.row()
        do throws(StoreError) {
            try await self.store.createNamespace(row)
        } catch StoreError.conditionFailed {
            throw ServiceError(.namespaceAlreadyExists, "Namespace \"\(name)\" already exists")
        } catch {
            throw ServiceError(error)
        }
        self.wrote(namespace)
        return namespace
    }

    /// Changes a namespace, one caller at a time.
    /// - Throws: `unavailable` while another change of it is under way.
    func update(
        named name: String, _ edit: (inout StoredNamespace) throws(ServiceError) -> Void
    ) async throws(ServiceError) -> Namespace {
        let id = try await self.namespace(named: name).id
        guard self.state.withLock({ $0.updating.insert(id).inserted }) else {
            throw .unavailable("the namespace is being changed, please retry")
        }
        defer { self.state.withLock { _ = $0.updating.remove(id) } }
        var record = try await self.read(id: id).record
        try edit(&record)
        let namespace = Namespace(record: record)
        let row = try namespace.row()
        try await storing { () async throws(StoreError) in
            try await self.store.updateNamespace(row)
        }
        self.wrote(namespace)
        return namespace
    }

    /// Makes sure a namespace exists and has these search attributes; its retention stays as it
    /// is if it exists.
    package func ensureNamespace(
        _ name: String, retention: Duration,
        customSearchAttributes: [String: SearchAttributeType] = [:]
    ) async throws(ServiceError) -> Namespace {
        let namespace = try await self.ensure(name, retention: retention, id: nil)
        let aliases = namespace.record.config.customSearchAttributeAliases
        guard try SearchAttributeAliases.adding(customSearchAttributes, to: aliases) != aliases
        else { return namespace }
        return try await self.update(named: name) { (record) throws(ServiceError) in
            record.config.customSearchAttributeAliases = try SearchAttributeAliases.adding(
                customSearchAttributes, to: record.config.customSearchAttributeAliases)
        }
    }

    /// Makes sure the namespace of the server's own workflows exists.
    package func ensureSystemNamespace() async throws(ServiceError) {
        _ = try await self.ensure(
            Self.systemNamespace, retention: Self.systemRetention, id: Self.systemNamespaceID)
    }

    private func ensure(
        _ name: String, retention: Duration, id: NamespaceID?
    ) async throws(ServiceError) -> Namespace {
        do throws(ServiceError) {
            return try await self.create(name: name, retention: retention, id: id)
        } catch {
            guard error.kind == .namespaceAlreadyExists else { throw error }
        }
        return try await self.read(named: name)
    }

    private func remember(
        _ row: NamespaceRow?, calledAs name: String, writes: Int
    ) throws(ServiceError) -> Namespace {
        guard let row else {
            throw ServiceError(.namespaceNotFound(name: name), "Namespace \(name) is not found.")
        }
        let namespace = try Namespace(row)
        self.state.withLock { state in
            guard state.writes == writes else { return }
            self.insert(namespace, into: &state)
        }
        return namespace
    }

    private func wrote(_ namespace: Namespace) {
        self.state.withLock { state in
            state.writes += 1
            self.insert(namespace, into: &state)
        }
    }

    private func insert(_ namespace: Namespace, into state: inout State) {
        if let known = state.byID.updateValue(namespace, forKey: namespace.id) {
            if known.name != namespace.name { self.forget(known, in: &state) }
        } else {
            state.order.append(namespace.id)
        }
        state.idsByName[namespace.name] = namespace.id
        while state.order.count > self.entriesMax {
            let oldest = state.order.removeFirst()
            if let removed = state.byID.removeValue(forKey: oldest) {
                self.forget(removed, in: &state)
            }
        }
    }

    /// Takes a name out, unless another namespace has it by now.
    private func forget(_ namespace: Namespace, in state: inout State) {
        guard state.idsByName[namespace.name] == namespace.id else { return }
        state.idsByName[namespace.name] = nil
    }
}

/// Does something with a store, for a caller who understands service errors only.
func storing<Result>(
    _ body: () async throws(StoreError) -> Result
) async throws(ServiceError) -> Result {
    do throws(StoreError) {
        return try await body()
    } catch {
        throw ServiceError(error)
    }
}

extension ServiceError {
    /// What a caller is told when a store did not do what the frontend asked of it.
    init(_ error: StoreError) {
        switch error {
        case .unavailable, .unknownOutcome:
            self = .unavailable("the store is not available, please retry")
        case .corrupt:
            self = ServiceError(.dataLoss, "stored data cannot be read")
        case .conditionFailed, .ownershipLost:
            self = ServiceError(.internalError, "the store refused a write without condition")
        }
    }
}
