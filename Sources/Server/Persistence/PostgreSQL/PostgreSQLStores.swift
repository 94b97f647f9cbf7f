import Persistence
import Primitives

/// Every store, in one PostgreSQL database.
///
/// A write returns when the server has committed it. Several processes may use a database at the
/// same time: range ids keep them from writing the same shard.
package final class PostgreSQLStores: Stores {
    package let counters: StoreCounters
    let engine: PostgreSQLEngine
    let exchangeTimeout: Duration

    /// Connects, and checks the tables or, if `migrates`, brings them to the newest version.
    ///
    /// Waits for the database; meant to be called once, at the start of a process.
    package static func open(
        _ options: PostgreSQLOptions, migrates: Bool = true
    ) async throws(PostgreSQLOpenError) -> PostgreSQLStores {
        try await SchemaCommand.run(migrates ? .migrate : .check, options)
        return PostgreSQLStores(options)
    }

    private init(_ options: PostgreSQLOptions) {
        self.counters = StoreCounters()
        self.engine = PostgreSQLEngine(options, counters: self.counters)
        self.exchangeTimeout = options.exchangeTimeout
    }

    deinit { self.engine.stop() }

    /// How many connections are open.
    package var connectionCount: Int { self.engine.open.current }

    /// Finishes the calls that wait, refuses later ones, and closes the connections.
    package func close() async { await self.engine.close() }

    /// A call that only reads.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (PostgreSQLConnection, Deadline) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        self.counters.hasRead()
        let timeout = self.exchangeTimeout
        return try await self.engine.call { (connection) throws(StoreError) in
            try body(connection, Deadline(in: timeout))
        }
    }

    /// A call that reads lists.
    func list<Value: Sendable>(
        _ body: @escaping @Sendable (PostgreSQLConnection, Deadline) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        self.counters.hasRead()
        let timeout = self.exchangeTimeout
        return try await self.engine.list { (connection) throws(StoreError) in
            try body(connection, Deadline(in: timeout))
        }
    }

    /// A call that writes, in a transaction of its own.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (PostgreSQLConnection, Deadline) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let counters = self.counters, timeout = self.exchangeTimeout
        return try await self.engine.call { (connection) throws(StoreError) in
            let value = try body(connection, Deadline(in: timeout))
            counters.committed(batches: 1)
            return value
        }
    }
}
