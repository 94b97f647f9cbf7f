import Authorization
import Primitives

/// Finds out what to think of a token, without remembering it.
package protocol VerdictSource: Sendable {
    /// - Throws: if somebody outside had to be asked who does not answer.
    func verdict(onToken token: String, key: TokenHash) async throws(OutsideFailure) -> Verdict
}
