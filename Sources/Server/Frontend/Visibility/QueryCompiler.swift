import Persistence
import Primitives
import ServiceClients

/// Turns a parsed query into what the visibility store understands.
///
/// Conditions on a missing value are neither true nor false, as in SQL: `NOT` is therefore pushed
/// down to the conditions, where "not less" becomes "greater or equal" and stays untrue for runs
/// without the value. The close time of an open run is no missing value; it is later than any.
package struct QueryCompiler: Sendable {
    private let custom: [String: SearchAttributeType]
    private let archetype: Archetype

    /// - Parameters:
    ///   - custom: types of the namespace's own search attributes, by name.
    ///   - archetype: what is listed; some names mean something for it alone.
    package init(custom: [String: SearchAttributeType], archetype: Archetype = .workflow) {
        self.custom = custom
        self.archetype = archetype
    }

    /// What a list or count asks for.
    package struct Compiled: Equatable, Sendable {
        package let filter: VisibilityFilter
        package let groupBy: VisibilityColumn?
        /// Whether the query itself says in which divisions to look.
        let namesDivision: Bool

        /// The filter, for runs in the division of `archetype` unless the query says otherwise.
        package func filter(for archetype: Archetype) -> VisibilityFilter {
            if self.namesDivision { return self.filter }
            let inDivision: VisibilityFilter =
                switch archetype {
                case .workflow: .isNull(.namespaceDivision)
                case .activity:
                    .compare(.namespaceDivision, .equal, .keyword(NamespaceDivision.activities))
                }
            return self.filter == .all ? inDivision : .and(inDivision, self.filter)
        }
    }

    /// - Throws: `invalidArgument`, "invalid query: …"
    package func compile(_ query: String) throws(ServiceError) -> Compiled {
        let parsed = try QueryParser.parse(query)
        var groupBy: VisibilityColumn?
        if let name = parsed.groupBy {
            let column = try self.resolve(name).column
            guard column == .status else {
                throw .invalidQuery(
                    "operation is not supported: 'GROUP BY' clause is only supported for ExecutionStatus"
                )
            }
            groupBy = column
        }
        guard let filter = parsed.filter else {
            return Compiled(filter: .all, groupBy: groupBy, namesDivision: false)
        }
        return Compiled(
            filter: try self.filter(filter, isNegated: false), groupBy: groupBy,
            namesDivision: filter.names(where: Self.isDivision))
    }

    private static func isDivision(_ name: String) -> Bool {
        name == NamespaceDivision.attribute || "Temporal" + name == NamespaceDivision.attribute
    }

    private struct Attribute {
        let name: String
        let column: VisibilityColumn
        let type: SearchAttributeType
    }

    /// A namespace's own attributes come first, then the server's, with or without their prefix.
    private func resolve(_ name: String) throws(ServiceError) -> Attribute {
        var candidates = [name, "Temporal" + name]
        if name.hasPrefix("Temporal") { candidates.append(String(name.dropFirst(8))) }
        if name == "ScheduleId" { candidates.insert("WorkflowId", at: 1) }
        let aliases = SearchAttributeCatalog.aliases(of: self.archetype)
        for candidate in candidates {
            if let type = self.custom[candidate] {
                return Attribute(
                    name: name, column: .searchAttribute(name: candidate, type: type), type: type)
            }
            if candidate == NamespaceDivision.attribute {
                return Attribute(name: name, column: .namespaceDivision, type: .keyword)
            }
            if let known = aliases[candidate] ?? SearchAttributeCatalog.system[candidate] {
                return Attribute(name: name, column: known.column, type: known.type)
            }
            if let type = SearchAttributeCatalog.predefinedType(candidate) {
                return Attribute(
                    name: name, column: .searchAttribute(name: candidate, type: type), type: type)
            }
        }
        throw .invalidQuery("column name '\(name.prefix(100))' is not a valid search attribute")
    }

    private func filter(
        _ expression: QueryExpression, isNegated: Bool
    ) throws(ServiceError) -> VisibilityFilter {
        switch expression {
        case .not(let inner):
            return try self.filter(inner, isNegated: !isNegated)
        case .all(let parts):
            return try self.combine(parts, isNegated: isNegated, isConjunction: !isNegated)
        case .any(let parts):
            return try self.combine(parts, isNegated: isNegated, isConjunction: isNegated)
        case .isNull(let name):
            let test = VisibilityFilter.isNull(try self.resolve(name).column)
            return isNegated ? .not(test) : test
        case .compare(let name, let symbol, let literal):
            return try self.comparison(
                try self.resolve(name), symbol, literal, isNegated: isNegated)
        case .isIn(let name, let literals):
            let attribute = try self.resolve(name)
            var values: [SearchAttributeValue] = []
            for literal in literals { values.append(try self.value(literal, of: attribute)) }
            return Self.present(.isIn(attribute.column, values), attribute, isNegated)
        case .between(let name, let low, let high):
            let attribute = try self.resolve(name)
            try self.checkOrdered(attribute, operator: "between")
            let values = (
                try self.value(low, of: attribute), try self.value(high, of: attribute)
            )
            guard isNegated else { return .between(attribute.column, values.0, values.1) }
            return .or(
                Self.compare(attribute.column, .less, values.0),
                Self.compare(attribute.column, .greater, values.1))
        case .startsWith(let name, let literal):
            let attribute = try self.resolve(name)
            guard attribute.type == .keyword, attribute.column != .status,
                case .string(let prefix) = literal
            else { throw Self.unsupported("starts_with", attribute) }
            return Self.present(.startsWith(attribute.column, prefix), attribute, isNegated)
        }
    }

    /// Joins in pairs, so that a long chain of conditions is no deep tree.
    private func combine(
        _ parts: [QueryExpression], isNegated: Bool, isConjunction: Bool
    ) throws(ServiceError) -> VisibilityFilter {
        var filters: [VisibilityFilter] = []
        for part in parts { filters.append(try self.filter(part, isNegated: isNegated)) }
        while filters.count > 1 {
            filters = stride(from: 0, to: filters.count, by: 2).map { index in
                guard index + 1 < filters.count else { return filters[index] }
                return isConjunction
                    ? .and(filters[index], filters[index + 1])
                    : .or(filters[index], filters[index + 1])
            }
        }
        return filters.first ?? .all
    }

    private func comparison(
        _ attribute: Attribute, _ symbol: String, _ literal: QueryLiteral, isNegated: Bool
    ) throws(ServiceError) -> VisibilityFilter {
        let comparison: VisibilityFilter.Comparison
        switch (symbol, isNegated) {
        case ("=", false), ("!=", true): comparison = .equal
        case ("!=", false), ("=", true): comparison = .notEqual
        case ("<", false), (">=", true): comparison = .less
        case ("<=", false), (">", true): comparison = .lessOrEqual
        case (">", false), ("<=", true): comparison = .greater
        case (">=", false), ("<", true): comparison = .greaterOrEqual
        default: throw .invalidQuery("operator '\(symbol)' not supported in expression")
        }
        switch comparison {
        case .equal, .notEqual: break
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            try self.checkOrdered(attribute, operator: symbol)
        }
        return Self.compare(
            attribute.column, comparison, try self.value(literal, of: attribute))
    }

    private func checkOrdered(_ attribute: Attribute, operator: String) throws(ServiceError) {
        switch attribute.type {
        case .keyword where attribute.column != .status: break
        case .int, .double, .datetime: break
        case .text, .keyword, .bool, .keywordList: throw Self.unsupported(`operator`, attribute)
        }
    }

    private static func unsupported(_ symbol: String, _ attribute: Attribute) -> ServiceError {
        .invalidQuery(
            "operator '\(symbol)' not supported for \(attribute.type.name) type search attribute "
                + "'\(attribute.name)'")
    }

    private static func compare(
        _ column: VisibilityColumn, _ comparison: VisibilityFilter.Comparison,
        _ value: SearchAttributeValue
    ) -> VisibilityFilter {
        let test = VisibilityFilter.compare(column, comparison, value)
        guard column == .closeTime else { return test }
        switch comparison {
        case .equal, .less, .lessOrEqual: return test
        case .notEqual, .greater, .greaterOrEqual: return .or(test, .isNull(column))
        }
    }

    /// A condition, or its opposite where there is a value at all.
    private static func present(
        _ test: VisibilityFilter, _ attribute: Attribute, _ isNegated: Bool
    ) -> VisibilityFilter {
        guard isNegated else { return test }
        guard attribute.column != .closeTime else { return .not(test) }
        return .and(.not(test), .not(.isNull(attribute.column)))
    }

    private func value(
        _ literal: QueryLiteral, of attribute: Attribute
    ) throws(ServiceError) -> SearchAttributeValue {
        let value: SearchAttributeValue? =
            switch attribute.column {
            case .status: QueryValues.status(literal, self.archetype).map { .int($0) }
            case .executionDuration: QueryValues.duration(literal).map { .int($0) }
            case .workflowID, .runID, .workflowType, .taskQueue, .startTime, .executionTime,
                .closeTime, .historyLength, .historySizeBytes, .stateTransitionCount,
                .parentWorkflowID, .parentRunID, .rootWorkflowID, .rootRunID, .namespaceDivision,
                .searchAttribute:
                QueryValues.value(literal, attribute.type)
            }
        guard let value else {
            throw .invalidQuery(
                "invalid value for search attribute \(attribute.name) of type "
                    + "\(attribute.type.name): \(QueryValues.text(literal))")
        }
        return value
    }
}
