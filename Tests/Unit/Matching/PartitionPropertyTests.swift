import MatchingCore
import Persistence
import Primitives
import ServiceClients
import Testing

/// A partition, a store, a history, workers and callers, all driven by one seed.
///
/// Safety is checked at each step. ``settle()`` ends the faults and checks that nothing was lost.
struct MatchingWorld {
    typealias Effect = TaskQueuePartition.Effect

    var driver: PartitionDriver
    var random: SeededGenerator
    var hasFaults: Bool

    // The store, and what is on its way to it.
    var rows: [Int64: BacklogRow] = [:]
    var range: Int64 = 0
    var ackLevel: Int64 = 0
    var operations: [Effect] = []
    /// What a read saw that looked before it answered, by generation.
    var earlyPages: [Int: [BacklogRow]] = [:]

    // What is known of tasks, by number.
    var nextTask: Int64 = 1
    /// Started, or refused by history for good.
    var done: Set<Int64> = []
    /// Adds answered with success.
    var accepted: Set<Int64> = []
    var startOrder: [Int64] = []

    var waitingAdds: [CallID: Int64] = [:]
    var waitingPolls: Set<CallID> = []
    /// Withdrawn by their callers; they must not be matched any more.
    var answeredPolls: Set<CallID> = []
    var startingPolls: Set<CallID> = []

