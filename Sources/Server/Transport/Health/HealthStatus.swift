import Synchronization
import TemporalAPI

/// Whether this process takes calls, as its health service and its watchers are told.
package final class HealthStatus: Sendable {
    package enum State: Sendable, Equatable {
        case starting
        case serving
        /// Terminal: the process is about to end.
        case stopping

        package var isServing: Bool { self == .serving }
    }

    private struct Watched {
        var state = State.starting
        var nextWatcher = 0
        var watchers: [Int: AsyncStream<State>.Continuation] = [:]
    }

    /// Watches one process answers at a time.
    private static let watchersMax = 1_000
    private let watched = Mutex(Watched())

    package init() {}

    package var state: State { self.watched.withLock { $0.state } }

    package func set(_ state: State) {
        let watchers: [AsyncStream<State>.Continuation] = self.watched.withLock { watched in
            guard watched.state != .stopping else { return [] }
            watched.state = state
            return Array(watched.watchers.values)
        }
        // Not while the lock is held: ending a stream calls back into it.
        for watcher in watchers {
            watcher.yield(state)
            if state == .stopping { watcher.finish() }
        }
    }

    /// The state now and after each change, or nil if too many watch already.
    func changes() -> AsyncStream<State>? {
        let (stream, continuation) = AsyncStream.makeStream(
            of: State.self, bufferingPolicy: .bufferingNewest(1))
        let registered: (id: Int, state: State)? = self.watched.withLock { watched in
            guard watched.watchers.count < Self.watchersMax else { return nil }
            watched.nextWatcher += 1
            watched.watchers[watched.nextWatcher] = continuation
            // While the lock is held, so that no later state comes before it.
            continuation.yield(watched.state)
            return (watched.nextWatcher, watched.state)
        }
        guard let registered else { return nil }
        continuation.onTermination = { [weak self] _ in
            self?.watched.withLock { _ = $0.watchers.removeValue(forKey: registered.id) }
        }
        if registered.state == .stopping { continuation.finish() }
        return stream
    }
}
