import Primitives
import ServiceClients
import SimulationKernel

/// Everybody who is told how workflows end; they answer, or not, as the seed wants.
// Safe because a simulation has one thread.
package final class CallbackReceiver: @unchecked Sendable {
    package static let host = "receiver"

    /// One completion as it arrived.
    package struct Received: Sendable {
        package let at: Timestamp
        /// What `Nexus-Operation-State` says.
        package let state: String
    }

    /// What becomes of one attempt.
    enum Fate { case received, receivedUnheard, lost, refused }

    /// By URL, in the order they came.
    package private(set) var received: [String: [Received]] = [:]
    private let loop: SimulationLoop
    private let plan: FaultPlan
    private let marks: ReachedMarks
    private var random: SeededGenerator
    /// How many of a thousand attempts go wrong in each way, while anything does.
    private let perMille: Int

    init(_ loop: SimulationLoop, plan: FaultPlan, marks: ReachedMarks) {
        self.loop = loop
        self.plan = plan
        self.marks = marks
        self.random = loop.generator(for: "callback receiver")
        self.perMille = Int.random(in: 0...250, using: &self.random)
    }

    /// How often this URL was called.
    package func count(of url: String) -> Int { self.received[url]?.count ?? 0 }

    /// How many completions have arrived.
    package var totalCount: Int { self.received.values.map(\.count).reduce(0, +) }

    func drawFate() -> Fate {
        let number = Int.random(in: 0..<1_000, using: &self.random)
        guard self.loop.now < self.plan.endsAt, number < 3 * self.perMille else {
            return .received
        }
        let fate: Fate = number % 3 == 0 ? .receivedUnheard : number % 3 == 1 ? .lost : .refused
        self.marks.reached("callback.\(fate)")
        return fate
    }

    func drawLatency() -> Duration { .draw(upTo: .milliseconds(200), using: &self.random) }

    func receive(_ delivery: CallbackDelivery) {
        let state = delivery.headers.first { $0.name == "nexus-operation-state" }?.value ?? ""
        self.loop.record("callback \(delivery.url): \(state)")
        self.received[delivery.url, default: []].append(
            Received(at: self.loop.now, state: state))
    }
}

/// The way from a node to the receivers.
struct SimulatedCallbackSender: CallbackSender {
    let receiver: CallbackReceiver
    let clock: SimulatedClock

    func send(_ delivery: CallbackDelivery) async -> CallbackOutcome {
        await self.clock.pass(self.receiver.drawLatency())
        switch self.receiver.drawFate() {
        case .received:
            self.receiver.receive(delivery)
            return .answered(status: 200, isRetryable: nil)
        case .receivedUnheard:
            self.receiver.receive(delivery)
            await self.clock.pass(delivery.timeout)
            return .timedOut
        case .lost:
            await self.clock.pass(delivery.timeout)
            return .timedOut
        case .refused: return .answered(status: 503, isRetryable: nil)
        }
    }
}
