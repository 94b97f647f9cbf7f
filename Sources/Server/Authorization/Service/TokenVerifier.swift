import Authorization
import Logging
import Primitives
import ServiceClients

/// Knows tokens.
package protocol TokenVerifier: Sendable {
    /// What is known of a token; nil if it is known to be none.
    func facts(ofToken token: String, by deadline: Timestamp) async throws(OutsideFailure)
        -> TokenFacts?
}

/// Google's token-info endpoint.
package struct GoogleTokenVerifier: TokenVerifier {
    private let url: String
    private let service: OutsideService

    package init(
        url: String, exchange: any HTTPExchange, clock: any TimeSource, random: any RandomSource,
        logger: Logger
    ) {
        self.url = url
        self.service = OutsideService(
            name: "Google", exchange: exchange, clock: clock, random: random, logger: logger)
    }

    package func facts(
        ofToken token: String, by deadline: Timestamp
    ) async throws(OutsideFailure) -> TokenFacts? {
        let request = OutgoingRequest(
            url: self.url, headers: [.init("authorization", "Bearer \(token)")])
        return try await self.service.ask(request, by: deadline) { answer throws(OutsideFailure) in
            switch answer.status {
            case 200:
                let fields = try [String: JSONValue].read(answer.body)
                return TokenFacts(fields.compactMapValues(\.text))
            case 400, 401: return nil
            default: throw .refused(status: answer.status, reason: "")
            }
        }
    }
}
