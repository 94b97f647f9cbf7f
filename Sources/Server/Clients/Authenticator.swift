import Authorization
import Primitives

/// Finds out who calls.
package protocol Authenticator: Sendable {
    /// Who shows this `authorization` header, and what they may do.
    ///
    /// Cancelling the calling task gives up waiting; others who wait for the same go on.
    /// - Throws: `unavailable` if whoever knows cannot be asked now.
    func verdict(onHeader header: String?) async throws(ServiceError) -> Verdict
}
