import Primitives

/// A node's randomness: a stream of the loop's seed that belongs to it alone.
// Safe because a simulation has one thread.
package final class SimulatedRandom: RandomSource, @unchecked Sendable {
    private var generator: SeededGenerator

    package init(_ loop: SimulationLoop, for name: String) {
        self.generator = loop.generator(for: name)
    }

    package func seed() -> UInt64 { self.generator.next() }
}
