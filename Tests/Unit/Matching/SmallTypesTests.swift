import MatchingCore
import Primitives
import ServiceClients
import Testing

@Suite struct SortedQueueTests {
    @Test("A sorted queue behaves like a sorted array", arguments: trials(16))
    func matchesModel(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        var queue = SortedQueue<Int, String>()
        var model: [Int] = []
        for _ in 0..<2_000 {
            let key = Int.random(in: 0..<300, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                guard !model.contains(key) else { continue }
                queue.insert("\(key)", for: key)
                model.append(key)
                model.sort()
            case 2:
                let expected = model.isEmpty ? nil : model.removeFirst()
                let popped = queue.popFirst()
                #expect(popped?.key == expected)
                #expect(popped?.value == expected.map { "\($0)" })
            default:
                let position = model.firstIndex(of: key)
                if let position { model.remove(at: position) }
                #expect(queue.remove(key) == position.map { _ in "\(key)" })
            }
            #expect(Array(queue.sortedKeys) == model)
            #expect(queue.firstKey == model.first)
        }
    }
}

@Suite struct DeadlinesTests {
    @Test("Deadlines come due in order of time, then key", arguments: trials(16))
    func matchesModel(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        var deadlines = Deadlines<Int>()
        var model: [Int: Timestamp] = [:]
        func first() -> (key: Int, value: Timestamp)? {
            model.min { ($0.value, $0.key) < ($1.value, $1.key) }.map { ($0.key, $0.value) }
        }
        for _ in 0..<2_000 {
            let key = Int.random(in: 0..<100, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let time = seconds(Double(Int.random(in: 0..<50, using: &random)))
                deadlines.set(key, at: time)
                model[key] = time
            case 2:
                deadlines.remove(key)
                model[key] = nil
            default:
                let now = seconds(Double(Int.random(in: 0..<50, using: &random)))
                let expected = first().flatMap { $0.value <= now ? $0.key : nil }
                #expect(deadlines.popDue(now) == expected)
                if let expected { model[expected] = nil }
            }
            #expect(deadlines.next == first()?.value)
            #expect(deadlines.time(of: key) == model[key])
        }
    }
}

@Suite struct AckLevelTrackerTests {
    @Test("The ack level stays below the first task that is not done")
    func ackLevel() {
        var tracker = AckLevelTracker(level: 10)
        #expect(tracker.ackLevel == 10)
        for id: Int64 in [11, 15, 100_001] { tracker.read(id) }
        #expect(tracker.ackLevel == 10)
        tracker.complete(15)
        #expect(tracker.ackLevel == 10)
        tracker.complete(11)
        #expect(tracker.ackLevel == 100_000)
        tracker.complete(100_001)
        #expect(tracker.ackLevel == 100_001)
        #expect(tracker.outstandingCount == 0)
    }
}

@Suite struct TaskIDBlockTests {
    @Test("Each range owns the ids after those of the range before it")
    func blocks() {
        var first = TaskIDBlock(RangeID(1)), second = TaskIDBlock(RangeID(2))
        #expect(first.take() == 1)
        #expect(first.take() == 2)
        #expect(first.remaining == 99_998)
        #expect(second.take() == 100_001)
    }
}

@Suite struct PollerHistoryTests {
    @Test("Pollers are listed newest first until their time to live is over")
    func listsNewestFirst() {
        var history = PollerHistory(timeToLive: .seconds(300), countMax: 10)
        history.record("old", tasksPerSecondMax: nil, now: seconds(0))
        history.record("new", tasksPerSecondMax: 5, now: seconds(200))
        #expect(history.pollers(seconds(300)).map(\.identity) == ["new", "old"])
        #expect(history.pollers(seconds(301)).map(\.identity) == ["new"])
        #expect(history.pollers(seconds(301)).first?.tasksPerSecondMax == 5)
    }

    @Test("A poll without an identity counts, but is not listed")
    func anonymous() {
        var history = PollerHistory(timeToLive: .seconds(300), countMax: 10)
        #expect(!history.isPolled(within: .seconds(10), now: seconds(0)))
        history.record("", tasksPerSecondMax: nil, now: seconds(0))
        #expect(history.isPolled(within: .seconds(10), now: seconds(10)))
        #expect(!history.isPolled(within: .seconds(10), now: seconds(10.5)))
        #expect(history.pollers(seconds(0)).isEmpty)
    }

    @Test("The end of a poll counts as seen, unless its worker was forgotten")
    func touch() {
        var history = PollerHistory(timeToLive: .seconds(300), countMax: 10)
        history.record("worker", tasksPerSecondMax: nil, now: seconds(0))
        history.touch("worker", now: seconds(60))
        #expect(history.isPolled(within: .seconds(10), now: seconds(65)))
        history.removeAll()
        history.touch("worker", now: seconds(66))
        #expect(!history.isPolled(within: .seconds(10), now: seconds(66)))
    }

