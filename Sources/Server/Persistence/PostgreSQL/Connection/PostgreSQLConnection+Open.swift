import CPostgreSQL
import Glibc
import Persistence

/// Why no connection was opened.
struct ConnectFailure: Error, Sendable {
    let reason: String
}

/// What a server says of itself when a connection is opened.
struct ServerGreeting: Sendable {
    /// 150004 is 15.4.
    let version: Int32
    let encoding: String
    /// Whether commits reach the disk.
    let isSyncing: Bool
}

extension PostgreSQLConnection {
    /// Connects, which may take ``PostgreSQLOptions/connectTimeout`` for each address.
    static func open(
        _ options: PostgreSQLOptions, statementTimeout: Duration, counters: StoreCounters
    ) throws(ConnectFailure) -> (PostgreSQLConnection, ServerGreeting) {
        var parameters = options.parameters
        do throws(PostgreSQLOptions.PasswordUnavailable) {
            parameters["password"] = try options.password()
        } catch {
            throw ConnectFailure(reason: error.reason)
        }
        parameters["connect_timeout"] = "\(max(options.connectTimeout.components.seconds, 2))"
        parameters["client_encoding"] = "UTF8"
        parameters.merge(self.liveness) { own, _ in own }
        guard let handle = self.connect(parameters) else {
            throw ConnectFailure(reason: "out of memory")
        }
        let connection = PostgreSQLConnection(handle, counters: counters)
        guard PQstatus(handle) == CONNECTION_OK else {
            throw ConnectFailure(reason: self.errorMessage(of: handle))
        }
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else {
            throw ConnectFailure(reason: self.errorMessage(of: handle))
        }
        let greeting = try connection.greet(options, statementTimeout: statementTimeout)
        return (connection, greeting)
    }

    /// A dead server is noticed within half a minute, whether anything is being sent or not.
    private static let liveness = [
        "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3",
        "tcp_user_timeout": "15000", "application_name": "temporal-server",
    ]

    private static func connect(_ parameters: [String: String]) -> OpaquePointer? {
        let sorted = parameters.sorted { $0.key < $1.key }
        let keys = sorted.map { strdup($0.key) }, values = sorted.map { strdup($0.value) }
        defer { for text in keys + values { free(text) } }
        return PQconnectdbParams(
            keys.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil], 0)
    }

    /// Prepares the session for what this store counts on.
    private func greet(
        _ options: PostgreSQLOptions, statementTimeout: Duration
    ) throws(ConnectFailure) -> ServerGreeting {
        var settings = Self.sessionSettings
        settings["statement_timeout"] =
            "\(statementTimeout.components.seconds * 1_000)"
        settings.merge(options.sessionSettings) { _, asked in asked }
        var values: [SQLParameter] = [], calls: [String] = []
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
            values += [.text(name), .text(value)]
            calls.append("set_config($\(values.count - 1), $\(values.count), false)")
        }
        // Acknowledged is durable: a server that answers earlier by default must not do so here.
        let durable =
            "SELECT set_config('synchronous_commit', 'on', false) "
            + "WHERE current_setting('synchronous_commit') = 'off'"
        let greeting =
            "SELECT current_setting('server_version_num')::int4, "
            + "current_setting('server_encoding'), current_setting('fsync')::bool"
        let setting = "SELECT \(calls.joined(separator: ", "))"
        do throws(ExchangeFailure) {
            let results = try self.exchange(
                [
                    SQLStatement(setting, values, isPrepared: false),
                    SQLStatement(durable, [], isPrepared: false),
                    SQLStatement(greeting, [], isPrepared: false),
                ], until: Deadline(in: options.connectTimeout))
            return try ServerGreeting(results[2])
        } catch {
            throw ConnectFailure(reason: "\(error.readError)")
        }
    }

    private static let sessionSettings = [
        // A writer waits for another one's lock and then goes on from what that one has written.
        "default_transaction_isolation": "read committed",
        // The one good plan finds each row by its key. Planned while a table is small, statements
        // would read all of it, and keep doing so when it has grown.
        "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
        "plan_cache_mode": "force_generic_plan", "jit": "off",
        // A client that vanishes in the middle of a transaction must not keep its shard locked.
        "tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
        "tcp_user_timeout": "15000",
    ]
}

extension ServerGreeting {
    fileprivate init(_ result: SQLResult) throws(ExchangeFailure) {
        do throws(StoreError) {
            guard let row = result.first else { throw .corrupt("the server did not say who it is") }
            self.init(
                version: try row.int4(0), encoding: try row.text(1), isSyncing: try row.bool(2))
        } catch {
            throw .lost("\(error)")
        }
    }
}
