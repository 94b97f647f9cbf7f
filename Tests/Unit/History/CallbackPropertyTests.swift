import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// Receivers that fail, hang and answer late, between crashes and lost commits: in the end everybody
/// was told or gave a reason, and no place is taken for ever.
@Suite struct CallbackPropertyTests {
    private struct Trial {
        let shard: ShardHarness
        var random: SeededGenerator
        var workflowIDs: [WorkflowID] = []
        /// Attempts without an answer.
        var open: [CallbackAttempt] = []
        var seen = 0

        init(_ seed: UInt64) {
            var random = SeededGenerator(seed)
            let isTight = Bool.random(using: &random)
            self.shard = ShardHarness(seed: seed) {
                $0.callbackDeliveriesMax = isTight ? 2 : 64
                $0.callbackDeliveriesPerDestinationMax = isTight ? 1 : 16
                if isTight { $0.shardCacheSizeMax = 1 }
            }
            self.shard.callbackOutcome = { _ in nil }
            self.random = random
        }

        mutating func step() {
            switch Int.random(in: 0..<10, using: &self.random) {
            case 0, 1: self.start()
            case 2: self.shard.wait(.seconds(Int.random(in: 0...300, using: &self.random)))
            case 3:
                self.open = []
                self.shard.restart()
            case 4:
                self.shard.commitFaults.append(
                    Bool.random(using: &self.random)
                        ? .unknownThoughWritten : .refused(.unavailable("down")))
            default: self.answer()
            }
            self.open += self.shard.deliveries[self.seen...]
            self.seen = self.shard.deliveries.count
        }

        private mutating func start() {
            let id = WorkflowID("w\(self.workflowIDs.count)")
            let count = Int.random(in: 1...4, using: &self.random)
            let hosts = (1...count).map { _ in Int.random(in: 1...3, using: &self.random) }
            let body = self.shard.startBody {
                $0.workflowID = id.rawValue
                $0.completionCallbacks = hosts.enumerated().map { number, host in
                    .with { $0.nexus.url = "http://host-\(host)/\(id)/\(number)" }
                }
            }
            self.shard.send(.startWorkflowExecution(body), to: id)
            self.workflowIDs.append(id)
            self.shard.send(.terminate(.with { $0.reason = "enough" }), to: id)
        }

        private mutating func answer() {
            guard let index = self.open.indices.randomElement(using: &self.random) else { return }
            let outcomes: [CallbackOutcome] = [
                .answered(status: 200, isRetryable: nil), .answered(status: 500, isRetryable: nil),
                .answered(status: 404, isRetryable: nil), .timedOut, .unreachable(reason: "down"),
            ]
            let outcome = outcomes.randomElement(using: &self.random) ?? .timedOut
            self.shard.answer(self.open.remove(at: index), outcome)
        }

        mutating func settle() {
            self.shard.commitFaults = []
            self.shard.callbackOutcome = { _ in .answered(status: 200, isRetryable: nil) }
            for attempt in self.open { self.shard.answer(attempt, .timedOut) }
            self.shard.wait(.seconds(7_200))
        }
    }

    @Test("In the end everybody was told, or refused", arguments: trials(60))
    func everybodyIsTold(seed: UInt64) throws {
        var trial = Trial(seed)
        for _ in 0..<60 { trial.step() }
        trial.settle()
        let told = Set(trial.shard.deliveries.map(\.delivery.url))
        for id in trial.workflowIDs {
            // A start or an end whose commit failed was refused.
            guard trial.shard.currentRun(id) != "" else { continue }
            let response = try trial.shard.describe(of: id)
            let isClosed = response.workflowExecutionInfo.status == .terminated
            for info in response.callbacks {
                guard isClosed else {
                    #expect(info.state == .standby, "\(id)")
                    #expect(!told.contains(info.callback.nexus.url), "\(id)")
                    continue
                }
                #expect(info.state == .succeeded || info.state == .failed, "\(id)")
                #expect(told.contains(info.callback.nexus.url), "\(id)")
            }
        }
        try HistoryRules.check(trial.shard, "seed \(seed)")
    }
}
