import Frontend
import Persistence
import Primitives
import Testing

@Suite struct QueryCompilerTests {
    static let compiler = QueryCompiler(custom: [
        "Color": .keyword, "Size": .int, "Weight": .double, "Ready": .bool, "Due": .datetime,
        "Tags": .keywordList, "Notes": .text, "odd-name": .keyword,
    ])

    static let color = VisibilityColumn.searchAttribute(name: "Color", type: .keyword)
    static let size = VisibilityColumn.searchAttribute(name: "Size", type: .int)
    static let tags = VisibilityColumn.searchAttribute(name: "Tags", type: .keywordList)
    static let due = VisibilityColumn.searchAttribute(name: "Due", type: .datetime)
    private static let noon2020 = Timestamp(nanoseconds: 1_577_880_000_000_000_000)

    static let valid: [(String, VisibilityFilter)] = [
        ("", .all),
        ("   \n", .all),
        ("WorkflowId = 'a'", .compare(.workflowID, .equal, .keyword("a"))),
        ("WorkflowId = \"it's\"", .compare(.workflowID, .equal, .keyword("it's"))),
        ("WorkflowId = 'it''s'", .compare(.workflowID, .equal, .keyword("it's"))),
        ("WorkflowId = 'a\\\\b\\'c'", .compare(.workflowID, .equal, .keyword("a\\b'c"))),
        (
            "`odd-name` = 'x'",
            .compare(.searchAttribute(name: "odd-name", type: .keyword), .equal, .keyword("x"))
        ),
        ("ExecutionStatus = 'Running'", .compare(.status, .equal, .int(1))),
        ("ExecutionStatus = 'TIMED_OUT'", .compare(.status, .equal, .int(7))),
        (
            "ExecutionStatus = 'WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW'",
            .compare(.status, .equal, .int(6))
        ),
        ("ExecutionStatus != 2", .compare(.status, .notEqual, .int(2))),
        ("ExecutionStatus in ('Failed', 'canceled')", .isIn(.status, [.int(3), .int(4)])),
        ("StartTime > '2020-01-01T12:00:00Z'", .compare(.startTime, .greater, .datetime(noon2020))),
        (
            "StartTime > '2020-01-01T14:00:00.000+02:00'",
            .compare(.startTime, .greater, .datetime(noon2020))
        ),
        ("StartTime > 1577880000000000000", .compare(.startTime, .greater, .datetime(noon2020))),
        ("CloseTime < '2020-01-01T12:00:00Z'", .compare(.closeTime, .less, .datetime(noon2020))),
        (
            "CloseTime > '2020-01-01T12:00:00Z'",
            .or(.compare(.closeTime, .greater, .datetime(noon2020)), .isNull(.closeTime))
        ),
        (
            "NOT CloseTime < '2020-01-01T12:00:00Z'",
            .or(.compare(.closeTime, .greaterOrEqual, .datetime(noon2020)), .isNull(.closeTime))
        ),
        ("CloseTime is null", .isNull(.closeTime)),
        ("CloseTime IS NOT NULL", .not(.isNull(.closeTime))),
        ("ExecutionDuration > 10", .compare(.executionDuration, .greater, .int(10))),
        (
            "ExecutionDuration > '1h30m'",
            .compare(.executionDuration, .greater, .int(5_400_000_000_000))
        ),
        (
            "ExecutionDuration >= '3d'",
            .compare(.executionDuration, .greaterOrEqual, .int(259_200_000_000_000))
        ),
        (
            "ExecutionDuration = '01:30:00'",
            .compare(.executionDuration, .equal, .int(5_400_000_000_000))
        ),
        ("Size BETWEEN 1 AND 3", .between(size, .int(1), .int(3))),
        (
            "Size NOT BETWEEN -1 AND 3",
            .or(.compare(size, .less, .int(-1)), .compare(size, .greater, .int(3)))
        ),
        ("NOT Size < 3", .compare(size, .greaterOrEqual, .int(3))),
        ("NOT NOT Size <> 3", .compare(size, .notEqual, .int(3))),
        (
            "NOT (Size = 3 AND Color = 'red')",
            .or(.compare(size, .notEqual, .int(3)), .compare(color, .notEqual, .keyword("red")))
        ),
        ("Color NOT IN ('red')", .and(.not(.isIn(color, [.keyword("red")])), .not(.isNull(color)))),
        ("Color STARTS_WITH 're'", .startsWith(color, "re")),
        ("Color NOT STARTS_WITH 're'", .and(.not(.startsWith(color, "re")), .not(.isNull(color)))),
        ("Tags = 'a'", .compare(tags, .equal, .keyword("a"))),
        (
            "Weight <= 2.5e1",
            .compare(.searchAttribute(name: "Weight", type: .double), .lessOrEqual, .double(25))
        ),
        (
            "Ready = true",
            .compare(.searchAttribute(name: "Ready", type: .bool), .equal, .bool(true))
        ),
        (
            "Notes = 'some words'",
            .compare(.searchAttribute(name: "Notes", type: .text), .equal, .text("some words"))
        ),
        ("ScheduleId = 's'", .compare(.workflowID, .equal, .keyword("s"))),
        (
            "ScheduledById = 's'",
            .compare(
                .searchAttribute(name: "TemporalScheduledById", type: .keyword), .equal,
                .keyword("s"))
        ),
        (
            "TemporalNamespaceDivision IS NULL",
            .isNull(.namespaceDivision)
        ),
        (
            "RunId = 'a' OR RunId = 'b' AND RunId = 'c'",
            .or(
                .compare(.runID, .equal, .keyword("a")),
                .and(
                    .compare(.runID, .equal, .keyword("b")), .compare(.runID, .equal, .keyword("c"))
                ))
        ),
    ]

