import FoundationEssentials
import SwiftProtobuf
import TemporalAPI

/// What a workflow of the load does; written in its input, so that any worker can tell.
enum Program: Sendable, Equatable {
    /// Runs activities one after the other, then completes.
    case chain(activities: Int)
    /// Runs activities at once, then completes.
    case fanout(activities: Int)
    /// Completes after so many signals.
    case signals(Int)
    /// Starts so many timers, and completes once all have fired.
    case timers(Int, Duration)
    /// Answers queries and updates, and never ends by itself.
    case waiter

    /// The workflow type.
    var name: String {
        switch self {
        case .chain: "chain"
        case .fanout: "fanout"
        case .signals: "signals"
        case .timers: "timers"
        case .waiter: "waiter"
        }
    }

    private var numbers: [Int64] {
        switch self {
        case .chain(let activities): [Int64(activities)]
        case .fanout(let activities): [Int64(activities)]
        case .signals(let count): [Int64(count)]
        case .timers(let count, let duration):
            [Int64(count), duration.milliseconds]
        case .waiter: []
        }
    }

    var input: Payloads {
        Payloads(json: "[\(self.numbers.map { "\($0)" }.joined(separator: ","))]")
    }

    /// Reads a workflow's program from its type and input; nil if it is none.
    init?(name: String, input: Payloads) {
        let data = input.payloads.first?.data ?? Data()
        guard let numbers = try? JSONDecoder().decode([Int64].self, from: data) else { return nil }
        switch (name, numbers.count) {
        case ("chain", 1): self = .chain(activities: Int(numbers[0]))
        case ("fanout", 1): self = .fanout(activities: Int(numbers[0]))
        case ("signals", 1): self = .signals(Int(numbers[0]))
        case ("timers", 2): self = .timers(Int(numbers[0]), .milliseconds(numbers[1]))
        case ("waiter", 0): self = .waiter
        default: return nil
        }
    }
}

extension Payloads {
    /// One payload, JSON as SDKs write it.
    init(json: String) {
        self.init()
        self.payloads = [
            .with {
                $0.metadata = ["encoding": Data("json/plain".utf8)]
                $0.data = Data(json.utf8)
            }
        ]
    }
}

extension Duration {
    /// In whole milliseconds, rounded down.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }

    var inSeconds: Double {
        let (seconds, attoseconds) = self.components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
