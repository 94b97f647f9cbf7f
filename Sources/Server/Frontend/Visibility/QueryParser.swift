import Primitives

/// A visibility query as it is written, names and literals not yet understood.
indirect enum QueryExpression: Equatable, Sendable {
    case compare(name: String, operator: String, QueryLiteral)
    case isIn(name: String, [QueryLiteral])
    case between(name: String, QueryLiteral, QueryLiteral)
    case startsWith(name: String, QueryLiteral)
    case isNull(name: String)
    case all([QueryExpression])
    case any([QueryExpression])
    case not(QueryExpression)
}

extension QueryExpression {
    /// Whether a condition is on a name with some property.
    func names(where isWanted: (String) -> Bool) -> Bool {
        switch self {
        case .compare(let name, _, _), .isIn(let name, _), .between(let name, _, _),
            .startsWith(let name, _), .isNull(let name):
            isWanted(name)
        case .all(let parts), .any(let parts): parts.contains { $0.names(where: isWanted) }
        case .not(let inner): inner.names(where: isWanted)
        }
    }
}

/// A value as it is written.
enum QueryLiteral: Equatable, Sendable {
    case string(String)
    case int(Int64)
    case double(Double)
    case bool(Bool)
}

/// A whole query: what to select, and what to group a count by.
struct ParsedQuery: Equatable, Sendable {
    /// Nil selects everything.
    let filter: QueryExpression?
    let groupBy: String?
}

/// Reads Temporal's list filter language.
///
///     query      := [or] ["GROUP" "BY" name]
///     or         := and {"OR" and}
///     and        := not {"AND" not}
///     not        := "NOT" not | "(" or ")" | condition
///     condition  := name ( op literal | ["NOT"] "IN" "(" literals ")"
///                        | ["NOT"] "BETWEEN" literal "AND" literal
///                        | ["NOT"] "STARTS_WITH" literal | "IS" ["NOT"] "NULL" )
struct QueryParser {
    private let tokens: [QueryToken]
    private var position = 0
    private var depth = 0
    private var conditions = 0

    static func parse(_ query: String) throws(ServiceError) -> ParsedQuery {
        var parser = QueryParser(tokens: try QueryLexer.tokens(query))
        return try parser.query()
    }

    private init(tokens: [QueryToken]) { self.tokens = tokens }

    private var current: QueryToken { self.tokens[self.position] }

    private mutating func advance() {
        if self.position < self.tokens.count - 1 { self.position += 1 }
    }

    private func isKeyword(_ word: String, at offset: Int = 0) -> Bool {
        let index = self.position + offset
        guard index < self.tokens.count, case .name(let text, isQuoted: false) = self.tokens[index]
        else { return false }
        return text.uppercased() == word
    }

    private mutating func take(_ word: String) -> Bool {
        guard self.isKeyword(word) else { return false }
        self.advance()
        return true
    }

    private mutating func take(symbol: String) -> Bool {
        guard self.current == .symbol(symbol) else { return false }
        self.advance()
        return true
    }

    private mutating func query() throws(ServiceError) -> ParsedQuery {
        let startsWithClause =
            self.current == .end || self.isKeyword("GROUP") && self.isKeyword("BY", at: 1)
            || self.isKeyword("ORDER") && self.isKeyword("BY", at: 1)
        let filter = startsWithClause ? nil : try self.or()
        var groupBy: String?
        if self.take("GROUP") {
            guard self.take("BY") else { throw self.syntaxError() }
            groupBy = try self.name()
            guard self.current != .symbol(",") else {
                throw .invalidQuery(
                    "operation is not supported: 'GROUP BY' clause supports only a single field")
            }
        }
        for clause in ["ORDER", "LIMIT", "HAVING"] where self.isKeyword(clause) {
            let name = clause == "ORDER" ? "ORDER BY" : clause
            throw .invalidQuery("operation is not supported: '\(name)' clause")
        }
        guard self.current == .end else { throw self.syntaxError() }
        return ParsedQuery(filter: filter, groupBy: groupBy)
    }

