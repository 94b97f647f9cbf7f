/// Why a store did not do what it was asked.
package enum StoreError: Error, Equatable, Sendable {
    /// A condition of the write did not hold; nothing was written.
    case conditionFailed(String)
    /// A newer range owns the shard or task queue; nothing was written.
    case ownershipLost
    /// The write may or may not have happened: reload, never guess.
    case unknownOutcome(String)
    /// Nothing was read or written; trying again may help.
    case unavailable(String)
    /// Stored bytes could not be read; concerns only what was asked for.
    case corrupt(String)
}
