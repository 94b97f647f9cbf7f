import Persistence
import PersistenceSQL

/// The threads that work on one database.
///
/// All writes go through one thread. A file has threads for reading beside it, each with its own
/// connection, which see what is committed and nothing else. A database in memory has one
/// connection for both: reads take their turn between transactions.
final class StoreEngine: Sendable {
    enum Work: Sendable {
        case write(any StoreJob)
        case read(any StoreJob)
    }

    /// The most writes that go into one transaction.
    static let batchesPerCommitMax = 1_000

    private let writing: JobQueue<Work>
    /// The queue reads go to; the writer's if there are no threads for reading.
    private let reading: JobQueue<Work>
    private let threads: RunningThreads

    init(
        writer: SQLiteConnection, readers: [SQLiteConnection], lock: DatabaseLock?,
        counters: StoreCounters, waitingMax: Int
    ) {
        let writing = JobQueue<Work>(waitingMax: waitingMax)
        let reading = readers.isEmpty ? writing : JobQueue<Work>(waitingMax: waitingMax)
        // Holds the lock of the database until the last thread has closed its connection.
        let threads = RunningThreads(count: 1 + readers.count, keeping: lock)
        startThread {
            Self.work(on: writing, connection: writer, counters: counters)
            threads.hasEnded()
        }
        for reader in readers {
            startThread {
                Self.work(on: reading, connection: reader, counters: counters, countMax: 1)
                threads.hasEnded()
            }
        }
        self.writing = writing
        self.reading = reading
        self.threads = threads
    }

    private static func work(
        on queue: JobQueue<Work>, connection: SQLiteConnection, counters: StoreCounters,
        countMax: Int = StoreEngine.batchesPerCommitMax
    ) {
        let writer = StoreWriter(connection: connection, counters: counters)
        while let work = queue.take(countMax: countMax) {
            var writes: [any StoreJob] = [], reads: [any StoreJob] = []
            for item in work {
                switch item {
                case .write(let job): writes.append(job)
                case .read(let job): reads.append(job)
                }
            }
            if !writes.isEmpty { writer.run(writes) }
            for job in reads {
                do throws(StoreError) {
                    try job.run(on: connection)
                    job.finish(nil)
                } catch {
                    job.finish(error)
                }
            }
        }
        connection.close()
    }

    func write<Value: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await self.call(on: self.writing, as: Work.write, body)
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await self.call(on: self.reading, as: Work.read, body)
    }

    private func call<Value: Sendable>(
        on queue: JobQueue<Work>, as work: (any StoreJob) -> Work,
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result = await withCheckedContinuation {
            (caller: CheckedContinuation<Result<Value, StoreError>, Never>) in
            let job = PendingCall(body, caller: caller)
            if !queue.push(work(job)) {
                job.finish(.unavailable("the store is closed, or too many calls wait for it"))
            }
        }
        return try result.get()
    }

    /// Refuses further calls; those that wait are still done, then the threads end.
    func stop() {
        self.writing.close()
        self.reading.close()
    }

    /// Stops, and waits until the database is closed and its lock released.
    func close() async {
        self.stop()
        await self.threads.allEnded()
    }
}
