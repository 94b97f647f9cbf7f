import Persistence
import PersistenceSQL
import Primitives

/// The threads that work on one database, each with a connection of its own.
///
/// Commits, lists, and everything else have threads of their own, so that a slow list delays no
/// commit. A thread that takes a commit takes the others that wait along, see ``CommitWriter``.
final class PostgreSQLEngine: Sendable {
    private let commits: JobQueue<PendingCommit>
    private let calls: JobQueue<any StoreCall>
    private let lists: JobQueue<any StoreCall>
    private let threads: RunningThreads
    private let patience: Duration
    let open = OpenConnections()

    /// A connection nobody needed for so long may be closed.
    private static let idleTime = Duration.seconds(60)
    /// The most batches one transaction carries.
    static let batchesPerCommitMax = 64

    init(_ options: PostgreSQLOptions, counters: StoreCounters) {
        let shares = ConnectionShares(connectionsMax: options.connectionsMax)
        self.commits = JobQueue(waitingMax: options.waitingMax)
        self.calls = JobQueue(waitingMax: options.waitingMax)
        self.lists = JobQueue(waitingMax: options.waitingMax)
        self.patience = options.patience
        self.threads = RunningThreads(count: shares.commits + shares.calls + shares.lists)
        let threads = self.threads, open = self.open
        var seeds = SeededGenerator(options.seed)
        func start<Job: Sendable>(
            _ count: Int, on queue: JobQueue<Job>, countMax: Int,
            _ work: @escaping @Sendable (inout ConnectionKeeper, [Job]) -> Void
        ) {
            for _ in 0..<count {
                let keeper = ConnectionKeeper(
                    options, statementTimeout: options.statementTimeout, counters: counters,
                    open: open, generator: SeededGenerator(seeds.next()))
                startThread {
                    var keeper = keeper
                    Self.run(&keeper, queue, countMax: countMax, options, open, work)
                    threads.hasEnded()
                }
            }
        }
        let writer = CommitWriter(
            counters: counters, timeout: options.exchangeTimeout,
            batchesPerCommitMax: Self.batchesPerCommitMax)
        start(shares.commits, on: self.commits, countMax: Self.batchesPerCommitMax) {
            writer.run($1, on: &$0)
        }
        for (count, queue) in [(shares.calls, self.calls), (shares.lists, self.lists)] {
            start(count, on: queue, countMax: 1) { keeper, calls in
                for call in calls { Self.perform(call, on: &keeper) }
            }
        }
    }

    /// What one thread does.
    private static func run<Job: Sendable>(
        _ keeper: inout ConnectionKeeper, _ queue: JobQueue<Job>, countMax: Int,
        _ options: PostgreSQLOptions, _ open: OpenConnections,
        _ work: (inout ConnectionKeeper, [Job]) -> Void
    ) {
        while let jobs = queue.take(
            countMax: countMax, within: keeper.isConnected ? Self.idleTime : nil)
        {
            if !jobs.isEmpty {
                work(&keeper, jobs)
            } else if open.current > options.idleConnectionsMax {
                keeper.drop()
            }
        }
        keeper.drop()
    }

    /// Once more if the connection was lost before anything was written.
    private static func perform(_ call: any StoreCall, on keeper: inout ConnectionKeeper) {
        var isLast = false
        while true {
            do throws(StoreError) {
                let connection = try keeper.ready(until: call.deadline)
                do throws(StoreError) {
                    try call.run(on: connection)
                    return call.finish(nil)
                } catch {
                    guard case .unavailable = error, !connection.isUsable, !isLast else {
                        return call.finish(error)
                    }
                    isLast = true
                }
            } catch {
                return call.finish(error)
            }
        }
    }

    /// Commits a batch of a shard.
    func commit(_ write: ShardWrite) async throws(StoreError) {
        let queue = self.commits, deadline = Deadline(in: self.patience)
        let result = await withCheckedContinuation {
            (caller: CheckedContinuation<Result<Void, StoreError>, Never>) in
            let commit = PendingCommit(write: write, deadline: deadline, caller: caller)
            if !queue.push(commit) { commit.finish(Self.refusal) }
        }
        try result.get()
    }

    /// Runs `body` on a connection for calls.
    func call<Value: Sendable>(
        _ body: @escaping @Sendable (PostgreSQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await self.call(on: self.calls, body)
    }

    /// Runs `body` on a connection for lists.
    func list<Value: Sendable>(
        _ body: @escaping @Sendable (PostgreSQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await self.call(on: self.lists, body)
    }

    private func call<Value: Sendable>(
        on queue: JobQueue<any StoreCall>,
        _ body: @escaping @Sendable (PostgreSQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let deadline = Deadline(in: self.patience)
        let result = await withCheckedContinuation {
            (caller: CheckedContinuation<Result<Value, StoreError>, Never>) in
            let call = PendingCall(body, deadline: deadline, caller: caller)
            if !queue.push(call) { call.finish(Self.refusal) }
        }
        return try result.get()
    }

    private static let refusal = StoreError.unavailable(
        "the store is closed, or too many calls wait for it")

    /// Refuses further calls; those that wait are still done, then the threads end.
    func stop() {
        self.commits.close()
        self.calls.close()
        self.lists.close()
    }

    /// Stops, and waits until every connection is closed.
    func close() async {
        self.stop()
        await self.threads.allEnded()
    }
}

/// How many connections each kind of work has.
package struct ConnectionShares: Equatable, Sendable {
    package let commits: Int
    package let calls: Int
    package let lists: Int

    /// At least one each; most go to calls, which are not merged.
    package init(connectionsMax: Int) {
        self.commits = max(connectionsMax / 5, 1)
        self.lists = max(connectionsMax / 5, 1)
        self.calls = max(connectionsMax - self.commits - self.lists, 1)
    }
}

extension PostgreSQLOptions {
    /// How long an answer is waited for: a little longer than the server may take for it.
    var exchangeTimeout: Duration { self.statementTimeout + .seconds(5) }
}
