import Persistence

extension VisibilityColumn {
    /// Whether a value is compared by its elements.
    package var isSet: Bool { self.type == .keywordList || self.type == .text }
}

extension VisibilityFilter.Comparison {
    package var sql: String {
        switch self {
        case .equal: "="
        case .notEqual: "<>"
        case .less: "<"
        case .lessOrEqual: "<="
        case .greater: ">"
        case .greaterOrEqual: ">="
        }
    }
}

/// The smallest string above all that start with `prefix`; nil if there is none.
package func endOfStrings(startingWith prefix: String) -> String? {
    var scalars = Array(prefix.unicodeScalars)
    while let last = scalars.popLast() {
        // UTF-8 orders as code points do, and surrogates are none.
        let next = last.value == 0xd7ff ? 0xe000 : last.value + 1
        guard let successor = Unicode.Scalar(next) else { continue }
        var end = ""
        end.unicodeScalars.append(contentsOf: scalars)
        end.unicodeScalars.append(successor)
        return end
    }
    return nil
}
