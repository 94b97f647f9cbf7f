import MatchingCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct PartitionBacklogTests {
    private func ready(
        _ adjust: (inout PartitionLimits) -> Void = { _ in }
    ) -> PartitionDriver {
        var driver = PartitionDriver(adjust: adjust)
        let poll = driver.poll()
        _ = driver.acquire()
        _ = driver.feed(.pollCanceled(poll.call))
        return driver
    }

    @Test("The lease is taken when the queue is first used, and before anything is matched")
    func leaseFirst() {
        var driver = PartitionDriver()
        #expect(driver.poll().effects == [.acquireLease])
        #expect(driver.add(1).effects.isEmpty)
        #expect(driver.acquire().startNumbers == [1])
    }

    @Test("What the store holds goes before what is new")
    func backlogFirst() {
        var driver = PartitionDriver()
        _ = driver.poll()
        _ = driver.poll()
        let add = driver.add(9)
        let effects = driver.acquire(2, ackLevel: 3, hasBacklog: true)
        #expect(
            effects.contains(.readBacklog(after: 3, countMax: 1_000, generation: 1)))
        #expect(effects.appended == [100_001])
        #expect(driver.feed(.backlogAppended).addReplies == [add.call: nil])
        let read = driver.feed(.backlogRead(generation: 1, [row(5)], isLast: true))
        #expect(read.startNumbers == [5])
        #expect(read.contains(.readBacklog(after: 5, countMax: 999, generation: 1)))
        let rest = [BacklogRow(id: 100_001, task: row(9).task)]
        #expect(
            driver.feed(.backlogRead(generation: 1, rest, isLast: true)).startNumbers == [9])
    }

    @Test("While one write is under way the next batch is collected")
    func groupAppend() {
        var driver = self.ready { $0.backlogBatchMax = 2 }
        let adds = (1...4).map { driver.add($0) }
        #expect(adds.map(\.effects.appended) == [[1], nil, nil, nil])
        let first = driver.feed(.backlogAppended)
        #expect(first.addReplies == [adds[0].call: nil])
        #expect(first.appended == [2, 3])
        let second = driver.feed(.backlogAppended)
        #expect(second.addReplies == [adds[1].call: nil, adds[2].call: nil])
        #expect(second.appended == [4])
    }

    @Test("What no write has taken yet goes to a poll instead")
    func pollTakesUnwritten() {
        var driver = self.ready()
        for number: Int64 in 1...3 { _ = driver.add(number) }
        let early = driver.poll().call
        let effects = driver.feed(.backlogAppended)
        #expect(effects.starts.map(\.number) == [1])
        #expect(effects.appended == [2, 3])
        _ = driver.feed(.backlogAppended)
        let done = driver.feed(.taskStartSucceeded(early, started(1)))
        let task = StartedTask.workflow(
            .with {
                $0.workflowExecution.workflowID = "workflow-1"
                $0.backlogCountHint = 2
            })
        #expect(done.pollReplies == [early: .success(.backlogTask(task))])
    }

    @Test("Urgent tasks leave the backlog first, equals in order")
    func priorities() {
        var driver = self.ready()
        for (number, priority) in [(1, 0), (2, 5), (3, 1), (4, 3), (5, 1)] as [(Int64, Int32)] {
            _ = driver.add(number, priority: priority)
        }
        _ = driver.feed(.backlogAppended)
        _ = driver.feed(.backlogAppended)
        let order = (0..<5).flatMap { _ in driver.poll().effects.startNumbers }
        #expect(order == [3, 5, 1, 4, 2])
    }

    static let appendErrors: [StoreError] = [
        .unavailable("x"), .corrupt("x"), .ownershipLost, .unknownOutcome("x"),
        .conditionFailed("x"),
    ]

    @Test("An add whose write fails is refused, retryably", arguments: appendErrors)
    func appendFails(_ error: StoreError) {
        var driver = self.ready()
        let add = driver.add(1)
        let effects = driver.feed(.backlogAppendFailed(error))
        #expect(effects.addReplies == [add.call: .unavailable])
    }

    @Test("Losing the lease drops memory; it is taken again and the backlog read anew")
    func leaseLost() {
        var driver = self.ready()
        _ = driver.add(1)
        _ = driver.feed(.backlogAppended)
        _ = driver.add(2)
        _ = driver.feed(.backlogAppendFailed(.ownershipLost))
        let poll = driver.poll()
        #expect(poll.effects.isEmpty)
        let refused = driver.add(3)
        #expect(refused.effects.addReplies == [refused.call: .unavailable])
        #expect(driver.wait(0.1) == [.acquireLease])
        let acquired = driver.acquire(7, ackLevel: 0, hasBacklog: true)
        guard case .readBacklog(after: 0, countMax: _, let generation)? = acquired.first else {
            Issue.record("nothing read")
            return
        }
        let read = driver.feed(.backlogRead(generation: generation, [row(1)], isLast: true))
        #expect(read.startNumbers == [1])
    }

    @Test("A start under way when the lease is lost still reaches its poll")
    func startSurvivesLeaseLoss() {
        var driver = self.ready()
        _ = driver.add(1)
        _ = driver.feed(.backlogAppended)
        let poll = driver.poll().call
        _ = driver.add(2)
        _ = driver.feed(.backlogAppendFailed(.ownershipLost))
        let effects = driver.feed(.taskStartSucceeded(poll, started(1)))
        #expect(effects.pollReplies[poll]?.workflowID == "workflow-1")
    }

    @Test("If the lease cannot be had, adds are refused and polls wait")
    func leaseFails() {
        var driver = PartitionDriver()
        let poll = driver.poll().call
        let add = driver.add(1).call
        let failed = driver.feed(.leaseFailed(.unavailable("x")))
        #expect(failed.addReplies == [add: .unavailable])
        #expect(failed.pollReplies.isEmpty)
        #expect(driver.wait(0.1) == [.acquireLease])
        _ = driver.feed(.leaseFailed(.unavailable("x")))
        #expect(driver.wait(0.1).isEmpty)
        #expect(driver.wait(0.1) == [.acquireLease])
        _ = driver.acquire()
        #expect(driver.add(2).effects.starts.map(\.poll) == [poll])
    }

    @Test("A failed read is repeated, ever more slowly")
    func readFails() {
        var driver = PartitionDriver()
        _ = driver.poll()
        _ = driver.acquire(2, hasBacklog: true)
        #expect(driver.feed(.backlogReadFailed(generation: 1, .unavailable("x"))).isEmpty)
        let again = TaskQueuePartition.Effect.readBacklog(
            after: 0, countMax: 1_000, generation: 1)
        #expect(driver.wait(0.1) == [again])
        _ = driver.feed(.backlogReadFailed(generation: 1, .unavailable("x")))
        #expect(driver.wait(0.15).isEmpty)
        #expect(driver.wait(0.05) == [again])
    }

    @Test("A row that is not a task is passed over and reported")
    func unreadableRow() {
        var driver = PartitionDriver()
        _ = driver.poll()
        _ = driver.acquire(2, hasBacklog: true)
        let rows = [BacklogRow(id: 1, task: [0xff]), row(2)]
        let effects = driver.feed(.backlogRead(generation: 1, rows, isLast: true))
        #expect(effects.contains(.reportUnreadableRow(id: 1)))
        #expect(effects.startNumbers == [2])
    }

    @Test("A long backlog passes through a small window in order")
    func smallWindow() {
        var driver = PartitionDriver { $0.backlogWindowMax = 4 }
        let stored = (1...11).map { row($0) }
        var order: [Int64] = []
        var pending: [PartitionDriver.Effect] = driver.poll().effects
        pending += driver.acquire(2, hasBacklog: true)
        for _ in 0..<40 {
            var next: [PartitionDriver.Effect] = []
            for effect in pending {
                switch effect {
                case .readBacklog(let after, let countMax, let generation):
                    let page = Array(stored.filter { $0.id > after }.prefix(countMax))
                    #expect(countMax <= 4)
                    next += driver.feed(
                        .backlogRead(
                            generation: generation, page, isLast: page.count < countMax))
                case .startTask(let start):
                    order.append(start.task.scheduledEventID)
                    next += driver.feed(
                        .taskStartSucceeded(start.poll, started(start.task.scheduledEventID)))
                    next += driver.poll().effects
                default: break
                }
            }
            pending = next
        }
        #expect(order == Array(1...11))
    }

    @Test("Progress is stored once, soon, and then nothing more happens")
    func completion() {
        var driver = self.ready()
        for number: Int64 in 1...3 { _ = driver.add(number) }
        _ = driver.feed(.backlogAppended)
        _ = driver.feed(.backlogAppended)
        for number: Int64 in 1...3 {
            let poll = driver.poll().call
            _ = driver.feed(.taskStartSucceeded(poll, started(number)))
        }
        #expect(driver.wait(1) == [.completeBacklog(through: 3, RangeID(1))])
        #expect(driver.feed(.backlogCompleted(through: 3)).isEmpty)
        #expect(driver.wait(200).isEmpty)
    }

    @Test("Much progress is stored at once; a failure is repeated later")
    func completionInBatches() {
        var driver = self.ready { $0.backlogBatchMax = 2 }
        for number: Int64 in 1...2 { _ = driver.add(number) }
        _ = driver.feed(.backlogAppended)
        _ = driver.feed(.backlogAppended)
        let polls = [driver.poll().call, driver.poll().call]
        _ = driver.feed(.taskStartSucceeded(polls[1], started(2)))
        let effects = driver.feed(.taskStartSucceeded(polls[0], started(1)))
        #expect(effects.contains(.completeBacklog(through: 2, RangeID(1))))
        #expect(driver.feed(.backlogCompleteFailed(.unavailable("x"))).isEmpty)
        #expect(driver.wait(1) == [.completeBacklog(through: 2, RangeID(1))])
    }

    @Test(
        "A queue that used its ids up takes the next range; memory stays if nobody came between",
        arguments: [2, 3] as [Int64])
    func renewal(_ range: Int64) {
        var driver = self.ready {
            $0.backlogBatchMax = 100_000
            $0.addsMax = 200_000
        }
        var effectCount = 0
        for number: Int64 in 1...100_001 { effectCount += driver.add(number).effects.count }
        #expect(effectCount == 1)
        #expect(driver.feed(.backlogAppended).appended?.count == 99_999)
        #expect(driver.feed(.backlogAppended).last == .acquireLease)
        #expect(driver.poll().effects.isEmpty)
        let renewed = driver.acquire(range, hasBacklog: true)
        #expect(renewed.appended == [(range - 1) * 100_000 + 1])
        let isKept = range == 2
        #expect(renewed.startNumbers == (isKept ? [1] : []))
        let isRead = renewed.contains(.readBacklog(after: 0, countMax: 1_000, generation: 2))
        #expect(isRead == !isKept)
    }

    @Test("Adds beyond the limit are refused")
    func addsMax() {
        var driver = self.ready { $0.addsMax = 2 }
        _ = driver.add(1)
        _ = driver.add(2)
        let third = driver.add(3)
        #expect(
            third.effects.addReplies
                == [third.call: .resourceExhausted(cause: .concurrentLimit, scope: .namespace)])
    }

    @Test("An idle queue is unloaded, one in use is not")
    func idle() {
        var driver = self.ready()
        let poll = driver.poll(for: 1_000)
        #expect(driver.wait(900).isEmpty)
        _ = driver.feed(.pollCanceled(poll.call))
        #expect(driver.wait(290).isEmpty)
        #expect(driver.wait(310) == [.unload])
        #expect(driver.machine.nextDeadline == nil)
    }

    @Test("A description tells what waits, as soon as that is known")
    func description() {
        var driver = PartitionDriver()
        let call = driver.call()
        #expect(driver.feed(.descriptionAsked(call)) == [.acquireLease])
        #expect(
            driver.acquire(2, ackLevel: 4, hasBacklog: true)
                == [.readBacklog(after: 4, countMax: 1_000, generation: 1)])
        let effects = driver.feed(
            .backlogRead(generation: 1, [row(5), row(6)], isLast: true))
        #expect(
            effects == [
                .replyDescription(
                    call,
                    TaskQueueDescription(pollers: [], backlogCount: 2, readLevel: 6, ackLevel: 4))
            ])
    }
}
