import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Sends a call again until it is answered for good, as SDKs do.
// Safe because a simulation has one thread.
final class PatientCaller: @unchecked Sendable {
    /// How a call ended, and how often it was sent: an error before the last may have been a success.
    struct Answer<Response: Sendable>: Sendable {
        let result: Result<Response, ServiceError>
        let attempts: Int
    }

    let connection: FrontendConnection
    let clock: SimulatedClock
    var random: SeededGenerator

    init(_ connection: FrontendConnection, _ clock: SimulatedClock, _ random: SeededGenerator) {
        self.connection = connection
        self.clock = clock
        self.random = random
    }

    func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ method: String, _ request: Request, timeout: Duration = .seconds(10),
        returning _: Response.Type = Response.self
    ) async -> Answer<Response> {
        var attempts = 0
        while true {
            attempts += 1
            do throws(ServiceError) {
                let response: Response = try await self.connection.call(
                    method, request, timeout: timeout)
                return Answer(result: .success(response), attempts: attempts)
            } catch {
                guard error.isWorthAnotherTry else {
                    return Answer(result: .failure(error), attempts: attempts)
                }
            }
            await self.pause(attempts)
        }
    }

    /// Waits before try number `attempt` + 1.
    func pause(_ attempt: Int) async {
        let longest = Duration.milliseconds(100 << min(attempt, 5))
        await self.clock.pass(.draw(upTo: longest, using: &self.random))
    }

    /// Draws from this caller's own stream.
    func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self.random) }

    func draw(upTo limit: Duration) -> Duration { .draw(upTo: limit, using: &self.random) }

    func uuid() -> String { self.random.uuid() }
}

extension ServiceError {
    /// Whether a client sends the same call again after this.
    var isWorthAnotherTry: Bool { self.isRetryable || self.kind == .deadlineExceeded }
}
