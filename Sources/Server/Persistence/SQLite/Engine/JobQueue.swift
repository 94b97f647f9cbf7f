import Glibc
import Primitives

/// Hands jobs from any thread to the threads that do them; a thread without a job sleeps.
final class JobQueue<Job: Sendable>: @unchecked Sendable {
    // Safe because the jobs are touched with `lock` held only.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var waiting: [Job] = []
    /// How many jobs at the start of `waiting` are taken already.
    private var takenCount = 0
    private var isClosed = false
    private let waitingMax: Int

    init(waitingMax: Int) {
        self.waitingMax = waitingMax
        pthread_mutex_init(self.lock, nil)
        pthread_cond_init(self.arrival, nil)
    }

    deinit {
        pthread_cond_destroy(self.arrival)
        pthread_mutex_destroy(self.lock)
        self.arrival.deallocate()
        self.lock.deallocate()
    }

    /// - Returns: false if the queue is closed or full: the job will not be done.
    func push(_ job: Job) -> Bool {
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
    /// - Returns: nil once the queue is closed and everything in it is taken.
    func take(countMax: Int) -> [Job]? {
        pthread_mutex_lock(self.lock)
        defer { pthread_mutex_unlock(self.lock) }
        while self.takenCount == self.waiting.count {
            if self.isClosed { return nil }
            pthread_cond_wait(self.arrival, self.lock)
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
    func close() {
        pthread_mutex_lock(self.lock)
        defer { pthread_mutex_unlock(self.lock) }
        self.isClosed = true
        pthread_cond_broadcast(self.arrival)
    }
}

/// Starts a thread that runs `body` and ends with it.
func startThread(_ body: @escaping @Sendable () -> Void) {
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
