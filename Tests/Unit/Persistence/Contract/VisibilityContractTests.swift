import Persistence
import Primitives
import Testing

@Suite struct VisibilityContractTests {
    private static let records: [VisibilityRecord] = {
        var records = [
            VisibilityRecord(
                key("order-1", "r1"), start: 100,
                attributes: [
                    "Customer": .keyword("acme"), "Price": .double(9.5), "Paid": .bool(true),
                    "Tags": .keywordList(["red", "green"]), "Count": .int(-3),
                ]),
            VisibilityRecord(
                key("order-2", "r2"), status: 2, start: 110, close: 300,
                attributes: [
                    "Customer": .keyword("Acme"), "Notes": .text("Great BIG deal, 2nd try"),
                    "Due": .datetime(at(1_000)), "Tags": .keywordList([]),
                ]),
            VisibilityRecord(key("ord%_r", "r3"), type: "Pay", status: 3, start: 120, close: 300),
            VisibilityRecord(key("refund", "r4"), type: "Pay", start: 130),
        ]
        records[2].executionAt = at(150)
        records[3].parentWorkflowID = "order-1"
        records[3].parentRunID = "r1"
        records[3].searchAttributes = ["wo\"r\\st.%\n": .keyword("line\n\"\\\u{1}é")]
        return records
    }()

    private func fill(_ stores: any Stores) async throws {
        let range = try await stores.acquireShard(shard, owner: "a")
        var batch = ShardBatch()
        batch.visibility = Self.records + [VisibilityRecord(key("order-1", "z", namespace: "n2"))]
        try await stores.commit(batch, shard: shard, range: range)
    }

    private static func attribute(_ name: String, _ type: SearchAttributeType) -> VisibilityColumn {
        .searchAttribute(name: name, type: type)
    }

    /// Filters with the runs they match, in list order.
    static let filters: [(VisibilityFilter, [String])] = {
        let customer = attribute("Customer", .keyword), price = attribute("Price", .double)
        let tags = attribute("Tags", .keywordList), notes = attribute("Notes", .text)
        let odd = attribute("wo\"r\\st.%\n", .keyword)
        return [
            (.all, ["r4", "r1", "r3", "r2"]),
            (.compare(.workflowID, .equal, .keyword("order-1")), ["r1"]),
            (.compare(.workflowType, .notEqual, .keyword("Pay")), ["r1", "r2"]),
            (.compare(.status, .equal, .int(1)), ["r4", "r1"]),
            (.isIn(.status, [.int(2), .int(3), .keyword("x")]), ["r3", "r2"]),
            (.compare(.startTime, .greaterOrEqual, .datetime(at(120))), ["r4", "r3"]),
            (.between(.startTime, .datetime(at(110)), .int(120)), ["r3", "r2"]),
            // An open run closes later than any time, and has no duration.
            (.compare(.closeTime, .greater, .datetime(at(300))), ["r4", "r1"]),
            (.compare(.closeTime, .notEqual, .datetime(at(300))), ["r4", "r1"]),
            (.compare(.closeTime, .lessOrEqual, .datetime(at(300))), ["r3", "r2"]),
            (.isNull(.closeTime), ["r4", "r1"]),
            (.compare(.executionDuration, .greater, .int(0)), ["r3", "r2"]),
            (.compare(.executionDuration, .equal, .int(150)), ["r3"]),
            (.isNull(.executionDuration), ["r4", "r1"]),
            (.compare(.parentWorkflowID, .equal, .keyword("order-1")), ["r4"]),
            (.isNull(.parentRunID), ["r1", "r3", "r2"]),
            (.startsWith(.workflowID, "ord"), ["r1", "r3", "r2"]),
            (.startsWith(.workflowID, "ord%"), ["r3"]),
            (.startsWith(.workflowID, "ord_"), []),
            (.startsWith(customer, ""), ["r1", "r2"]),
            (.compare(customer, .equal, .keyword("acme")), ["r1"]),
            (.compare(customer, .notEqual, .keyword("acme")), ["r2"]),
            (.not(.compare(customer, .equal, .keyword("acme"))), ["r4", "r3", "r2"]),
            (.compare(customer, .less, .keyword("a")), ["r2"]),
            (.isNull(customer), ["r4", "r3"]),
            (.isNull(attribute("Customer", .int)), ["r4", "r1", "r3", "r2"]),
            (.compare(price, .equal, .double(9.5)), ["r1"]),
            (.compare(price, .less, .int(10)), ["r1"]),
            (.compare(price, .greater, .int(-1)), ["r1"]),
            (.compare(attribute("Count", .int), .less, .int(0)), ["r1"]),
            (.compare(attribute("Count", .int), .equal, .double(-3)), ["r1"]),
            (.compare(attribute("Paid", .bool), .equal, .bool(true)), ["r1"]),
            (.compare(attribute("Due", .datetime), .equal, .int(1_000)), ["r2"]),
            (.compare(tags, .equal, .keyword("green")), ["r1"]),
            (.compare(tags, .notEqual, .keyword("green")), ["r2"]),
            (.isIn(tags, [.keyword("blue"), .keyword("red")]), ["r1"]),
            (.isNull(tags), ["r4", "r3"]),
            (.compare(notes, .equal, .text("DEAL or no")), ["r2"]),
            (.compare(notes, .equal, .text("2ND")), ["r2"]),
            (.compare(notes, .equal, .text("dea")), []),
            (.compare(notes, .notEqual, .text("small")), ["r2"]),
            (.compare(notes, .equal, .text("")), []),
            (.compare(odd, .equal, .keyword("line\n\"\\\u{1}é")), ["r4"]),
            (.startsWith(odd, "line\n\""), ["r4"]),
            (.compare(.status, .equal, .keyword("1")), []),
            (.not(.compare(.status, .equal, .keyword("1"))), ["r4", "r1", "r3", "r2"]),
            (.isIn(.status, []), []),
            (
                .and(
                    .or(.compare(.status, .equal, .int(2)), .isNull(customer)),
                    .not(.isNull(.closeTime))), ["r3", "r2"]
            ),
        ]
    }()

