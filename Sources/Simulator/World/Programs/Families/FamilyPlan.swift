import Primitives
import TemporalAPI

/// A parent made from a seed: its children, what it asks of other workflows, and how it ends.
package struct FamilyPlan: Equatable, Sendable {
    /// What a parent does at the same time as everything else.
    package enum Strand: Equatable, Sendable {
        case child(ChildPlan)
        case signal(Target)
        case cancel(Target)
    }

    /// Somebody who is no child.
    package enum Target: Equatable, Sendable {
        /// Runs for as long as anybody may send it something; or ends when it is asked to.
        case neighbor
        case missing
        case itself
    }

    /// What a parent waits for before it ends.
    package enum Patience: Equatable, Sendable {
        /// Until everything is over.
        case all
        /// Until everything has begun.
        case begun
        /// It ends with the very task that begins everything.
        case none
    }

    package enum Ending: Equatable, Sendable {
        case completes, fails, continues, isCanceled, isTerminated
        case timesOut(Duration)
    }

    package let seed: UInt64
    package let strands: [Strand]
    package let patience: Patience
    package let ending: Ending

    /// The plan of `seed`: the same one in the client, the worker and the checker.
    package init(seed: UInt64) {
        var random = SeededGenerator(seed)
        self.seed = seed
        let count = Int.random(in: 1...5, using: &random)
        self.strands = (0..<count).map { _ in .draw(using: &random) }
        switch Int.random(in: 0..<8, using: &random) {
        case 0..<5: self.patience = .all
        case 5..<7: self.patience = .begun
        default: self.patience = .none
        }
        switch Int.random(in: 0..<10, using: &random) {
        case 0: self.ending = .fails
        case 1..<3: self.ending = .continues
        case 3: self.ending = .isCanceled
        case 4: self.ending = .isTerminated
        case 5: self.ending = .timesOut(.milliseconds(.random(in: 1_000...60_000, using: &random)))
        default: self.ending = .completes
        }
    }

    /// What the children and requests came to, if all of them are over.
    package var outcomes: String {
        self.patience == .all ? self.strands.map(\.outcome).joined(separator: "; ") : "early"
    }

    package var end: ProgramEnd {
        switch self.ending {
        case .completes, .continues: ProgramEnd(.completed, self.outcomes)
        case .fails: ProgramEnd(.failed, self.outcomes)
        case .isCanceled: ProgramEnd(.canceled, "")
        case .isTerminated: ProgramEnd(.terminated, "the plan says so")
        case .timesOut: ProgramEnd(.timedOut, "")
        }
    }

    package var runTimeout: Duration? {
        guard case .timesOut(let timeout) = self.ending else { return nil }
        return timeout
    }

    /// Its children, with their workflow ids.
    package func children(of parentID: String) -> [(id: String, plan: ChildPlan)] {
        self.strands.enumerated().compactMap { index, strand in
            guard case .child(let plan) = strand else { return nil }
            return (id: Self.childID(index, of: parentID), plan: plan)
        }
    }

    static func childID(_ index: Int, of parentID: String) -> String {
        "\(parentID)/child-\(index)"
    }

    /// The neighbour that signals are for.
    package static func friend(of parentID: String) -> String { "\(parentID)/friend" }

    /// The neighbour that cancel requests are for.
    package static func victim(of parentID: String) -> String { "\(parentID)/victim" }
}

extension FamilyPlan.Strand {
    fileprivate static func draw(using random: inout SeededGenerator) -> Self {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: .signal(.neighbor)
        case 1: .cancel(.neighbor)
        case 2:
            Bool.random(using: &random)
                ? .signal(Bool.random(using: &random) ? .missing : .itself)
                : .cancel(Bool.random(using: &random) ? .missing : .itself)
        default: .child(.draw(using: &random))
        }
    }

    /// What it comes to if it comes to its end.
    fileprivate var outcome: String {
        switch self {
        case .child(let plan): plan.outcome
        case .signal(.neighbor): "delivered"
        case .cancel(.neighbor): "delivered"
        case .signal, .cancel: "undelivered"
        }
    }
}

/// The input of one run of a parent.
package struct FamilyInput: Equatable, Sendable {
    package let seed: UInt64
    package let parentID: String
    /// What the children and requests of the run before came to; nil in the first run.
    package let outcomes: String?

    package init(seed: UInt64, parentID: String, outcomes: String? = nil) {
        self.seed = seed
        self.parentID = parentID
        self.outcomes = outcomes
    }

    package var text: String {
        (["\(self.seed)", self.parentID] + (self.outcomes.map { [$0] } ?? []))
            .joined(separator: "\n")
    }

    package init?(text: String) {
        let lines = text.split(separator: "\n")
        guard lines.count >= 2, let seed = lines.first.flatMap({ UInt64($0) }) else { return nil }
        self.init(
            seed: seed, parentID: String(lines[1]),
            outcomes: lines.count > 2 ? String(lines[2]) : nil)
    }
}
