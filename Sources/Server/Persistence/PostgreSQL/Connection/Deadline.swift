import Glibc
import Primitives

/// A moment of the monotonic clock.
struct Deadline: Sendable, Comparable {
    /// Nanoseconds.
    private let time: Int64

    init(in patience: Duration) {
        let (sum, overflow) = Self.now().addingReportingOverflow(patience.nanoseconds)
        self.time = overflow ? .max : sum
    }

    var hasPassed: Bool { Self.now() >= self.time }

    /// How long until then.
    var remaining: Duration { .nanoseconds(max(self.time - Self.now(), 0)) }

    /// How long `poll` may wait, in milliseconds.
    var pollTimeout: Int32 {
        Int32(clamping: (max(self.time - Self.now(), 0) + 999_999) / 1_000_000)
    }

    static func < (left: Self, right: Self) -> Bool { left.time < right.time }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
