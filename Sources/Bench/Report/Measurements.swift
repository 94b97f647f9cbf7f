import GRPCCore
import Histogram
import Synchronization

/// What happened under the load: latencies, throughput over time, errors, calls made again.
final class Measurements: Sendable {
    private struct Record {
        var whole = Measurements.histogram(.three)
        /// One per second since the start.
        var seconds: [Histogram<UInt64>] = []
        var errors: [String: Int] = [:]
        /// How long operations took that failed.
        var failures = Measurements.histogram(.two)
        var retries = 0
        var startsAt: ContinuousClock.Instant?
    }

    private let record = Mutex(Record())

    /// Microseconds, up to an hour.
    static func histogram(_ digits: SignificantDigits) -> Histogram<UInt64> {
        Histogram(
            lowestDiscernibleValue: 1, highestTrackableValue: 3_600_000_000,
            numberOfSignificantValueDigits: digits)
    }

    /// Forgets what was measured so far, and counts the seconds from now.
    func restart(at now: ContinuousClock.Instant) {
        self.record.withLock {
            $0 = Record()
            $0.startsAt = now
        }
    }

    /// An operation has ended well.
    /// - Parameters:
    ///   - latency: how long it took, from when it was due.
    ///   - now: when it ended.
    func record(_ latency: Duration, at now: ContinuousClock.Instant) {
        let value = Self.microseconds(latency)
        self.record.withLock { record in
            guard let start = record.startsAt else { return }
            let second = max(0, Int((now - start).inSeconds))
            while record.seconds.count <= second {
                record.seconds.append(Self.histogram(.two))
            }
            record.whole.record(value)
            record.seconds[second].record(value)
        }
    }

    private static func microseconds(_ latency: Duration) -> UInt64 {
        UInt64(max(1, latency.inSeconds * 1_000_000))
    }

    /// A call was made again because its connection ended.
    func recordRetry() { self.record.withLock { $0.retries += 1 } }

    /// Something has failed; cancellation, which ends every load, is no failure.
    /// - Parameters:
    ///   - error: why.
    ///   - latency: if it was an operation, how long it took, from when it was due.
    func record(_ error: any Error, after latency: Duration? = nil) {
        if error is CancellationError { return }
        let name: String
        if let error = error as? RPCError {
            if error.code == .cancelled { return }
            name = "\(error.code)"
        } else {
            name = "\(error)"
        }
        self.record.withLock { record in
            record.errors[name, default: 0] += 1
            if let latency { record.failures.record(Self.microseconds(latency)) }
        }
    }

    var count: Int { self.record.withLock { Int($0.whole.totalCount) } }

    var errors: [String: Int] { self.record.withLock { $0.errors } }

    var retries: Int { self.record.withLock { $0.retries } }

    var failures: Latencies { self.record.withLock { Latencies($0.failures) } }

    var latencies: Latencies { self.record.withLock { Latencies($0.whole) } }

    /// One entry per second.
    var course: [Latencies] { self.record.withLock { $0.seconds.map { Latencies($0) } } }
}

/// How a set of latencies is spread; milliseconds.
struct Latencies: Codable, Sendable {
    let count: Int
    let mean: Double
    let p50: Double
    let p90: Double
    let p95: Double
    let p99: Double
    let p999: Double
    let max: Double

    init(_ histogram: Histogram<UInt64>) {
        func at(_ percentile: Double) -> Double {
            histogram.totalCount == 0
                ? 0 : Double(histogram.valueAtPercentile(percentile)) / 1_000
        }
        self.count = Int(histogram.totalCount)
        self.mean = histogram.totalCount == 0 ? 0 : histogram.mean / 1_000
        self.p50 = at(50)
        self.p90 = at(90)
        self.p95 = at(95)
        self.p99 = at(99)
        self.p999 = at(99.9)
        self.max = at(100)
    }
}
