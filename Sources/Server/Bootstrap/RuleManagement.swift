import AuthorizationService
import Primitives
import StaticConfiguration

extension OAuthAuthorization {
    /// Lets `body` work on the rules in the OpenFGA this names.
    package func managingRules<Result: Sendable>(
        _ body: (RuleBook) async throws(RuleBookError) -> Result
    ) async throws(RuleBookError) -> Result {
        let exchange = HTTPClientExchange()
        let book = RuleBook(
            OpenFGAAddress(self.openFGA), exchange: exchange, clock: SystemClock(),
            random: SystemRandom(), timeout: self.timeout)
        do throws(RuleBookError) {
            let result = try await body(book)
            await exchange.shutdown()
            return result
        } catch {
            await exchange.shutdown()
            throw error
        }
    }
}
