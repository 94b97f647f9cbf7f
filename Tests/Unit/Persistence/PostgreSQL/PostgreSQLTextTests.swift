import Persistence
import PersistencePostgreSQL
import Primitives
import Testing

@Suite struct PostgreSQLTextTests {
    private static let texts = [
        "", "\0", "\0\0", "\0a", "\u{1}", "\u{1}\0", "\0\u{1}", "\u{2}", "a", "a\0", "a\0b",
        "a\u{1}", "a\u{1}b", "a\u{2}", "ab", "é\0", "\u{10FFFF}",
    ]

    @Test("Every text has a form without U+0000 that orders and begins as the text does")
    func formsKeepOrder() {
        for left in Self.texts {
            let form = SQLText.escaped(left)
            #expect(!form.utf8.contains(0))
            #expect(SQLText.unescaped(form) == left)
            for right in Self.texts {
                let other = SQLText.escaped(right)
                #expect(precedesInBytes(form, other) == precedesInBytes(left, right))
                #expect(
                    other.utf8.starts(with: form.utf8) == right.utf8.starts(with: left.utf8))
            }
        }
    }

    @Test("Names and values of any characters are stored and found")
    func anyText() async throws {
        let stores = try await TestDatabase().open()
        let range = try await stores.acquireShard(shard, owner: "o\0")
        for (index, text) in Self.texts.enumerated() {
            let run = key("w\(text)", "r\(index)\(text)", namespace: "n\0")
            var batch = ShardBatch.start(run)
            batch.history[0] = node(run, 1...2)
            batch.runs[0].upsertedItems = [RunItemKey(kind: 1, id: text): [0, 1]]
            batch.visibility[0].taskQueue = text
            batch.visibility[0].parentWorkflowID = text
            batch.visibility[0].searchAttributes = [
                "K\(text)": .keyword(text), "T": .text(text), "L": .keywordList([text, "\0x"]),
            ]
            try await stores.commit(batch, shard: shard, range: range)
            let record = try await stores.loadRun(run.address, runID: nil, shard: shard)
            #expect(record?.key == run && record?.items == batch.runs[0].upsertedItems)
            let history = try await stores.readHistory(
                run, events: 1..<9, eventsMax: 9, shard: shard)
            #expect(history == batch.history)
            let filters: [VisibilityFilter] = [
                .compare(.workflowID, .equal, .keyword("w\(text)")),
                .compare(
                    .searchAttribute(name: "K\(text)", type: .keyword), .equal, .keyword(text)),
                .and(
                    .compare(
                        .searchAttribute(name: "L", type: .keywordList), .equal, .keyword(text)),
                    .compare(.taskQueue, .equal, .keyword(text))),
            ]
            for filter in filters {
                let found = try await stores.listRuns(
                    VisibilityQuery(namespaceID: "n\0", filter: filter))
                #expect(found == batch.visibility, "\(filter)")
            }
        }
        let prefix = VisibilityQuery(
            namespaceID: "n\0", filter: .startsWith(.taskQueue, "a\0"))
        #expect(try await stores.listRuns(prefix).map(\.taskQueue).sorted() == ["a\0", "a\0b"])
    }
}
