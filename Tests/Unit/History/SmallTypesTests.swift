import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct DeadlineHeapTests {
    @Test("Keys come up when they are due, ties by key")
    func order() {
        var heap = DeadlineHeap<Int>()
        for (key, second) in [(3, 5), (1, 5), (2, 4), (4, 9)] {
            heap.set(key, to: Timestamp(nanoseconds: Int64(second)))
        }
        heap.set(4, to: nil)
        heap.set(2, to: Timestamp(nanoseconds: 7))
        #expect(heap.first == Timestamp(nanoseconds: 5))
        #expect(heap.popDue(at: Timestamp(nanoseconds: 4)) == nil)
        var popped: [Int] = []
        while let key = heap.popDue(at: .distantFuture) { popped.append(key) }
        #expect(popped == [1, 3, 2])
        #expect(heap.first == nil)
    }

    @Test("A heap is a sorted list of the newest deadlines", arguments: trials(32))
    func matchesModel(seed: UInt64) {
        var random = SeededGenerator(seed)
        var heap = DeadlineHeap<Int>()
        var model: [Int: Timestamp] = [:]
        for _ in 0..<2_000 {
            let key = Int.random(in: 0..<40, using: &random)
            let at = Timestamp(nanoseconds: Int64.random(in: 0..<1_000, using: &random))
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                heap.set(key, to: nil)
                model[key] = nil
            case 1:
                let due = model.filter { $0.value <= at }.min {
                    ($0.value, $0.key) < ($1.value, $1.key)
                }
                #expect(heap.popDue(at: at) == due?.key)
                if let due { model[due.key] = nil }
            case 2 where model.count > 20:
                let sorted = model.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
                #expect(heap.keepEarliest(15)?.key == sorted[14].key)
                for (key, _) in sorted.dropFirst(15) { model[key] = nil }
            default:
                heap.set(key, to: at)
                model[key] = at
            }
            #expect(heap.count == model.count)
            #expect(heap.first == model.values.min())
        }
    }
}

@Suite struct RetryDecisionTests {
    struct Row: Sendable {
        var attempt: Int32 = 1
        var failure: Failure? = .application("x")
        var secondsLeft: Int64?
        var caps = false
        let expected: RetryDecision
        var policy = Temporal_Api_Common_V1_RetryPolicy()
    }

    static let delayed = Failure.with {
        $0.applicationFailureInfo.nextRetryDelay = Duration.seconds(500).proto
    }
    static let atOnce = Failure.with { $0.applicationFailureInfo.nextRetryDelay = .init() }
    static let timeout = Failure.with { $0.timeoutFailureInfo.timeoutType = .scheduleToStart }
    static let rows: [Row] = [
        Row(expected: .retry(after: .seconds(1))),
        Row(attempt: 4, expected: .retry(after: .seconds(8))),
        Row(attempt: 8, expected: .retry(after: .seconds(100))),
        Row(attempt: .max, expected: .retry(after: .seconds(100))),
        Row(failure: nil, expected: .retry(after: .seconds(1))),
        Row(attempt: 3, expected: .giveUp(.maximumAttemptsReached), policy: .attempts(3)),
        Row(secondsLeft: 1, expected: .retry(after: .seconds(1))),
        Row(secondsLeft: 0, expected: .giveUp(.timeout)),
        Row(failure: delayed, expected: .retry(after: .seconds(500))),
        Row(failure: delayed, caps: true, expected: .retry(after: .seconds(100))),
        Row(failure: atOnce, expected: .giveUp(.timeout)),
        Row(failure: atOnce, caps: true, expected: .retry(after: .seconds(100))),
        Row(failure: delayed, secondsLeft: 499, expected: .giveUp(.timeout)),
        Row(failure: timeout, expected: .giveUp(.timeout)),
        Row(
            failure: .application("x", nonRetryable: true), expected: .giveUp(.nonRetryableFailure)),
        Row(
            failure: .application("x", type: "T"), expected: .giveUp(.nonRetryableFailure),
            policy: .with { $0.nonRetryableErrorTypes = ["T"] }),
        Row(
            failure: .with { $0.activityFailureInfo.activityID = "a" },
            expected: .retry(after: .seconds(1))),
    ]

    @Test("Policy, failure and time left decide", arguments: rows)
    func decides(_ row: Row) {
        let now = Timestamp(nanoseconds: 1)
        let decision = RetryDecision(
            policy: row.policy.withDefaults, attempt: row.attempt, failure: row.failure, now: now,
            expiration: row.secondsLeft.map { now + .seconds($0) }, capsNextRetryDelay: row.caps)
        #expect(decision == row.expected)
    }
}
