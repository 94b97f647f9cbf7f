import Primitives
import SimulationKernel

/// Whom a node asks outside.
enum OutsideEndpoint: CaseIterable {
    case tokenInfo
    case openFGA
}

/// What goes wrong with the endpoints that know tokens and groups: one request here and there, or
/// all of them for a while.
// Safe because a simulation has one thread.
final class OutsideFaults: @unchecked Sendable {
    enum Fault: CaseIterable {
        /// The answer takes seconds.
        case slow
        /// There is none.
        case hang
        /// The answer is an error of the server's.
        case refusal
        /// The answer is nothing that such a service says.
        case garbage
        /// The connection breaks.
        case close
    }

    private struct Outage {
        let from: Timestamp
        let to: Timestamp
        let fault: Fault
    }

    private let loop: SimulationLoop
    private let plan: FaultPlan
    private let marks: ReachedMarks
    private var random: SeededGenerator
    private var perMille: [OutsideEndpoint: [Fault: Int]] = [:]
    private var outages: [OutsideEndpoint: [Outage]] = [:]
    private let latencyMax: Duration

    init(_ loop: SimulationLoop, plan: FaultPlan, marks: ReachedMarks) {
        self.loop = loop
        self.plan = plan
        self.marks = marks
        var random = loop.generator(for: "outside faults")
        let window = plan.endsAt - loop.now
        for endpoint in OutsideEndpoint.allCases {
            for fault in Fault.allCases where Int.random(in: 0..<3, using: &random) == 0 {
                self.perMille[endpoint, default: [:]][fault] = Int.random(
                    in: 0...80, using: &random)
            }
            self.outages[endpoint] = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                let from = loop.now + .draw(upTo: window, using: &random)
                let fault = Fault.allCases.randomElement(using: &random) ?? .hang
                return Outage(
                    from: from, to: from + .draw(upTo: .seconds(40), using: &random), fault: fault)
            }
        }
        self.latencyMax = .microseconds(1 << Int.random(in: 4..<14, using: &random))
        self.random = random
    }

    /// What goes wrong this time.
    func strike(_ endpoint: OutsideEndpoint) -> Fault? {
        let now = self.loop.now
        guard now < self.plan.endsAt else { return nil }
        let outage = self.outages[endpoint]?.first { $0.from <= now && now < $0.to }
        guard let fault = outage?.fault ?? self.single(endpoint) else { return nil }
        self.marks.reached("outside.\(endpoint).\(fault)")
        return fault
    }

    private func single(_ endpoint: OutsideEndpoint) -> Fault? {
        var number = Int.random(in: 0..<1_000, using: &self.random)
        for fault in Fault.allCases {
            number -= self.perMille[endpoint]?[fault] ?? 0
            if number < 0 { return fault }
        }
        return nil
    }

    func latency() -> Duration { .draw(upTo: self.latencyMax, using: &self.random) }

    func slowness() -> Duration { .draw(upTo: .seconds(8), using: &self.random) }

    /// An answer that cannot be meant.
    func garbage(instead answer: [UInt8]) -> [UInt8] {
        switch Int.random(in: 0..<5, using: &self.random) {
        case 0: []
        case 1: Array("<html><body>Sign in to this network</body></html>".utf8)
        case 2: Array(#"{"tuples": null, "exp": 12, "scope": {"#.utf8)
        case 3: [0xff, 0xfe, 0x00]
        // It breaks off somewhere before its last brace.
        default: Array(answer.prefix(Int.random(in: 0..<max(answer.count, 1), using: &self.random)))
        }
    }

    func refusalStatus() -> Int { [429, 500, 502, 503].randomElement(using: &self.random) ?? 500 }
}
