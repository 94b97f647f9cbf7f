extension ServerConfiguration {
    mutating func readPersistence(_ section: SectionReader) {
        var section = section
        let shards = section.int("numHistoryShards", 1...Self.shardCountMax)
        self.shardCount = shards.map(Int32.init) ?? Self.shardCountDefault
        let main = section.located("defaultStore")
        let visibility = section.located("visibilityStore")
        section.refuse("secondaryVisibilityStore", "advancedVisibilityStore", "faultInjection")
        section.ignore("transactionSizeLimit")
        var stores: [String: Database?] = [:]
        if var datastores = section.section("datastores") {
            for (name, store) in datastores.namedSections() {
                let isUsed = name == main?.value || name == visibility?.value
                stores[name] = .some(Self.readStore(store, isUsed: isUsed))
            }
        }
        guard let main else {
            section.problem("\(section.name("defaultStore")) is missing")
            section.finish()
            return
        }
        if let named = stores[main.value] {
            self.database = named ?? self.database
        } else {
            section.problem(
                "\(section.name("defaultStore")) names \(main.value), "
                    + "which is not one of \(section.name("datastores"))")
        }
        if let visibility { self.checkVisibility(visibility.value, stores, section) }
        section.finish()
    }

    private func checkVisibility(
        _ name: String, _ stores: [String: Database?], _ section: SectionReader
    ) {
        let key = section.name("visibilityStore")
        guard let named = stores[name] else {
            section.problem(
                "\(key) names \(name), which is not one of \(section.name("datastores"))")
            return
        }
        guard let database = named, database != self.database else { return }
        if case .postgreSQL = self.database {
            section.warning(
                "\(key) is not used: a workflow and its visibility record are written together, "
                    + "to \(section.name("defaultStore"))")
        } else {
            section.problem(
                "\(key) must be the same database as \(section.name("defaultStore")): "
                    + "a workflow and its visibility record are written together")
        }
    }

    /// What a datastore is; nil after a problem, or if nobody uses it.
    private static func readStore(_ store: SectionReader, isUsed: Bool) -> Database? {
        var store = store
        guard isUsed else { return nil }
        let sql = store.section("sql")
        store.refuse("cassandra", "elasticsearch", "customDatastore")
        store.finish()
        guard let sql else { return nil }
        return self.readSQL(sql)
    }

    private static func readSQL(_ section: SectionReader) -> Database? {
        var section = section
        let plugin = section.located("pluginName")
        switch plugin?.value {
        case "sqlite": break
        case "postgres12", "postgres12_pgx", "postgres":
            return PostgreSQLDatastore(section).map { .postgreSQL($0) }
        case "mysql8":
            section.problem(
                "\(section.name("pluginName")): mysql8 is not built yet; use sqlite or postgres12")
            return nil
        default:
            section.problem(
                "\(section.name("pluginName")) takes one of sqlite, postgres12, postgres12_pgx, "
                    + "postgres")
            return nil
        }
        // What only servers of other databases need.
        section.ignore(
            "connectAddr", "connectProtocol", "user", "password", "passwordCommand", "maxConns",
            "maxIdleConns", "maxConnLifetime", "taskScanPartitions", "tls")
        let name = section.string("databaseName") ?? ""
        let isEphemeral = section.section("connectAttributes").map(Self.readAttributes) ?? false
        section.finish()
        if isEphemeral { return .ephemeral }
        guard !name.isEmpty else {
            section.problem("\(section.name("databaseName")) is missing: the path of the file")
            return nil
        }
        return .file(name)
    }

    /// Whether the database is in memory.
    private static func readAttributes(_ section: SectionReader) -> Bool {
        var section = section
        let isEphemeral =
            section.choice("mode", ["": false, "memory": true, "rwc": false, "rw": false]) ?? false
        _ = section.choice("journal_mode", ["": (), "wal": (), "WAL": ()])
        // Tables are always made, readers share nothing, commits are always synced.
        section.ignore("setup", "cache", "busy_timeout", "synchronous", "mutex")
        section.finish()
        return isEphemeral
    }
}
