import GRPCCore
import Synchronization

/// Whether a listener is about to end, and what becomes of its calls then.
///
/// The library tells every call that it is cancelled when a shutdown begins. Calls that write must
/// still finish and be answered, so this is not passed on; those that merely wait are ended later.
final class Drain: Sendable {
    private enum Phase {
        case serving
        /// Calls run to their end, whatever their callers do.
        case draining
        /// Nothing is left to wait for.
        case ending
    }

    private struct State {
        var phase = Phase.serving
        var nextCall = 0
        var calls: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// Whether calls are being ended because the server stops.
    var isEnding: Bool { self.state.withLock { $0.phase == .ending } }

    func begin() {
        self.state.withLock { state in
            if state.phase == .serving { state.phase = .draining }
        }
    }

    /// Cancels the calls that are still open, and those that come.
    func endCalls() {
        let calls = self.state.withLock { state in
            state.phase = .ending
            return Array(state.calls.values)
        }
        for cancel in calls { cancel() }
    }

    /// Runs `body`; cancels `task` if the caller goes away, this very task is cancelled, or the
    /// server ends its calls.
    func cancelling<Success, Failure, Value: Sendable>(
        _ task: Task<Success, Failure>, _ body: () async throws -> Value
    ) async throws -> Value {
        let (id, isEnding) = self.state.withLock { state in
            state.nextCall += 1
            state.calls[state.nextCall] = { task.cancel() }
            return (state.nextCall, state.phase == .ending)
        }
        defer { self.state.withLock { _ = $0.calls.removeValue(forKey: id) } }
        if isEnding { task.cancel() }
        return try await withTaskCancellationHandler {
            try await withRPCCancellationHandler {
                try await body()
            } onCancelRPC: {
                let isServing = self.state.withLock { $0.phase == .serving }
                if isServing { task.cancel() }
            }
        } onCancel: {
            task.cancel()
        }
    }
}
