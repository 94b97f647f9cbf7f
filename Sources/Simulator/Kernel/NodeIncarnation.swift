/// One life of one node: from a start to the crash that ends it.
///
/// Every job belongs to an incarnation, so that a crash can drop exactly what ran on the node.
package struct NodeIncarnation: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let number: Int32

    /// The simulator's own: clients and the network; it never crashes.
    package static let world = NodeIncarnation(number: 0)

    package var description: String {
        self == .world ? "world" : "incarnation \(self.number)"
    }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}
