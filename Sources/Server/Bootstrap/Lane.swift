import Glibc
import Primitives
import Synchronization

/// A thread of its own that runs the jobs of the actors bound to it, one after the other.
///
/// Safe because the queue is behind a lock, the semaphore is made for many threads, and the rest
/// is fixed after the first line of `init`.
final class Lane: SerialExecutor, @unchecked Sendable {
    private struct Queue: @unchecked Sendable {
        // Safe because the runtime hands jobs over to be run on another thread.
        var jobs: [UnownedJob] = []
        var isAsleep = false
    }

    private let queue = Mutex(Queue())
    private let wakeUps: UnsafeMutablePointer<sem_t>

    /// Starts the thread, which lives as long as the process.
    init() {
        self.wakeUps = .allocate(capacity: 1)
        sem_init(self.wakeUps, 0, 0)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Lane>.fromOpaque(context).takeUnretainedValue().run()
            }, Unmanaged.passRetained(self).toOpaque())
        invariant(code == 0, "no thread: error \(code)")
        pthread_detach(thread)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustWake = self.queue.withLock { queue in
            queue.jobs.append(job)
            defer { queue.isAsleep = false }
            return queue.isAsleep
        }
        if mustWake { sem_post(self.wakeUps) }
    }

    private func run() -> Never {
        let executor = self.asUnownedSerialExecutor()
        var batch: [UnownedJob] = []
        while true {
            self.queue.withLock { queue in
                swap(&queue.jobs, &batch)
                queue.isAsleep = batch.isEmpty
            }
            guard !batch.isEmpty else {
                sem_wait(self.wakeUps)
                continue
            }
            for job in batch { job.runSynchronously(on: executor) }
            batch.removeAll(keepingCapacity: true)
        }
    }
}

/// The lanes of a process; what belongs together always gets the same one.
struct Lanes: Sendable {
    private let lanes: [Lane]

    init(count: Int) {
        self.lanes = (0..<max(count, 1)).map { _ in Lane() }
    }

    /// As many as the machine has cores, up to `max`.
    static func countDefault(max: Int = 8) -> Int {
        min(Swift.max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1), max)
    }

    func lane(of shard: ShardID) -> any SerialExecutor {
        self.lanes[Int(shard.rawValue.magnitude) % self.lanes.count]
    }

    func lane(of queue: TaskQueueKey) -> any SerialExecutor {
        let sum = queue.name.utf8.reduce(UInt(queue.type.rawValue.magnitude)) {
            $0 &* 31 &+ UInt($1)
        }
        return self.lanes[Int(sum % UInt(self.lanes.count))]
    }
}