    private mutating func or() throws(ServiceError) -> QueryExpression {
        try self.enter()
        defer { self.depth -= 1 }
        var parts = [try self.and()]
        while self.take("OR") { parts.append(try self.and()) }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func and() throws(ServiceError) -> QueryExpression {
        var parts = [try self.not()]
        while self.take("AND") { parts.append(try self.not()) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func not() throws(ServiceError) -> QueryExpression {
        if self.take("NOT") {
            try self.enter()
            defer { self.depth -= 1 }
            return .not(try self.not())
        }
        if self.take(symbol: "(") {
            let inner = try self.or()
            guard self.take(symbol: ")") else { throw self.syntaxError() }
            return inner
        }
        return try self.condition()
    }

    private mutating func enter() throws(ServiceError) {
        self.depth += 1
        guard self.depth <= QueryLimits.depthMax else { throw .invalidQuery("nested too deeply") }
    }

    private mutating func condition() throws(ServiceError) -> QueryExpression {
        self.conditions += 1
        guard self.conditions <= QueryLimits.conditionsMax else {
            throw .invalidQuery("more than \(QueryLimits.conditionsMax) conditions")
        }
        let name = try self.name()
        if case .symbol(let symbol) = self.current, symbol != "(", symbol != ")", symbol != "," {
            self.advance()
            return .compare(name: name, operator: symbol, try self.literal())
        }
        if self.take("IS") {
            let isNegated = self.take("NOT")
            guard self.take("NULL") else { throw self.syntaxError() }
            return isNegated ? .not(.isNull(name: name)) : .isNull(name: name)
        }
        let isNegated = self.take("NOT")
        let found = try self.wordCondition(on: name)
        return isNegated ? .not(found) : found
    }

    private mutating func wordCondition(on name: String) throws(ServiceError) -> QueryExpression {
        if self.take("IN") { return .isIn(name: name, try self.list()) }
        if self.take("BETWEEN") {
            let low = try self.literal()
            guard self.take("AND") else { throw self.syntaxError() }
            return .between(name: name, low, try self.literal())
        }
        if self.take("STARTS_WITH") { return .startsWith(name: name, try self.literal()) }
        if self.isKeyword("LIKE") {
            throw .invalidQuery("operator 'like' not supported in expression")
        }
        throw self.syntaxError()
    }

    private mutating func list() throws(ServiceError) -> [QueryLiteral] {
        guard self.take(symbol: "(") else { throw self.syntaxError() }
        var items = [try self.literal()]
        while self.take(symbol: ",") {
            items.append(try self.literal())
            guard items.count <= QueryLimits.listMax else {
                throw .invalidQuery("more than \(QueryLimits.listMax) values in a list")
            }
        }
        guard self.take(symbol: ")") else { throw self.syntaxError() }
        return items
    }

    private mutating func name() throws(ServiceError) -> String {
        guard case .name(let text, let isQuoted) = self.current else { throw self.syntaxError() }
        guard isQuoted || !Self.keywords.contains(text.uppercased()) else {
            throw self.syntaxError()
        }
        self.advance()
        return text
    }

    private static let keywords: Set<String> = [
        "AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "LIKE", "STARTS_WITH", "GROUP", "ORDER",
        "BY", "LIMIT", "TRUE", "FALSE",
    ]

    private mutating func literal() throws(ServiceError) -> QueryLiteral {
        let token = self.current
        self.advance()
        switch token {
        case .string(let text): return .string(text)
        case .number(let text):
            if let number = Int64(text) { return .int(number) }
            guard let number = Double(text), number.isFinite else {
                throw .invalidQuery("\(text) is not a number")
            }
            return .double(number)
        case .name(let text, isQuoted: false) where text.uppercased() == "TRUE": return .bool(true)
        case .name(let text, isQuoted: false) where text.uppercased() == "FALSE":
            return .bool(false)
        case .name(let text, _):
            throw .invalidQuery(
                "column name on the right side of comparison expression (did you forget to quote "
                    + "'\(text)'?)")
        case .symbol, .end:
            throw self.syntaxError()
        }
    }

    private func syntaxError() -> ServiceError {
        switch self.current {
        case .end: .invalidQuery("syntax error at the end")
        case .name(let text, _), .string(let text), .number(let text), .symbol(let text):
            .invalidQuery("syntax error near '\(text.prefix(40))'")
        }
    }
}
