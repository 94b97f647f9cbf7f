import Primitives

/// How long to wait after the n-th failure in a row: doubles, up to a limit.
package struct RetryBackoff: Equatable, Sendable {
    private let initial: Duration
    private let max: Duration
    private var failures = 0

    package init(initial: Duration, max: Duration) {
        self.initial = initial
        self.max = max
    }

    /// Counts a failure and says how long to wait before the next attempt.
    package mutating func failed() -> Duration {
        self.failures += 1
        return Self.delay(afterFailures: self.failures, initial: self.initial, max: self.max)
    }

    package mutating func succeeded() { self.failures = 0 }

    package static func delay(
        afterFailures failures: Int, initial: Duration, max: Duration
    ) -> Duration {
        let doublings = Swift.min(Swift.max(failures - 1, 0), 20)
        return Swift.min(initial * (1 << doublings), max)
    }
}
