/// The parts a namespace's executions are listed in.
///
/// Workflows are in none, unless they say so in a search attribute; executions of every other
/// archetype are in a part of their own, so that lists of workflows do not show them.
package enum NamespaceDivision {
    /// The search attribute that names a run's division.
    package static let attribute = "TemporalNamespaceDivision"
    /// Standalone activities; Temporal's number of their archetype.
    package static let activities = "3332429922"
}
