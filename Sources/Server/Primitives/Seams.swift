/// The only clock.
package protocol TimeSource: Sendable {
    /// The current time. Never goes backwards within a process.
    func now() -> Timestamp

    /// Waits until `deadline` has passed.
    /// - Throws: `CancellationError` if the calling task is cancelled first.
    func sleep(until deadline: Timestamp) async throws
}

/// Where seeds for the machines' generators come from; drawn once per machine, at its creation.
package protocol RandomSource: Sendable {
    /// 64 bits nobody can foretell in production, and everybody can in a simulation.
    func seed() -> UInt64
}

/// Decides synchronously from inputs and the time; whatever must happen is appended to `effects`.
///
/// A machine never waits, reads a clock, draws randomness it was not handed, or does I/O.
package protocol Machine: ~Copyable {
    associatedtype Input
    associatedtype Effect

    /// Takes one input in.
    mutating func step(_ input: Input, now: Timestamp, effects: inout [Effect])

    /// When the host must send a tick if nothing else happens; nil is never.
    var nextDeadline: Timestamp? { mutating get }
}

/// A repeatable stream of random numbers (xoshiro256**), seeded through SplitMix64.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// A generator whose stream depends on the given seeds only.
    package init(_ seeds: UInt64...) {
        var mixed: UInt64 = 0x9e37_79b9_7f4a_7c15
        func splitMix() -> UInt64 {
            mixed &+= 0x9e37_79b9_7f4a_7c15
            var z = mixed
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        var words: [UInt64] = []
        for index in 0..<4 {
            mixed ^= index < seeds.count ? seeds[index] : 0
            words.append(splitMix())
        }
        self.state = (words[0], words[1], words[2], words[3])
    }

    package mutating func next() -> UInt64 {
        let result = Self.rotate(self.state.1 &* 5, by: 7) &* 9
        let shifted = self.state.1 << 17
        self.state.2 ^= self.state.0
        self.state.3 ^= self.state.1
        self.state.1 ^= self.state.2
        self.state.0 ^= self.state.3
        self.state.2 ^= shifted
        self.state.3 = Self.rotate(self.state.3, by: 45)
        return result
    }

    /// A version 4 UUID in its usual lower-case form.
    package mutating func uuid() -> String {
        let high = (self.next() & 0xffff_ffff_ffff_0fff) | 0x4000
        return Self.text(ofUUID: high, self.next())
    }

    /// A version 7 UUID, which begins with the time: what is made later sorts behind.
    package mutating func uuid(at time: Timestamp) -> String {
        let milliseconds = UInt64(max(time.nanoseconds, 0) / 1_000_000)
        let high = milliseconds << 16 | 0x7000 | self.next() & 0x0fff
        return Self.text(ofUUID: high, self.next())
    }

    private static func text(ofUUID high: UInt64, _ random: UInt64) -> String {
        let low = (random & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { text.append(45) }
            let word = index < 16 ? high : low
            let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - (index % 16) * 4)) & 0xf
            text.append(nibble < 10 ? 48 + nibble : 87 + nibble)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func rotate(_ value: UInt64, by bits: UInt64) -> UInt64 {
        (value << bits) | (value >> (64 - bits))
    }
}

/// Whether `text` is a UUID in the usual form of 8-4-4-4-12 hexadecimal digits.
package func isUUID(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard bytes.count == 36 else { return false }
    for (index, byte) in bytes.enumerated() {
        if index == 8 || index == 13 || index == 18 || index == 23 {
            guard byte == 45 else { return false }
        } else {
            switch byte {
            case 48...57, 65...70, 97...102: continue
            default: return false
            }
        }
    }
    return true
}
