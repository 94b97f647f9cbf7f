import Synchronization

/// Every store of one database, behind one connection to it.
package protocol Stores: ShardStore, TaskQueueStore, NamespaceStore, ClusterStore, VisibilityStore {
    /// What this process has asked of the database so far.
    var counters: StoreCounters { get }
}

/// Counts the traffic between this process and its database.
package final class StoreCounters: Sendable {
    /// The counters at one moment.
    package struct Snapshot: Sendable, Equatable {
        /// Transactions that were committed; one may carry batches of many callers.
        package var commits: Int
        /// Writes that were committed, one for each call of a store.
        package var batches: Int
        /// Calls that only read.
        package var reads: Int

        package init(commits: Int, batches: Int, reads: Int) {
            self.commits = commits
            self.batches = batches
            self.reads = reads
        }
    }

    private let commits = Atomic<Int>(0)
    private let batches = Atomic<Int>(0)
    private let reads = Atomic<Int>(0)
    private let statementCount = Atomic<Int>(0)
    private let roundTripCount = Atomic<Int>(0)

    package init() {}

    package var snapshot: Snapshot {
        Snapshot(
            commits: self.commits.load(ordering: .relaxed),
            batches: self.batches.load(ordering: .relaxed),
            reads: self.reads.load(ordering: .relaxed))
    }

    /// Counts one transaction that made `batches` writes durable.
    package func committed(batches: Int) {
        self.commits.add(1, ordering: .relaxed)
        self.batches.add(batches, ordering: .relaxed)
    }

    /// Statements sent to a database that is another process, failed ones included.
    package var statements: Int { self.statementCount.load(ordering: .relaxed) }
    /// How often an answer of such a database was waited for.
    package var roundTrips: Int { self.roundTripCount.load(ordering: .relaxed) }

    /// Counts one round trip with `statements`.
    package func exchanged(statements: Int) {
        self.statementCount.add(statements, ordering: .relaxed)
        self.roundTripCount.add(1, ordering: .relaxed)
    }

    package func hasRead() { self.reads.add(1, ordering: .relaxed) }
}