    init(_ seed: UInt64, hasFaults: Bool) {
        var random = SeededGenerator(seed)
        let window = Int.random(in: 1...20, using: &random)
        let batch = Int.random(in: 1...5, using: &random)
        self.driver = PartitionDriver(seed: seed) {
            $0.backlogWindowMax = window
            $0.backlogBatchMax = batch
        }
        self.random = random
        self.hasFaults = hasFaults
    }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &self.random) < percent
    }

    mutating func run(_ steps: Int) {
        for _ in 0..<steps {
            switch Int.random(in: 0..<10, using: &self.random) {
            case 0, 1, 2: self.addTask()
            case 3, 4, 5: self.poll()
            case 6 where self.hasFaults: self.cancelPoll()
            case 7: self.absorb(self.driver.wait(Double.random(in: 0...2, using: &self.random)))
            default: self.finishOperation()
            }
        }
    }

    /// Ends the faults, lets workers poll, and expects every accepted task to be done.
    mutating func settle() {
        self.hasFaults = false
        for _ in 0..<400 {
            while !self.operations.isEmpty { self.finishOperation() }
            if self.waitingPolls.count < 5 { self.poll() }
            self.absorb(self.driver.wait(1))
        }
        while !self.operations.isEmpty { self.finishOperation() }
        #expect(self.waitingAdds.isEmpty, "adds never answered: \(self.waitingAdds)")
        let lost = self.accepted.subtracting(self.done).sorted()
        #expect(lost.isEmpty, "accepted and lost: \(lost)")
        self.absorb(self.driver.feed(.stopped))
        #expect(self.waitingPolls.isEmpty, "polls never answered: \(self.waitingPolls)")
    }

    mutating func addTask() {
        let number = self.nextTask
        self.nextTask += 1
        let priority: Int32 = self.hasFaults && self.chance(20) ? 1 : 0
        let call = self.driver.call()
        self.waitingAdds[call] = number
        self.absorb(self.driver.feed(.taskAdded(call, dispatch(number, priority: priority))))
    }

    mutating func poll() {
        let call = self.driver.call()
        self.waitingPolls.insert(call)
        let wait = Double.random(in: 0.1...20, using: &self.random)
        self.absorb(
            self.driver.feed(.pollArrived(call, taskPoll(until: self.driver.now + .seconds(wait)))))
    }

    mutating func cancelPoll() {
        guard let call = self.waitingPolls.sorted().randomElement(using: &self.random) else {
            return
        }
        self.absorb(self.driver.feed(.pollCanceled(call)))
        #expect(self.answeredPolls.contains(call))
    }

    /// Takes in what the machine asked for, and checks it.
    mutating func absorb(_ effects: [Effect]) {
        for effect in effects {
            switch effect {
            case .startTask(let start):
                #expect(self.waitingPolls.contains(start.poll), "\(start.poll) is not waiting")
                #expect(self.startingPolls.insert(start.poll).inserted)
                self.startOrder.append(start.task.scheduledEventID)
                self.operations.append(effect)
            case .replyPoll(let call, _):
                #expect(self.waitingPolls.remove(call) != nil, "\(call) was answered twice")
                self.answeredPolls.insert(call)
            case .replyAdd(let call, let refusal):
                guard let number = self.waitingAdds.removeValue(forKey: call) else {
                    Issue.record("\(call) was answered twice")
                    continue
                }
                guard refusal == nil else { continue }
                self.accepted.insert(number)
                let isStored = self.rows.values.contains {
                    MatchingTask(row: $0.task)?.scheduledEventID == number
                }
                #expect(
                    self.done.contains(number) || isStored, "\(number) is neither done nor stored")
            case .readBacklog(let after, let countMax, let generation):
                if self.hasFaults && self.chance(50) {
                    self.earlyPages[generation] = self.page(after, countMax)
                }
                self.operations.append(effect)
            case .acquireLease, .appendBacklog, .completeBacklog:
                self.operations.append(effect)
            case .replyQuery, .replyQueryAnswer, .replyDescription, .reportUnreadableRow, .unload:
                Issue.record("unexpected \(effect)")
            }
        }
    }

    /// One of the operations under way ends, one way or another.
    mutating func finishOperation() {
        guard !self.operations.isEmpty else { return }
        let index =
            self.hasFaults ? Int.random(in: 0..<self.operations.count, using: &self.random) : 0
        switch self.operations.remove(at: index) {
        case .startTask(let start): self.finishStart(start)
        case .acquireLease: self.finishAcquire()
        case .appendBacklog(let new, let range): self.finishAppend(new, range)
        case .readBacklog(let after, let countMax, let generation):
            if self.hasFaults && self.chance(10) {
                self.earlyPages[generation] = nil
                self.absorb(
                    self.driver.feed(
                        .backlogReadFailed(generation: generation, .unavailable("x"))))
                return
            }
            let page =
                self.earlyPages.removeValue(forKey: generation) ?? self.page(after, countMax)
            self.absorb(
                self.driver.feed(
                    .backlogRead(
                        generation: generation, page, isLast: page.count < countMax)))
        case .completeBacklog(let level, let range): self.finishComplete(level, range)
        case .replyPoll, .replyAdd, .replyQuery, .replyQueryAnswer, .replyDescription,
            .reportUnreadableRow, .unload:
            Issue.record("not an operation")
        }
    }

    func page(_ after: Int64, _ countMax: Int) -> [BacklogRow] {
        let rows = self.rows.values.filter { $0.id > after }.sorted { $0.id < $1.id }
        return Array(rows.prefix(countMax))
    }

    mutating func finishStart(_ start: TaskStart) {
        let number = start.task.scheduledEventID
        self.startingPolls.remove(start.poll)
        if self.hasFaults && self.chance(30) {
            // Sometimes the start was recorded all the same; then it is done.
            if self.chance(20) { self.done.insert(number) }
            self.absorb(self.driver.feed(.taskStartFailed(start.poll, .unavailable("x"))))
        } else if self.done.contains(number) || (self.hasFaults && self.chance(10)) {
            self.done.insert(number)
            self.absorb(self.driver.feed(.taskStartFailed(start.poll, .notFound("x"))))
        } else {
            self.done.insert(number)
            self.absorb(self.driver.feed(.taskStartSucceeded(start.poll, started(number))))
        }
    }

    mutating func finishAcquire() {
        if self.hasFaults && self.chance(15) {
            if self.chance(50) { self.range += 1 }
            self.absorb(self.driver.feed(.leaseFailed(.unknownOutcome("x"))))
            return
        }
        self.range += 1
        let hasBacklog = self.rows.keys.contains { $0 > self.ackLevel }
        self.absorb(
            self.driver.acquire(self.range, ackLevel: self.ackLevel, hasBacklog: hasBacklog))
        if self.hasFaults && self.chance(10) { self.range += 1 }
    }

    mutating func finishAppend(_ new: [BacklogRow], _ range: RangeID) {
        guard range.rawValue == self.range else {
            self.absorb(self.driver.feed(.backlogAppendFailed(.ownershipLost)))
            return
        }
        let fails = self.hasFaults && self.chance(20), isUnknown = self.chance(50)
        if !fails || (isUnknown && self.chance(50)) {
            for row in new {
                #expect(self.rows.keys.allSatisfy { $0 < row.id }, "\(row.id) is not above all")
                self.rows[row.id] = row
            }
        }
        let error: StoreError = isUnknown ? .unknownOutcome("x") : .unavailable("x")
        self.absorb(self.driver.feed(fails ? .backlogAppendFailed(error) : .backlogAppended))
    }

    mutating func finishComplete(_ level: Int64, _ range: RangeID) {
        guard range.rawValue == self.range else {
            self.absorb(self.driver.feed(.backlogCompleteFailed(.ownershipLost)))
            return
        }
        if self.hasFaults && self.chance(20) {
            self.absorb(self.driver.feed(.backlogCompleteFailed(.unavailable("x"))))
            return
        }
        for (id, row) in self.rows where id <= level {
            let number = MatchingTask(row: row.task)?.scheduledEventID ?? 0
            #expect(self.done.contains(number), "\(number) was forgotten before it was done")
            self.rows[id] = nil
        }
        self.ackLevel = max(self.ackLevel, level)
        self.absorb(self.driver.feed(.backlogCompleted(through: level)))
    }
}

@Suite struct PartitionPropertyTests {
    @Test(
        "Whatever fails: one reply each, no task lost, none for a poll that is gone",
        arguments: trials(200))
    func faults(_ seed: UInt64) {
        var world = MatchingWorld(seed, hasFaults: true)
        world.run(400)
        world.settle()
    }

    @Test(
        "When nothing fails, tasks start once each and in the order they came",
        arguments: trials(100))
    func order(_ seed: UInt64) {
        var world = MatchingWorld(seed, hasFaults: false)
        world.run(400)
        world.settle()
        #expect(world.startOrder == Array(1..<world.nextTask))
    }
}
