import SwiftProtobuf

/// A point in time: nanoseconds since 1970, UTC.
package struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static let epoch = Timestamp(nanoseconds: 0)
    /// Later than anything that happens; about the year 2262.
    package static let distantFuture = Timestamp(nanoseconds: .max)

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The time `duration` later; clamped instead of overflowing.
    package static func + (time: Self, duration: Duration) -> Timestamp {
        let (sum, overflow) = time.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        if overflow { return duration.nanoseconds > 0 ? .distantFuture : .epoch }
        return Timestamp(nanoseconds: sum)
    }

    /// How long from `right` to `left`.
    package static func - (left: Self, right: Self) -> Duration {
        .nanoseconds(left.nanoseconds &- right.nanoseconds)
    }

    /// The nearest whole millisecond.
    package var roundedToMilliseconds: Timestamp {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(500_000)
        return overflow ? self : Timestamp(nanoseconds: sum - sum % 1_000_000)
    }

    package var description: String { "\(self.nanoseconds)ns" }

    /// The API's form of this time.
    package var proto: Google_Protobuf_Timestamp {
        var (seconds, rest) = self.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        if rest < 0 {
            seconds -= 1
            rest += 1_000_000_000
        }
        return .with {
            $0.seconds = seconds
            $0.nanos = Int32(rest)
        }
    }

    /// A time in the API's form; clamped to what nanoseconds in 64 bits can hold.
    package init(_ proto: Google_Protobuf_Timestamp) {
        let (scaled, overflow) = proto.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else {
            self.nanoseconds = proto.seconds > 0 ? .max : .min
            return
        }
        let (sum, overflowed) = scaled.addingReportingOverflow(Int64(proto.nanos))
        self.nanoseconds = overflowed ? (scaled > 0 ? .max : .min) : sum
    }
}

extension Duration {
    /// Longest duration the server takes from a caller, about 100 years.
    package static let longest = Duration.seconds(100 * 365 * 86_400)

    /// This duration in whole nanoseconds; clamped to 64 bits.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds > 0 ? .max : .min }
        let (sum, overflowed) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed ? (seconds > 0 ? .max : .min) : sum
    }

    /// The API's form of this duration.
    package var proto: Google_Protobuf_Duration {
        let (seconds, rest) = self.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return .with {
            $0.seconds = seconds
            $0.nanos = Int32(rest)
        }
    }

    /// A duration in the API's form, at most ``longest`` in either direction.
    package init(clamping proto: Google_Protobuf_Duration) {
        let limit = Duration.longest.components.seconds
        let seconds = min(max(proto.seconds, -limit), limit)
        self = .seconds(seconds) + .nanoseconds(Int64(proto.nanos))
    }
}