    @Test("A query compiles to what it says", arguments: valid)
    func compiles(query: String, filter: VisibilityFilter) throws {
        #expect(try Self.compiler.compile(query).filter == filter)
    }

    static let invalid = [
        "nonsense", "WorkflowId =", "NoSuchField = 1", "WorkflowId = unquoted",
        "WorkflowId LIKE 'a%'", "WorkflowId = 'a' ORDER BY StartTime", "ORDER BY StartTime",
        "WorkflowId = 'a' LIMIT 1", "((WorkflowId = 'a')", "(WorkflowId = 'a'))",
        "ExecutionStatus = 'Sleeping'", "ExecutionStatus = 99", "ExecutionStatus > 'Running'",
        "StartTime > 'yesterday'", "StartTime > '2020-02-30T00:00:00Z'", "StartTime > 1.5",
        "WorkflowId = 'a'; DROP TABLE x", "WorkflowId = 'unterminated", "1 = 1 OR WorkflowId",
        "Size = 'words'", "Size = true", "Ready = 3", "Ready > true", "Tags > 'a'", "Notes < 'a'",
        "Tags STARTS_WITH 'a'", "Size STARTS_WITH '1'", "WorkflowId IN ()", "WorkflowId IN ('a'",
        "WorkflowId NOT = 'a'", "WorkflowId IS", "WorkflowId IS NOT", "NOT", "AND", "()",
        "WorkflowId = 'a' AND", "WorkflowId = 'a' 'b'", "WorkflowId ! 'a'", "WorkflowId = ?",
        "WorkflowId == 'a'", "workflowid = 'a'", "ExecutionDuration = '1 hour'",
        "ExecutionDuration = '00:99:00'", "GROUP BY WorkflowId", "GROUP ExecutionStatus",
        "GROUP BY ExecutionStatus, WorkflowId", "Size = 1e999", "Size = 99999999999999999999",
        String(repeating: "(", count: 1_000) + "WorkflowId = 'a'",
        String(repeating: "NOT ", count: 1_000) + "WorkflowId = 'a'",
        Array(repeating: "WorkflowId = 'a'", count: 501).joined(separator: " OR "),
        "WorkflowId = '" + String(repeating: "a", count: 40_000) + "'",
        "WorkflowId IN (" + Array(repeating: "'a'", count: 1_001).joined(separator: ",") + ")",
    ]

    @Test("A wrong query is an invalid argument that says so", arguments: invalid)
    func refused(_ query: String) {
        let error = #expect(throws: ServiceError.self) { try Self.compiler.compile(query) }
        #expect(error?.kind == .invalidArgument)
        #expect(error?.message.hasPrefix("invalid query: ") == true)
    }

    static let messages = [
        ("Foo = 1", "invalid query: column name 'Foo' is not a valid search attribute"),
        (
            "WorkflowId = a",
            "invalid query: column name on the right side of comparison expression (did you "
                + "forget to quote 'a'?)"
        ),
        (
            "WorkflowId = 'a' ORDER BY StartTime",
            "invalid query: operation is not supported: 'ORDER BY' clause"
        ),
        ("Color LIKE 'a'", "invalid query: operator 'like' not supported in expression"),
    ]

