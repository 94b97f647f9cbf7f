import Primitives

/// What every host needs from its surroundings.
package struct HostEnvironment: Sendable {
    package let clock: any TimeSource
    package let random: any RandomSource
    /// Names this node in leases.
    package let owner: String

    package init(clock: any TimeSource, random: any RandomSource, owner: String) {
        self.clock = clock
        self.random = random
        self.owner = owner
    }
}
