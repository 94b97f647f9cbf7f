import Persistence

/// The tables, and how a database of any earlier version gets them.
///
/// The version is SQLite's `user_version`, the mark of our databases its `application_id`.
enum Schema {
    /// "tmpl".
    static let applicationID = 0x746d_706c
    static var version: Int { self.migrations.count }

    /// Statements that lead from each version to the next; only ever appended to.
    static let migrations: [String] = [
        """
        CREATE TABLE cluster_metadata (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            cluster_id TEXT NOT NULL,
            shard_count INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE namespaces (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            record BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE shards (
            shard_id INTEGER NOT NULL PRIMARY KEY,
            range_id INTEGER NOT NULL,
            owner TEXT NOT NULL
        ) STRICT;

        CREATE TABLE executions (
            shard_id INTEGER NOT NULL,
            archetype INTEGER NOT NULL,
            namespace_id TEXT NOT NULL,
            workflow_id TEXT NOT NULL,
            run_id TEXT NOT NULL,
            version INTEGER NOT NULL,
            next_timer_at INTEGER,
            info BLOB NOT NULL,
            PRIMARY KEY (shard_id, archetype, namespace_id, workflow_id, run_id)
        ) STRICT;

        CREATE INDEX executions_by_timer
            ON executions
                (shard_id, next_timer_at, archetype, namespace_id, workflow_id, run_id)
            WHERE next_timer_at IS NOT NULL;

        CREATE TABLE execution_items (
            shard_id INTEGER NOT NULL,
            archetype INTEGER NOT NULL,
            namespace_id TEXT NOT NULL,
            workflow_id TEXT NOT NULL,
            run_id TEXT NOT NULL,
            kind INTEGER NOT NULL,
            item_id TEXT NOT NULL,
            item BLOB NOT NULL,
            PRIMARY KEY (shard_id, archetype, namespace_id, workflow_id, run_id, kind, item_id)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE current_executions (
            shard_id INTEGER NOT NULL,
            archetype INTEGER NOT NULL,
            namespace_id TEXT NOT NULL,
            workflow_id TEXT NOT NULL,
            run_id TEXT NOT NULL,
            PRIMARY KEY (shard_id, archetype, namespace_id, workflow_id)
        ) STRICT, WITHOUT ROWID;

        -- Only workflows have a history.
        CREATE TABLE history_nodes (
            shard_id INTEGER NOT NULL,
            namespace_id TEXT NOT NULL,
            workflow_id TEXT NOT NULL,
            run_id TEXT NOT NULL,
            first_event_id INTEGER NOT NULL,
            last_event_id INTEGER NOT NULL,
            events BLOB NOT NULL,
            PRIMARY KEY (shard_id, namespace_id, workflow_id, run_id, first_event_id)
        ) STRICT;

        CREATE TABLE history_tasks (
            shard_id INTEGER NOT NULL,
            task_id INTEGER NOT NULL,
            task BLOB NOT NULL,
            PRIMARY KEY (shard_id, task_id)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE task_queues (
            namespace_id TEXT NOT NULL,
            name TEXT NOT NULL,
            task_type INTEGER NOT NULL,
            is_sticky INTEGER NOT NULL,
            range_id INTEGER NOT NULL,
            ack_level INTEGER NOT NULL,
            owner TEXT NOT NULL,
            PRIMARY KEY (namespace_id, name, task_type, is_sticky)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE task_queue_tasks (
            namespace_id TEXT NOT NULL,
            name TEXT NOT NULL,
            task_type INTEGER NOT NULL,
            is_sticky INTEGER NOT NULL,
            task_id INTEGER NOT NULL,
            task BLOB NOT NULL,
            PRIMARY KEY (namespace_id, name, task_type, is_sticky, task_id)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE executions_visibility (
            namespace_id TEXT NOT NULL,
            run_id TEXT NOT NULL,
            archetype INTEGER NOT NULL,
            division TEXT,
            workflow_id TEXT NOT NULL,
            workflow_type TEXT NOT NULL,
            task_queue TEXT NOT NULL,
            status INTEGER NOT NULL,
            start_at INTEGER NOT NULL,
            execution_at INTEGER NOT NULL,
            close_at INTEGER NOT NULL,
            history_length INTEGER NOT NULL,
            history_size_bytes INTEGER NOT NULL,
            state_transition_count INTEGER NOT NULL,
            parent_workflow_id TEXT,
            parent_run_id TEXT,
            root_workflow_id TEXT NOT NULL,
            root_run_id TEXT NOT NULL,
            search_attributes TEXT NOT NULL,
            memo BLOB NOT NULL,
            search_attribute_payloads BLOB NOT NULL,
            PRIMARY KEY (namespace_id, run_id)
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX executions_visibility_by_time ON executions_visibility
            (namespace_id, division, close_at DESC, start_at DESC, run_id);

        -- Each ends in list order, so that a page of matches is one range of it. Queries that name
        -- no division ask for the rows without one, or with a certain one.
        CREATE INDEX executions_visibility_by_workflow ON executions_visibility
            (namespace_id, division, workflow_id, close_at DESC, start_at DESC, run_id);
        CREATE INDEX executions_visibility_by_type ON executions_visibility
            (namespace_id, division, workflow_type, close_at DESC, start_at DESC, run_id);
        CREATE INDEX executions_visibility_by_status ON executions_visibility
            (namespace_id, division, status, close_at DESC, start_at DESC, run_id);
        """
    ]

    /// Brings the database to the newest version; changes nothing if it has it.
    static func migrate(
        _ connection: SQLiteConnection, path: String
    ) throws(SQLiteOpenError) {
        try self.execute("BEGIN IMMEDIATE", connection, path: path)
        // Nothing is left of the transaction if this throws: the connection is closed then.
        let found = try self.versionFound(connection, path: path)
        if found < self.version {
            for statements in self.migrations[found...] {
                try self.execute(statements, connection, path: path)
            }
            try self.execute(
                "PRAGMA application_id = \(self.applicationID)", connection, path: path)
            try self.execute("PRAGMA user_version = \(self.version)", connection, path: path)
        }
        try self.execute("COMMIT", connection, path: path)
    }

    /// The version of a database that is ours or empty, and not newer than this server.
    static func versionFound(
        _ connection: SQLiteConnection, path: String
    ) throws(SQLiteOpenError) -> Int {
        let found = try self.number("PRAGMA user_version", connection, path: path)
        let application = try self.number("PRAGMA application_id", connection, path: path)
        let tables = try self.number("SELECT count(*) FROM sqlite_schema", connection, path: path)
        let isEmpty = application == 0 && found == 0 && tables == 0
        guard isEmpty || application == self.applicationID, found >= 0 else {
            throw .foreignDatabase(path: path)
        }
        guard found <= self.version else {
            throw .newerSchema(path: path, found: found, known: self.version)
        }
        return found
    }

    private static func execute(
        _ sql: String, _ connection: SQLiteConnection, path: String
    ) throws(SQLiteOpenError) {
        do throws(SQLiteFailure) {
            try connection.execute(sql)
        } catch {
            throw SQLiteOpenError(error, path: path)
        }
    }

    private static func number(
        _ sql: String, _ connection: SQLiteConnection, path: String
    ) throws(SQLiteOpenError) -> Int {
        do throws(StoreError) {
            let number = try connection.first(sql) { (row) throws(StoreError) in
                try row.integer(0)
            }
            return Int(number ?? 0)
        } catch {
            throw .failed(path: path, reason: "\(error)")
        }
    }
}
