import Primitives

/// The virtual clock of a loop.
package struct SimulatedClock: TimeSource {
    private let loop: SimulationLoop

    package init(_ loop: SimulationLoop) { self.loop = loop }

    package func now() -> Timestamp { self.loop.now }

    package func sleep(until deadline: Timestamp) async throws {
        try Task.checkCancellation()
        let loop = self.loop
        let number = loop.makeNumber()
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                guard !Task.isCancelled else { return continuation.resume() }
                loop.addSleeper(number, until: deadline, continuation)
            }
        } onCancel: {
            loop.wake(number)
        }
        try Task.checkCancellation()
    }

    /// Lets `duration` pass, whether or not the task is cancelled.
    package func pass(_ duration: Duration) async {
        let loop = self.loop
        await withUnsafeContinuation { continuation in
            loop.addSleeper(loop.makeNumber(), until: loop.now + duration, continuation)
        }
    }

    /// Waits for `duration`.
    package func sleep(_ duration: Duration) async throws {
        try await self.sleep(until: self.now() + duration)
    }
}
