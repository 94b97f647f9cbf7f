/// The tables, and how a database of any earlier version gets them.
///
/// `temporal_server_schema` has a row for each version the database has been brought to; it also
/// marks the tables as ours. Texts are compared by their bytes. Every table that grows with the
/// work has what a shard is found by as its first columns, so that the rows of one shard can live
/// in one place.
enum Schema {
    static var version: Int { self.migrations.count }

    /// Statements that lead from each version to the next; only ever appended to.
    static let migrations: [[String]] = [Self.first]

    /// What brings a database from `version` to the next one, in one transaction.
    static func statements(from version: Int) -> [SQLStatement] {
        self.migrations[version].map { SQLStatement($0, [], isPrepared: false) } + [
            SQLStatement(
                "INSERT INTO temporal_server_schema (version) VALUES ($1)",
                [.int4(Int32(version + 1))], isPrepared: false)
        ]
    }

    /// "temporal", as a number.
    private static let lockKey = 0x7465_6d70_6f72_616c

    static let lock = SQLStatement("SELECT pg_advisory_lock(\(lockKey))", [], isPrepared: false)
    static let unlock = SQLStatement(
        "SELECT pg_advisory_unlock(\(lockKey))", [], isPrepared: false)

    /// Whether there are our tables, and whether there are others by the same names.
    static let tablesQuery = SQLStatement(
        """
        SELECT to_regclass('temporal_server_schema') IS NOT NULL,
            to_regclass('schema_version') IS NOT NULL OR to_regclass('executions') IS NOT NULL
                OR to_regclass('namespaces') IS NOT NULL
        """, [], isPrepared: false)

    static let versionQuery = SQLStatement(
        "SELECT coalesce(max(version), 0) FROM temporal_server_schema", [], isPrepared: false)

    private static let first = [
        Self.marks, Self.clusterTables, Self.executionTables, Self.historyTables,
        Self.taskQueueTables, Self.visibilityTables,
    ].flatMap { $0 }

    private static let marks: [String] = [
        """
        CREATE TABLE temporal_server_schema (
            version INTEGER NOT NULL PRIMARY KEY,
            migrated_at TIMESTAMPTZ NOT NULL DEFAULT now()
        )
        """,
        // How a write whose condition does not hold ends its transaction: with a code that says
        // which condition, and the row's number as the message.
        """
        CREATE FUNCTION temporal_refuse(code TEXT, place BIGINT) RETURNS BIGINT
        LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
            RAISE EXCEPTION USING ERRCODE = code, MESSAGE = coalesce(place, 0)::TEXT;
        END
        $$
        """,
    ]

    private static let clusterTables: [String] = [
        """
        CREATE TABLE cluster_metadata (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            cluster_id TEXT COLLATE "C" NOT NULL,
            shard_count INTEGER NOT NULL
        )
        """,
        """
        CREATE TABLE namespaces (
            id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
            name TEXT COLLATE "C" NOT NULL UNIQUE,
            record BYTEA NOT NULL
        )
        """,
        """
        CREATE TABLE shards (
            shard_id INTEGER NOT NULL PRIMARY KEY,
            range_id BIGINT NOT NULL,
            owner TEXT COLLATE "C" NOT NULL
        ) WITH (fillfactor = 10)
        """,
    ]

    // Rows that are written again and again have room beside them, so that a new version need not
    // be entered in each index.
    private static let executionTables: [String] = [
        """
        CREATE TABLE executions (
            shard_id INTEGER NOT NULL,
            archetype INTEGER NOT NULL,
            namespace_id TEXT COLLATE "C" NOT NULL,
            workflow_id TEXT COLLATE "C" NOT NULL,
            run_id TEXT COLLATE "C" NOT NULL,
            version BIGINT NOT NULL,
            next_timer_at BIGINT,
            info BYTEA NOT NULL,
            PRIMARY KEY (shard_id, archetype, namespace_id, workflow_id, run_id)
        ) WITH (fillfactor = 70)
        """,
        """
        CREATE INDEX executions_by_timer ON executions
            (shard_id, next_timer_at, archetype, namespace_id, workflow_id, run_id)
            WHERE next_timer_at IS NOT NULL
        """,
        """
        CREATE TABLE execution_items (
            shard_id INTEGER NOT NULL,
            archetype INTEGER NOT NULL,
            namespace_id TEXT COLLATE "C" NOT NULL,
            workflow_id TEXT COLLATE "C" NOT NULL,
            run_id TEXT COLLATE "C" NOT NULL,
            kind INTEGER NOT NULL,
            item_id TEXT COLLATE "C" NOT NULL,
            item BYTEA NOT NULL,
            PRIMARY KEY (shard_id, archetype, namespace_id, workflow_id, run_id, kind, item_id)
        ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)
        """,
        """
        CREATE TABLE current_executions (
            shard_id INTEGER NOT NULL,
            archetype INTEGER NOT NULL,
            namespace_id TEXT COLLATE "C" NOT NULL,
            workflow_id TEXT COLLATE "C" NOT NULL,
            run_id TEXT COLLATE "C" NOT NULL,
            PRIMARY KEY (shard_id, archetype, namespace_id, workflow_id)
        )
        """,
    ]

