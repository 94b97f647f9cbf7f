import Synchronization

/// Counts threads down; keeps what they need until none is left.
package final class RunningThreads: Sendable {
    private struct State {
        var count: Int
        var kept: (any Sendable)?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    package init(count: Int, keeping kept: (any Sendable)? = nil) {
        self.state = Mutex(State(count: count, kept: kept))
    }

    package func hasEnded() {
        let waiters = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.count -= 1
            guard state.count == 0 else { return [] }
            state.kept = nil
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    package func allEnded() async {
        await withCheckedContinuation { waiter in
            let isOver = self.state.withLock { state in
                if state.count > 0 { state.waiters.append(waiter) }
                return state.count == 0
            }
            if isOver { waiter.resume() }
        }
    }
}