    @Test("Each kind of filter finds the runs it should", arguments: StoreKind.allCases)
    func filtersFind(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        try await self.fill(stores)
        for (filter, expected) in Self.filters {
            let query = VisibilityQuery(namespaceID: "n1", filter: filter)
            let found = try await stores.listRuns(query)
            #expect(found.map(\.key.runID.rawValue) == expected, "\(filter)")
            #expect(try await stores.countRuns(query).total == Int64(expected.count), "\(filter)")
        }
    }

    @Test("Rows come back as they were written", arguments: StoreKind.allCases)
    func rowsRoundTrip(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        try await self.fill(stores)
        let found = try await stores.listRuns(VisibilityQuery(namespaceID: "n1", filter: .all))
        let expected = [3, 0, 2, 1].map { Self.records[$0] }
        #expect(found == expected)
    }

    @Test("A later write of a run replaces its row", arguments: StoreKind.allCases)
    func rowsAreReplaced(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        try await self.fill(stores)
        let range = try await stores.acquireShard(shard, owner: "a")
        var batch = ShardBatch()
        batch.visibility = [VisibilityRecord(key("order-1", "r1"), status: 5, close: 900)]
        try await stores.commit(batch, shard: shard, range: range)
        let found = try await stores.listRuns(VisibilityQuery(namespaceID: "n1", filter: .all))
        #expect(found.map(\.key.runID) == ["r4", "r1", "r3", "r2"])
        #expect(found[1] == batch.visibility[0])
    }

    @Test("Pages of any size put together are the whole list", arguments: StoreKind.allCases)
    func pages(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        var batch = ShardBatch()
        for index in Int64(0)..<40 {
            let close = index % 4 == 0 ? nil : 1_000 + index % 3
            batch.visibility.append(
                VisibilityRecord(key("w", "r\(index)"), start: index % 5, close: close))
        }
        try await stores.commit(batch, shard: shard, range: range)
        var query = VisibilityQuery(namespaceID: "n1", filter: .all)
        let whole = try await stores.listRuns(query)
        #expect(whole.count == 40)
        #expect(whole.prefix(10).allSatisfy { $0.closeAt == nil })
        for countMax in [1, 3, 7, 40] {
            query.countMax = countMax
            query.after = nil
            var seen: [VisibilityRecord] = []
            while true {
                let page = try await stores.listRuns(query)
                seen += page
                guard let last = page.last else { break }
                query.after = VisibilityQuery.Position(
                    closeAt: last.closeAt ?? .distantFuture, startAt: last.startAt,
                    runID: last.key.runID)
            }
            #expect(seen == whole)
        }
        query.countMax = 0
        #expect(try await stores.listRuns(query).isEmpty)
    }

    @Test("Counts are grouped by value, in order of the values", arguments: StoreKind.allCases)
    func groups(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        try await self.fill(stores)
        let cases: [(VisibilityColumn, [(SearchAttributeValue, Int64)])] = [
            (.status, [(.int(1), 2), (.int(2), 1), (.int(3), 1)]),
            (.workflowType, [(.keyword("Order"), 2), (.keyword("Pay"), 2)]),
            (.closeTime, [(.datetime(at(300)), 2)]),
            (.executionDuration, [(.int(150), 1), (.int(190), 1)]),
            (
                Self.attribute("Customer", .keyword),
                [(.keyword("Acme"), 1), (.keyword("acme"), 1)]
            ),
            (
                Self.attribute("Tags", .keywordList),
                [(.keywordList([]), 1), (.keywordList(["red", "green"]), 1)]
            ),
            (Self.attribute("Price", .double), [(.double(9.5), 1)]),
            (Self.attribute("Notes", .text), [(.text("Great BIG deal, 2nd try"), 1)]),
        ]
        for (column, groups) in cases {
            let count = try await stores.countRuns(
                VisibilityQuery(namespaceID: "n1", filter: .all, groupBy: column))
            let expected = VisibilityCount(
                total: 4,
                groups: groups.map { VisibilityCount.Group(value: $0.0, count: $0.1) })
            #expect(count == expected, "\(column)")
        }
        let filtered = try await stores.countRuns(
            VisibilityQuery(
                namespaceID: "n1",
                filter: .compare(
                    Self.attribute("Customer", .keyword), .equal, .keyword("acme")),
                groupBy: Self.attribute("Tags", .keywordList)))
        #expect(filtered.total == 1 && filtered.groups.count == 1)
    }
}