    @Test("More identities than the limit push the oldest out")
    func bounded() {
        var history = PollerHistory(timeToLive: .seconds(300), countMax: 20)
        for index in 0..<1_000 {
            history.record(
                "worker-\(index)", tasksPerSecondMax: nil, now: seconds(Double(index) / 100))
        }
        #expect(history.count == 20)
        #expect(history.pollers(seconds(10)).first?.identity == "worker-999")
    }
}

@Suite struct DispatchRateLimiterTests {
    @Test("Without a limit everything goes through")
    func unlimited() {
        var limiter = DispatchRateLimiter()
        for _ in 0..<1_000 { limiter.take(seconds(0)) }
        #expect(limiter.allows(seconds(0)))
    }

    @Test("A rate allows a burst of one second, then spaces tasks out")
    func spaced() {
        var limiter = DispatchRateLimiter()
        limiter.setRate(4, now: seconds(0))
        for _ in 0..<4 {
            #expect(limiter.allows(seconds(0)))
            limiter.take(seconds(0))
        }
        #expect(limiter.nextAt(seconds(0)) == seconds(0.25))
        #expect(!limiter.allows(seconds(0.2)))
        #expect(limiter.allows(seconds(0.25)))
        limiter.giveBack()
        #expect(limiter.allows(seconds(0)))
    }

    @Test("A rate of zero lets nothing through until another is set", arguments: [0, -1, .nan])
    func blocked(rate: Double) {
        var limiter = DispatchRateLimiter()
        limiter.setRate(rate, now: seconds(0))
        #expect(limiter.nextAt(seconds(1_000)) == nil)
        limiter.setRate(1, now: seconds(1_000))
        #expect(limiter.allows(seconds(1_000)))
    }

    @Test("Workers that set different rates in turn get no extra burst")
    func alternatingRates() {
        var limiter = DispatchRateLimiter()
        var count = 0
        for round in 0..<100 {
            limiter.setRate(round % 2 == 0 ? 2 : 4, now: seconds(0))
            while limiter.allows(seconds(0)) {
                limiter.take(seconds(0))
                count += 1
            }
        }
        #expect(count <= 8)
    }
}

@Suite struct RetryBackoffTests {
    @Test("Delays double up to the limit, and start again after a success")
    func doubles() {
        var backoff = RetryBackoff(initial: .milliseconds(100), max: .seconds(1))
        let delays = (0..<6).map { _ in backoff.failed() }
        #expect(delays == [100, 200, 400, 800, 1_000, 1_000].map { .milliseconds($0) })
        backoff.succeeded()
        #expect(backoff.failed() == .milliseconds(100))
    }
}

@Suite struct MatchingTaskTests {
    @Test("A task reads back from its row as it was written")
    func rowRoundTrip() {
        for expiresAt in [nil, seconds(5)] {
            let task = MatchingTask(
                dispatch(7, expiresAt: expiresAt, priority: 2), createdAt: seconds(1))
            #expect(MatchingTask(row: task.row) == task)
        }
    }

    @Test("Bytes that are not a task are refused", arguments: [[], [0xff], [0x0a, 0x05, 0x41]])
    func garbage(bytes: [UInt8]) {
        #expect(MatchingTask(row: bytes) == nil)
    }

    @Test(
        "Priority keys count as the nearest legal one",
        arguments: [(0, 3), (1, 1), (5, 5), (9, 5), (-4, 1)] as [(Int32, Int32)])
    func priority(key: Int32, counted: Int32) {
        #expect(TaskPriority(key: key).key == counted)
    }
}

@Suite struct PollerScalingTests {
    @Test("A poll that waited long for a new task is one too many")
    func fewer() {
        var scaling = PollerScaling()
        func suggestion(waited: Double, isSyncMatch: Bool) -> Int32? {
            scaling.suggestion(
                waited: .seconds(waited), isSyncMatch: isSyncMatch, oldestAt: nil, now: seconds(0))
        }
        #expect(suggestion(waited: 1, isSyncMatch: true) == -1)
        #expect(suggestion(waited: 0.9, isSyncMatch: true) == nil)
        #expect(suggestion(waited: 1, isSyncMatch: false) == nil)
    }

    @Test("An old backlog asks for more polls, ten times a second at most")
    func more() {
        var scaling = PollerScaling()
        func suggestion(age: Double) -> Int32? {
            scaling.suggestion(
                waited: .zero, isSyncMatch: false, oldestAt: seconds(-age), now: seconds(0))
        }
        #expect(suggestion(age: 0.2) == nil)
        #expect(
            (0..<100).compactMap { _ in suggestion(age: 0.3) } == Array(repeating: 1, count: 10))
    }
}