    private static let historyTables: [String] = [
        // Only workflows have a history.
        """
        CREATE TABLE history_nodes (
            shard_id INTEGER NOT NULL,
            namespace_id TEXT COLLATE "C" NOT NULL,
            workflow_id TEXT COLLATE "C" NOT NULL,
            run_id TEXT COLLATE "C" NOT NULL,
            first_event_id BIGINT NOT NULL,
            last_event_id BIGINT NOT NULL,
            events BYTEA NOT NULL,
            PRIMARY KEY (shard_id, namespace_id, workflow_id, run_id, first_event_id)
        )
        """,
        """
        CREATE TABLE history_tasks (
            shard_id INTEGER NOT NULL,
            task_id BIGINT NOT NULL,
            task BYTEA NOT NULL,
            PRIMARY KEY (shard_id, task_id)
        ) WITH (autovacuum_vacuum_scale_factor = 0.05)
        """,
    ]

    private static let taskQueueTables: [String] = [
        """
        CREATE TABLE task_queues (
            namespace_id TEXT COLLATE "C" NOT NULL,
            name TEXT COLLATE "C" NOT NULL,
            task_type INTEGER NOT NULL,
            is_sticky INTEGER NOT NULL,
            range_id BIGINT NOT NULL,
            ack_level BIGINT NOT NULL,
            owner TEXT COLLATE "C" NOT NULL,
            PRIMARY KEY (namespace_id, name, task_type, is_sticky)
        ) WITH (fillfactor = 70)
        """,
        """
        CREATE TABLE task_queue_tasks (
            namespace_id TEXT COLLATE "C" NOT NULL,
            name TEXT COLLATE "C" NOT NULL,
            task_type INTEGER NOT NULL,
            is_sticky INTEGER NOT NULL,
            task_id BIGINT NOT NULL,
            task BYTEA NOT NULL,
            PRIMARY KEY (namespace_id, name, task_type, is_sticky, task_id)
        ) WITH (autovacuum_vacuum_scale_factor = 0.05)
        """,
    ]

    private static let visibilityTables: [String] = [
        """
        CREATE TABLE executions_visibility (
            shard_id INTEGER NOT NULL,
            namespace_id TEXT COLLATE "C" NOT NULL,
            run_id TEXT COLLATE "C" NOT NULL,
            archetype INTEGER NOT NULL,
            division TEXT COLLATE "C",
            workflow_id TEXT COLLATE "C" NOT NULL,
            workflow_type TEXT COLLATE "C" NOT NULL,
            task_queue TEXT COLLATE "C" NOT NULL,
            status INTEGER NOT NULL,
            start_at BIGINT NOT NULL,
            execution_at BIGINT NOT NULL,
            close_at BIGINT NOT NULL,
            history_length BIGINT NOT NULL,
            history_size_bytes BIGINT NOT NULL,
            state_transition_count BIGINT NOT NULL,
            parent_workflow_id TEXT COLLATE "C",
            parent_run_id TEXT COLLATE "C",
            root_workflow_id TEXT COLLATE "C" NOT NULL,
            root_run_id TEXT COLLATE "C" NOT NULL,
            search_attributes JSONB,
            memo BYTEA NOT NULL,
            search_attribute_payloads BYTEA NOT NULL,
            PRIMARY KEY (shard_id, namespace_id, run_id)
        )
        """,
        // Each ends in list order, so that a page of matches is one range of it. Queries that name
        // no division ask for the rows without one, or with a certain one; "is null" keeps no
        // order, so each of the two has indexes of its own.
        Self.visibilityIndex("time", "", "division IS NULL"),
        Self.visibilityIndex("workflow", "workflow_id,", "division IS NULL"),
        Self.visibilityIndex("type", "workflow_type,", "division IS NULL"),
        Self.visibilityIndex("status", "status,", "division IS NULL"),
        Self.visibilityIndex("division", "division,", "division IS NOT NULL"),
        Self.visibilityIndex(
            "division_and_workflow", "division, workflow_id,", "division IS NOT NULL"),
        """
        CREATE INDEX executions_visibility_by_attributes ON executions_visibility
            USING gin (search_attributes jsonb_path_ops) WHERE search_attributes IS NOT NULL
        """,
    ]

    private static func visibilityIndex(
        _ name: String, _ columns: String, _ condition: String
    ) -> String {
        """
        CREATE INDEX executions_visibility_by_\(name) ON executions_visibility
            (namespace_id, \(columns) close_at DESC, start_at DESC, run_id) WHERE \(condition)
        """
    }
}