    @Test("Errors that people look for have their words", arguments: messages)
    func wording(query: String, message: String) {
        #expect(throws: ServiceError.invalidArgument(message)) {
            try Self.compiler.compile(query)
        }
    }

    @Test("A count can be grouped by status, with or without a condition")
    func groupBy() throws {
        let bare = try Self.compiler.compile("GROUP BY ExecutionStatus")
        #expect(bare.groupBy == .status && bare.filter == .all)
        let filtered = try Self.compiler.compile("WorkflowId = 'a' group by ExecutionStatus")
        #expect(filtered.groupBy == .status)
        #expect(filtered.filter == .compare(.workflowID, .equal, .keyword("a")))
    }

    @Test("A long chain of conditions is a shallow tree")
    func balanced() throws {
        let query = (0..<500).map { "Size = \($0)" }.joined(separator: " AND ")
        func depth(_ filter: VisibilityFilter) -> Int {
            switch filter {
            case .and(let left, let right), .or(let left, let right):
                1 + max(depth(left), depth(right))
            default: 1
            }
        }
        let filter = try Self.compiler.compile(query).filter
        #expect(depth(filter) == 10)
    }

    @Test("Random words and random bytes compile or are refused", arguments: 0..<200)
    func fuzz(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        let words = [
            "WorkflowId", "Size", "Color", "ExecutionStatus", "CloseTime", "=", "!=", "<", "(", ")",
            "AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "STARTS_WITH", "GROUP BY", "'a'",
            "1", "-2.5", "'2020-01-01T00:00:00Z'", "true", ",", "`", "'", "\"", "\\", "é", "\0",
        ]
        for _ in 0..<200 {
            let count = Int.random(in: 0..<30, using: &random)
            let query = (0..<count).map { _ in
                Int.random(in: 0..<8, using: &random) == 0
                    ? String(decoding: [UInt8.random(in: 0...255, using: &random)], as: UTF8.self)
                    : words[Int.random(in: 0..<words.count, using: &random)]
            }.joined(separator: " ")
            do throws(ServiceError) {
                _ = try Self.compiler.compile(query)
            } catch {
                #expect(
                    error.kind == .invalidArgument && error.message.hasPrefix("invalid query: "))
            }
        }
    }

    @Test("Activities have names of their own for what they share with workflows")
    func activities() throws {
        let compiler = QueryCompiler(custom: [:], archetype: .activity)
        let cases: [(String, VisibilityFilter)] = [
            ("ActivityId = 'a'", .compare(.workflowID, .equal, .keyword("a"))),
            ("ActivityType = 't'", .compare(.workflowType, .equal, .keyword("t"))),
            ("ExecutionStatus = 'TimedOut'", .compare(.status, .equal, .int(6))),
            (
                "ExecutionStatus = 'ACTIVITY_EXECUTION_STATUS_FAILED'",
                .compare(.status, .equal, .int(3))
            ),
        ]
        for (query, filter) in cases { #expect(try compiler.compile(query).filter == filter) }
        #expect(throws: ServiceError.self) {
            try compiler.compile("ExecutionStatus = 'ContinuedAsNew'")
        }
        #expect(throws: ServiceError.self) { try Self.compiler.compile("ActivityId = 'a'") }
    }

    @Test("A query that names no division is for that of its archetype")
    func divisions() throws {
        let plain = try Self.compiler.compile("WorkflowId = 'a'")
        let inDivision = VisibilityFilter.compare(
            .namespaceDivision, .equal, .keyword(NamespaceDivision.activities))
        #expect(plain.filter(for: .workflow) == .and(.isNull(.namespaceDivision), plain.filter))
        #expect(plain.filter(for: .activity) == .and(inDivision, plain.filter))
        #expect(try Self.compiler.compile("").filter(for: .workflow) == .isNull(.namespaceDivision))
        for query in [
            "TemporalNamespaceDivision = 'x'", "NOT (NamespaceDivision IS NULL OR RunId = 'r')",
        ] {
            let compiled = try Self.compiler.compile(query)
            #expect(compiled.filter(for: .workflow) == compiled.filter)
        }
    }
}
