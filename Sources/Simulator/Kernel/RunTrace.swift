import Primitives

/// A fingerprint of a run: of every scheduling decision, and of everything worth telling.
///
/// Two runs from one seed must end with equal traces, in whatever process they happen.
package struct RunTrace: Equatable, Sendable {
    /// What was run when, out of how many choices.
    private var decisions: UInt64 = 0xcbf2_9ce4_8422_2325
    /// What the application did that somebody could see.
    private var events: UInt64 = 0x8422_2325_cbf2_9ce4
    package private(set) var eventCount = 0

    package init() {}

    /// Both fingerprints in one.
    package var hash: UInt64 { Self.mix(self.decisions, self.events) }

    mutating func decided(_ value: UInt64) {
        self.decisions = Self.mix(self.decisions, value)
    }

    mutating func happened(_ text: String, at time: Timestamp) {
        self.eventCount += 1
        var hash = Self.mix(self.events, UInt64(bitPattern: time.nanoseconds))
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        self.events = Self.mix(hash, UInt64(text.utf8.count))
    }

    private static func mix(_ hash: UInt64, _ value: UInt64) -> UInt64 {
        let mixed = (hash ^ value) &* 0x9e37_79b9_7f4a_7c15
        return mixed ^ (mixed >> 29)
    }
}
