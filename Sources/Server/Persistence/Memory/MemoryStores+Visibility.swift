import Persistence
import Primitives

/// The runs that lists show.
struct MemoryVisibility: Sendable {
    private var records: [NamespaceID: [RunID: VisibilityRecord]] = [:]

    mutating func apply(_ batch: ShardBatch) {
        for record in batch.visibility {
            self.records[record.key.namespaceID, default: [:]][record.key.runID] = record
        }
        for key in batch.deletedRuns {
            self.records[key.namespaceID]?[key.runID] = nil
        }
    }

    func list(_ query: VisibilityQuery) -> [VisibilityRecord] {
        let matching = self.matching(query).filter { record in
            query.after.map { $0.precedes(VisibilityQuery.Position(of: record)) } ?? true
        }
        let ordered = matching.sorted {
            VisibilityQuery.Position(of: $0).precedes(VisibilityQuery.Position(of: $1))
        }
        return Array(ordered.prefix(max(query.countMax, 0)))
    }

    func count(_ query: VisibilityQuery) -> VisibilityCount {
        let matching = self.matching(query)
        guard let column = query.groupBy else {
            return VisibilityCount(total: Int64(matching.count), groups: [])
        }
        var counts: [SearchAttributeValue: Int64] = [:]
        for record in matching {
            if let value = record.value(of: column) { counts[value, default: 0] += 1 }
        }
        let groups = counts.map { VisibilityCount.Group(value: $0.key, count: $0.value) }
        return VisibilityCount(
            total: Int64(matching.count),
            groups: groups.sorted { SearchAttributeValue.precedes($0.value, $1.value) })
    }

    private func matching(_ query: VisibilityQuery) -> [VisibilityRecord] {
        (self.records[query.namespaceID] ?? [:]).values.filter { query.filter.matches($0) }
    }
}

extension VisibilityQuery.Position {
    init(of record: VisibilityRecord) {
        self.init(
            closeAt: record.closeAt ?? .distantFuture, startAt: record.startAt,
            runID: record.key.runID)
    }

    /// Whether lists show this place before `other`.
    func precedes(_ other: Self) -> Bool {
        if self.closeAt != other.closeAt { return self.closeAt > other.closeAt }
        if self.startAt != other.startAt { return self.startAt > other.startAt }
        return precedesInBytes(self.runID.rawValue, other.runID.rawValue)
    }
}

// VisibilityStore
extension MemoryStores {
    package func listRuns(_ query: VisibilityQuery) async throws(StoreError) -> [VisibilityRecord] {
        self.read { $0.visibility.list(query) }
    }

    package func countRuns(_ query: VisibilityQuery) async throws(StoreError) -> VisibilityCount {
        self.read { $0.visibility.count(query) }
    }
}
