import GRPCCore
import Synchronization

/// What goes with every call: headers that are always the same, and users who take turns.
///
/// Nothing of their values is ever shown, also not where they are refused.
package final class CallHeaders: Sendable {
    /// Why headers cannot be sent; for the person who asked for them.
    package struct Refusal: Error, Equatable, Sendable, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    package static let none = CallHeaders(Metadata(), [])

    private static let authorization = "authorization"
    /// What gRPC and HTTP/2 say by themselves.
    private static let reserved: Set<String> = [
        "connection", "content-length", "content-type", "host", "te", "transfer-encoding",
        "user-agent",
    ]

    private let fixed: Metadata
    /// Values of `authorization`.
    private let users: [String]
    private let turn = Atomic<Int>(0)

    private init(_ fixed: Metadata, _ users: [String]) {
        self.fixed = fixed
        self.users = users
    }

    /// - Parameters:
    ///   - fields: headers for every call, each `NAME=VALUE`.
    ///   - tokens: bearer tokens, one a line, used in turn; nil if there are none to use.
    /// - Throws: ``Refusal`` if these are no headers or no tokens.
    package convenience init(fields: [String], tokens: String? = nil) throws(Refusal) {
        var fixed = Metadata()
        for field in fields {
            let (name, value) = try Self.header(field)
            fixed.addString(value, forKey: name)
        }
        if tokens != nil, fixed[stringValues: Self.authorization].contains(where: { _ in true }) {
            throw Refusal("--tokens and --header authorization exclude each other")
        }
        self.init(fixed, try tokens.map { text throws(Refusal) in try Self.users(text) } ?? [])
    }

    /// What goes with the next call.
    package func next() -> Metadata {
        guard !self.users.isEmpty else { return self.fixed }
        let turn = self.turn.add(1, ordering: .relaxed).oldValue
        var headers = self.fixed
        headers.addString(self.users[turn % self.users.count], forKey: Self.authorization)
        return headers
    }

    private static func header(_ field: String) throws(Refusal) -> (name: String, value: String) {
        guard let equals = field.firstIndex(of: "=") else {
            throw Refusal("--header: expected NAME=VALUE")
        }
        let name = field[..<equals].lowercased()
        let value = String(field[field.index(after: equals)...])
        guard !name.isEmpty, name.utf8.allSatisfy(Self.isOfName), !name.hasSuffix("-bin") else {
            throw Refusal(
                "--header: a NAME has letters, digits, '-', '_' and '.', "
                    + "and does not end with -bin")
        }
        guard !name.hasPrefix("grpc-"), !Self.reserved.contains(name) else {
            throw Refusal("--header \(name): gRPC sends this one by itself")
        }
        guard value.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
            throw Refusal("--header \(name): a VALUE has printable ASCII only")
        }
        return (name, value)
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func users(_ text: String) throws(Refusal) -> [String] {
        var users: [String] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let token = line.drop { $0 == " " }
            guard !token.isEmpty else { continue }
            guard token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw Refusal("--tokens: line \(index + 1) is no token")
            }
            users.append("Bearer \(token)")
        }
        guard !users.isEmpty else { throw Refusal("--tokens: there is no token") }
        return users
    }
}
