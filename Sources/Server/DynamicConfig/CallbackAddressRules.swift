import Primitives

/// Which addresses completion callbacks may go to; without a rule none.
package struct CallbackAddressRules: Sendable, Equatable {
    package struct Rule: Sendable, Equatable {
        /// Of host and port; `*` stands for any characters.
        package let pattern: String
        /// Whether plain HTTP will do.
        package let allowsInsecure: Bool

        package init(pattern: String, allowsInsecure: Bool) {
            self.pattern = pattern
            self.allowsInsecure = allowsInsecure
        }
    }

    package enum Decision: Sendable, Equatable {
        case allowed
        /// A rule knows the address and wants TLS.
        case insecure
        case unknown
    }

    /// For namespaces that have no rules of their own.
    package var everywhere: [Rule] = []
    package var byNamespace: [String: [Rule]] = [:]

    package init() {}

    /// Decides about an address; the first rule that knows it counts.
    package func decision(on address: CallbackAddress, in namespace: String) -> Decision {
        let rules = self.byNamespace[namespace] ?? self.everywhere
        guard let rule = rules.first(where: { $0.matches(address.host) }) else { return .unknown }
        return rule.allowsInsecure || address.scheme == "https" ? .allowed : .insecure
    }
}

extension CallbackAddressRules.Rule {
    /// Whether the pattern matches the whole of `host`.
    func matches(_ host: String) -> Bool {
        let pattern = Array(self.pattern.utf8), text = Array(host.utf8)
        var position = 0, index = 0
        // Where to go on after the last `*` if what follows it does not fit here.
        var star: (position: Int, index: Int)?
        while index < text.count {
            if position < pattern.count, pattern[position] == UInt8(ascii: "*") {
                star = (position, index)
                position += 1
            } else if position < pattern.count, pattern[position] == text[index] {
                position += 1
                index += 1
            } else if let last = star {
                star = (last.position, last.index + 1)
                position = last.position + 1
                index = last.index + 1
            } else {
                return false
            }
        }
        return pattern[position...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
