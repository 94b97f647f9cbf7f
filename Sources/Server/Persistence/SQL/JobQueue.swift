import Glibc
import Primitives

/// Hands jobs from any thread to the threads that do them; a thread without a job sleeps.
package final class JobQueue<Job: Sendable>: @unchecked Sendable {
    // Safe because the jobs are touched with `lock` held only.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var waiting: [Job] = []
    /// How many jobs at the start of `waiting` are taken already.
    private var takenCount = 0
    private var isClosed = false
    private let waitingMax: Int

    package init(waitingMax: Int) {
        self.waitingMax = waitingMax
        pthread_mutex_init(self.lock, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(self.arrival, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(self.arrival)
        pthread_mutex_destroy(self.lock)
        self.arrival.deallocate()
        self.lock.deallocate()
    }

    /// - Returns: false if the queue is closed or full: the job will not be done.
    package func push(_ job: Job) -> Bool {
        pthread_mutex_lock(self.lock)
        defer { pthread_mutex_unlock(self.lock) }
        guard !self.isClosed, self.waiting.count - self.takenCount < self.waitingMax else {
            return false
        }
        self.waiting.append(job)
        pthread_cond_signal(self.arrival)
        return true
    }

    /// Waits for jobs and takes the oldest ones.
    /// - Returns: nil once the queue is closed and everything in it is taken; nothing if no job
    ///   arrives within `patience`.
    package func take(countMax: Int, within patience: Duration? = nil) -> [Job]? {
        var deadline = patience.map { Self.time(in: $0) }
        pthread_mutex_lock(self.lock)
        defer { pthread_mutex_unlock(self.lock) }
        while self.takenCount == self.waiting.count {
            if self.isClosed { return nil }
            if deadline == nil {
                pthread_cond_wait(self.arrival, self.lock)
            } else if var end = deadline {
                let code = pthread_cond_timedwait(self.arrival, self.lock, &end)
                if code == ETIMEDOUT, self.takenCount == self.waiting.count { return [] }
                deadline = end
            }
        }
        let end = min(self.takenCount + countMax, self.waiting.count)
        let jobs = Array(self.waiting[self.takenCount..<end])
        self.takenCount = end
        if self.takenCount == self.waiting.count {
            self.waiting.removeAll(keepingCapacity: self.takenCount < 1_024)
            self.takenCount = 0
        } else if self.takenCount >= 1_024 && self.takenCount * 2 >= self.waiting.count {
            self.waiting.removeFirst(self.takenCount)
            self.takenCount = 0
        }
        return jobs
    }

    /// Takes no further jobs; those that wait are still done.
    package func close() {
        pthread_mutex_lock(self.lock)
        defer { pthread_mutex_unlock(self.lock) }
        self.isClosed = true
        pthread_cond_broadcast(self.arrival)
    }

    private static func time(in patience: Duration) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let (seconds, attoseconds) = patience.components
        time.tv_sec += Int(seconds)
        time.tv_nsec += Int(attoseconds / 1_000_000_000)
        if time.tv_nsec >= 1_000_000_000 {
            time.tv_sec += 1
            time.tv_nsec -= 1_000_000_000
        }
        return time
    }
}

/// Starts a thread that runs `body` and ends with it.
package func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start(body))
    let code = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, start.toOpaque())
    invariant(code == 0, "no thread could be started: error \(code)")
    pthread_detach(thread)
}
