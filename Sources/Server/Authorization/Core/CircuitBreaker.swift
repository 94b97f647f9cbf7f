import Primitives

/// Spares a service that does not answer.
///
///     closed ── failures ──▶ open ── pause over ──▶ probing ── success ──▶ closed
///                              ▲───────── failure ─────┘
///
/// The pause doubles with every probe that fails.
package struct CircuitBreaker: Equatable, Sendable {
    package enum Permission: Equatable, Sendable {
        case granted
        /// The one question that finds out whether the service is back.
        case probe
        case denied
    }

    private enum State: Equatable {
        case closed(failures: Int)
        case open(until: Timestamp)
        case probing
    }

    package static let failuresMax = 5
    package static let pauseFirst = Duration.seconds(1)
    package static let pauseMax = Duration.seconds(15)

    private var state = State.closed(failures: 0)
    private var pause = Self.pauseFirst

    package init() {}

    package var isClosed: Bool { if case .closed = self.state { true } else { false } }

    /// Whether to ask; whoever asks tells how it went.
    package mutating func permission(now: Timestamp) -> Permission {
        switch self.state {
        case .closed: return .granted
        case .open(let until) where until > now: return .denied
        case .open:
            self.state = .probing
            return .probe
        case .probing: return .denied
        }
    }

    package mutating func succeeded() {
        self.state = .closed(failures: 0)
        self.pause = Self.pauseFirst
    }

    package mutating func failed(now: Timestamp) {
        switch self.state {
        case .closed(let failures) where failures + 1 < Self.failuresMax:
            self.state = .closed(failures: failures + 1)
        case .closed: self.state = .open(until: now + self.pause)
        case .probing:
            self.pause = min(self.pause * 2, Self.pauseMax)
            self.state = .open(until: now + self.pause)
        // A question from before it opened.
        case .open: return
        }
    }
}
