/// Counts how often rare places were reached, to see what a run has tried.
// Safe because a simulation has one thread.
package final class ReachedMarks: @unchecked Sendable {
    private var counts: [String: Int] = [:]

    package init() {}

    package func reached(_ mark: String) { self.counts[mark, default: 0] += 1 }

    package func count(of mark: String) -> Int { self.counts[mark, default: 0] }

    /// Every mark with its count, by name.
    package var sorted: [(mark: String, count: Int)] {
        self.counts.sorted { $0.key < $1.key }.map { (mark: $0.key, count: $0.value) }
    }
}
