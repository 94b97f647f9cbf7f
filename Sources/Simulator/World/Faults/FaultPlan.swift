import Primitives
import SimulationKernel

/// Something that goes wrong now and then.
package enum Fault: String, CaseIterable, Sendable {
    /// The store refuses before it does anything.
    case storeUnavailable
    /// The store says nothing about a write that it made.
    case storeOutcomeUnknownButDone
    /// The store says nothing about a write that it did not make.
    case storeOutcomeUnknownNotDone
    /// The store takes seconds.
    case storeSlow
    /// A call never reaches its node.
    case callLost
    /// A call is done, and its reply never comes back.
    case replyLost
    /// A worker takes a workflow task and never answers.
    case workflowTaskForgotten
    /// A worker fails a workflow task.
    case workflowTaskFailed
    /// A worker thinks about a workflow task for long.
    case workflowTaskSlow
    /// A worker takes an activity task and never answers.
    case activityTaskForgotten

    /// How many of a thousand chances this strikes at, at most.
    var perMilleMax: Int {
        switch self {
        case .storeUnavailable: 30
        case .storeOutcomeUnknownButDone, .storeOutcomeUnknownNotDone: 15
        case .storeSlow: 5
        case .callLost, .replyLost: 15
        case .workflowTaskForgotten, .activityTaskForgotten: 30
        case .workflowTaskFailed: 40
        case .workflowTaskSlow: 100
        }
    }
}

/// Which faults a run has, how often, and until when; all drawn from the seed.
// Safe because a simulation has one thread.
package final class FaultPlan: @unchecked Sendable {
    /// After this time nothing goes wrong any more, so that everything open must end.
    package let endsAt: Timestamp
    /// When the node crashes, in order.
    package let nodeCrashes: [Timestamp]
    /// When the worker crashes, in order.
    package let workerCrashes: [Timestamp]

    /// What is wrong with this world, to see whether anybody notices.
    let plantedBug: PlantedBug?

    private let loop: SimulationLoop
    private let marks: ReachedMarks
    private var random: SeededGenerator
    private var perMille: [Fault: Int] = [:]
    private let storeLatencyMax: Duration
    private let networkLatencyMax: Duration

    package init(_ loop: SimulationLoop, marks: ReachedMarks, plantedBug: PlantedBug? = nil) {
        self.loop = loop
        self.plantedBug = plantedBug
        self.marks = marks
        var random = loop.generator(for: "faults")
        let window = Duration.seconds(Int.random(in: 20...600, using: &random))
        for fault in Fault.allCases where Int.random(in: 0..<4, using: &random) > 0 {
            self.perMille[fault] = Int.random(in: 0...fault.perMilleMax, using: &random)
        }
        self.storeLatencyMax = .microseconds(1 << Int.random(in: 4..<15, using: &random))
        self.networkLatencyMax = .microseconds(1 << Int.random(in: 4..<15, using: &random))
        func crashes(atMost countMax: Int) -> [Timestamp] {
            (0..<Int.random(in: 0...countMax, using: &random))
                .map { _ in loop.now + .draw(upTo: window, using: &random) }.sorted()
        }
        self.endsAt = loop.now + window
        self.nodeCrashes = crashes(atMost: 4)
        self.workerCrashes = crashes(atMost: 3)
        self.random = random
    }

    /// Whether `fault` strikes this time.
    func strikes(_ fault: Fault) -> Bool {
        guard self.loop.now < self.endsAt, let rate = self.perMille[fault],
            Int.random(in: 0..<1_000, using: &self.random) < rate
        else { return false }
        self.marks.reached("fault.\(fault.rawValue)")
        return true
    }

    /// The planted bug of the store, at one chance in twenty.
    func plantedBugThatStrikes() -> PlantedBug? {
        guard let bug = self.plantedBug, bug.isOfStore,
            Int.random(in: 0..<20, using: &self.random) == 0
        else { return nil }
        self.marks.reached("planted.\(bug.rawValue)")
        return bug
    }

    func storeLatency() -> Duration {
        guard !self.strikes(.storeSlow) else {
            return .draw(upTo: .seconds(8), using: &self.random)
        }
        return .draw(upTo: self.storeLatencyMax, using: &self.random)
    }

    func networkLatency() -> Duration {
        .draw(upTo: self.networkLatencyMax, using: &self.random)
    }
}

extension Duration {
    /// A duration from zero up to `limit`.
    static func draw(upTo limit: Duration, using random: inout SeededGenerator) -> Duration {
        .nanoseconds(Int64.random(in: 0...max(limit.nanoseconds, 0), using: &random))
    }
}
