import Persistence
import Primitives

/// Mutable states to write, with the items that changed.
struct RunRows {
    private var keys = RunKeyColumns()
    private var expectedVersions = SQLColumn.int8
    private var versions = SQLColumn.int8
    private var timers = SQLColumn.int8
    private var infos = SQLColumn.bytea

    private var upserted = ItemColumns()
    private var upsertedItems = SQLColumn.bytea
    private var deleted = ItemColumns()
    private var shape = Shape()

    /// Which kinds of rows there are, and so what the statement looks like.
    private struct Shape: OptionSet {
        let rawValue: Int

        static let adds = Shape(rawValue: 1)
        static let changes = Shape(rawValue: 2)
        static let upsertsItems = Shape(rawValue: 4)
        static let deletesItems = Shape(rawValue: 8)
    }

    init(_ writes: [ShardWrite]) {
        for write in writes {
            for run in write.batch.runs { self.append(run, write.shard) }
        }
    }

    private mutating func append(_ run: RunWrite, _ shard: ShardID) {
        invariant(run.version > run.expectedVersion, "version of \(run.key) must rise")
        self.shape.insert(run.expectedVersion == 0 ? .adds : .changes)
        self.keys.append(run.key, shard)
        self.expectedVersions.append(run.expectedVersion)
        self.versions.append(run.version)
        self.timers.append(run.nextTimerAt?.nanoseconds)
        self.infos.append(run.info)
        for (item, bytes) in run.upsertedItems {
            self.shape.insert(.upsertsItems)
            self.upserted.append(item, of: run.key, shard)
            self.upsertedItems.append(bytes)
        }
        // One statement cannot change a row twice: what is written again need not be deleted.
        for item in run.deletedItems where run.upsertedItems[item] == nil {
            self.shape.insert(.deletesItems)
            self.deleted.append(item, of: run.key, shard)
        }
    }

    var statements: [SQLStatement] {
        guard self.keys.count > 0 else { return [] }
        var parameters = self.keys.parameters
        parameters += [self.expectedVersions, self.versions, self.timers, self.infos]
            .map(\.parameter)
        if self.shape.contains(.upsertsItems) {
            parameters += self.upserted.parameters + [self.upsertedItems.parameter]
        }
        if self.shape.contains(.deletesItems) { parameters += self.deleted.parameters }
        return [SQLStatement(Self.texts[self.shape.rawValue], parameters)]
    }

    private static let texts = (0..<16).map { Self.sql(Shape(rawValue: $0)) }

    private static func sql(_ shape: Shape) -> String {
        var parts: [String] = [], checks: [String] = [], counts: [String] = []
        if shape.contains(.adds) {
            parts.append(self.adding)
            checks.append(
                """
                (run.expected_version = 0 AND NOT EXISTS (
                    SELECT FROM added WHERE \(RunKeyColumns.match("added", "run"))))
                """)
            counts.append("(SELECT count(*) FROM added)")
        }
        if shape.contains(.changes) {
            parts.append(self.changing)
            checks.append(
                """
                (run.expected_version <> 0 AND NOT EXISTS (
                    SELECT FROM changed WHERE changed.ord = run.ord))
                """)
            counts.append("(SELECT count(*) FROM changed)")
        }
        if shape.contains(.upsertsItems) { parts.append(self.upsertingItems) }
        if shape.contains(.deletesItems) {
            parts.append(self.deletingItems(from: shape.contains(.upsertsItems) ? 18 : 10))
        }
        return """
            WITH \(parts.joined(separator: ",\n"))
            SELECT temporal_refuse('\(SQLRefusal.Condition.runVersion.rawValue)', (
                SELECT min(ord) FROM \(self.input) WHERE \(checks.joined(separator: " OR "))))
            WHERE \(counts.joined(separator: " + ")) < cardinality($1)
            """
    }

    private static let input = """
        unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) WITH ORDINALITY AS run (\(RunKeyColumns.names),
            expected_version, version, next_timer_at, info, ord)
        """

    private static let adding = """
        added AS (
            INSERT INTO executions (\(RunKeyColumns.names), version, next_timer_at, info)
            SELECT \(RunKeyColumns.names), version, next_timer_at, info
            FROM \(Self.input) WHERE expected_version = 0
            ON CONFLICT DO NOTHING RETURNING \(RunKeyColumns.names)
        )
        """

    private static let changing = """
        changed AS (
            UPDATE executions AS stored
            SET version = run.version, next_timer_at = run.next_timer_at, info = run.info
            FROM \(Self.input)
            WHERE \(RunKeyColumns.match("stored", "run"))
                AND stored.version = run.expected_version AND run.expected_version <> 0
            RETURNING run.ord
        )
        """

    private static let upsertingItems = """
        upserted AS (
            INSERT INTO execution_items (\(RunKeyColumns.names), kind, item_id, item)
            SELECT * FROM unnest($10, $11, $12, $13, $14, $15, $16, $17)
            ON CONFLICT (\(RunKeyColumns.names), kind, item_id) DO UPDATE SET item = excluded.item
        )
        """

    private static func deletingItems(from first: Int) -> String {
        """
        deleted AS (
            DELETE FROM execution_items AS stored
            USING unnest(\((first..<first + 7).map { "$\($0)" }.joined(separator: ", ")))
                AS gone (\(RunKeyColumns.names), kind, item_id)
            WHERE \(RunKeyColumns.match("stored", "gone"))
                AND stored.kind = gone.kind AND stored.item_id = gone.item_id
        )
        """
    }
}

/// The columns that name items of runs.
private struct ItemColumns {
    private var keys = RunKeyColumns()
    private var kinds = SQLColumn.int4
    private var ids = SQLColumn.text

    mutating func append(_ item: RunItemKey, of key: WorkflowKey, _ shard: ShardID) {
        self.keys.append(key, shard)
        self.kinds.append(item.kind)
        self.ids.append(item.id)
    }

    var parameters: [SQLParameter] {
        self.keys.parameters + [self.kinds.parameter, self.ids.parameter]
    }
}
