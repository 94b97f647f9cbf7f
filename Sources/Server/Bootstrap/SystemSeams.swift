import Glibc
import Primitives
import Synchronization

/// The machine's clock: follows the time of day, but never backwards.
///
/// When the time of day is set back, time goes on from where it was; when it is set forward, or
/// the machine wakes from sleep, it is followed at once.
package final class SystemClock: TimeSource {
    /// Between the monotonic clock and the time of day, in nanoseconds.
    private let offset: Mutex<Int64>

    package init() {
        self.offset = Mutex(Self.read(CLOCK_REALTIME) - Self.read(CLOCK_MONOTONIC))
    }

    package func now() -> Timestamp {
        let monotonic = Self.read(CLOCK_MONOTONIC)
        let timeOfDay = Self.read(CLOCK_REALTIME)
        return self.offset.withLock { offset in
            offset = max(offset, timeOfDay - monotonic)
            return Timestamp(nanoseconds: monotonic + offset)
        }
    }

    package func sleep(until deadline: Timestamp) async throws {
        while true {
            let rest = deadline - self.now()
            guard rest > .zero else { return }
            try await Task.sleep(for: rest, tolerance: .zero, clock: .continuous)
        }
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The machine's entropy.
package struct SystemRandom: RandomSource {
    package init() {}

    package func seed() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
