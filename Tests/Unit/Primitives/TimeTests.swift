import Primitives
import SwiftProtobuf
import Testing

@Suite struct TimeTests {
    @Test("Adding never overflows")
    func additionClamps() {
        let late = Timestamp(nanoseconds: .max - 10)
        #expect(late + .nanoseconds(10) == .distantFuture)
        #expect(late + .nanoseconds(11) == .distantFuture)
        #expect(late + .longest == .distantFuture)
        #expect(Timestamp(nanoseconds: .min + 5) + .nanoseconds(-10) == .epoch)
        #expect(Timestamp.epoch + .milliseconds(1) == Timestamp(nanoseconds: 1_000_000))
    }

    @Test("A difference is how much must be added")
    func difference() {
        let (early, late) = (Timestamp(nanoseconds: 5), Timestamp(nanoseconds: 1_000_000_007))
        #expect(late - early == .seconds(1) + .nanoseconds(2))
        #expect(early + (late - early) == late)
    }

    static let times: [(Int64, Int64, Int32)] = [
        (0, 0, 0), (1_500_000_000, 1, 500_000_000), (-1, -1, 999_999_999),
        (-1_000_000_000, -1, 0), (.max, 9_223_372_036, 854_775_807),
    ]

    @Test("Times survive the way to the API's form and back", arguments: times)
    func timestampProtos(nanoseconds: Int64, seconds: Int64, nanos: Int32) {
        let time = Timestamp(nanoseconds: nanoseconds)
        #expect(time.proto.seconds == seconds)
        #expect(time.proto.nanos == nanos)
        #expect(Timestamp(time.proto) == time)
    }

    @Test("Times beyond the range of nanoseconds are clamped")
    func timestampClamps() {
        func timestamp(_ seconds: Int64, _ nanos: Int32 = 0) -> Timestamp {
            Timestamp(
                .with {
                    $0.seconds = seconds
                    $0.nanos = nanos
                })
        }
        #expect(timestamp(.max) == .distantFuture)
        #expect(timestamp(9_223_372_036, .max) == .distantFuture)
        #expect(timestamp(.min).nanoseconds == .min)
    }

    @Test("Durations from callers are clamped to a hundred years")
    func durationClamps() {
        func duration(_ seconds: Int64, _ nanos: Int32 = 0) -> Duration {
            Duration(
                clamping: .with {
                    $0.seconds = seconds
                    $0.nanos = nanos
                })
        }
        #expect(duration(3, 5) == .seconds(3) + .nanoseconds(5))
        #expect(duration(.max) == .longest)
        #expect(duration(.min) == .zero - .longest)
        #expect(duration(-2) == .seconds(-2))
        #expect(Duration.longest.nanoseconds > 0)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
        #expect(Duration.milliseconds(1_500).proto.seconds == 1)
        #expect(Duration.milliseconds(1_500).proto.nanos == 500_000_000)
    }
}
