import Glibc
import Persistence
import Primitives

/// One thread's connection: opened when it is needed, replaced when it is lost or old.
struct ConnectionKeeper {
    private let options: PostgreSQLOptions
    private let statementTimeout: Duration
    private let counters: StoreCounters
    private let open: OpenConnections
    private var connection: PostgreSQLConnection?
    private var expiry: Deadline?
    /// When the connection has been idle so long that it is asked whether it still works.
    private var trustedUntil = Deadline(in: .zero)
    private var backOff: BackOff
    /// Why there is no connection.
    private var lastFailure: String?

    /// Connections that were idle for less are taken for good.
    private static let trust = Duration.seconds(30)

    init(
        _ options: PostgreSQLOptions, statementTimeout: Duration, counters: StoreCounters,
        open: OpenConnections, generator: SeededGenerator
    ) {
        self.options = options
        self.statementTimeout = statementTimeout
        self.counters = counters
        self.open = open
        self.backOff = BackOff(generator: generator)
    }

    var isConnected: Bool { self.connection != nil }

    /// A connection that works as far as one can tell.
    mutating func ready(
        until deadline: Deadline
    ) throws(StoreError) -> PostgreSQLConnection {
        if let connection = self.connection {
            if self.isGood(connection) {
                self.trustedUntil = Deadline(in: Self.trust)
                return connection
            }
            self.drop()
        }
        while true {
            // Who has waited long enough does not wait for another attempt.
            if self.lastFailure == nil || !deadline.hasPassed {
                do throws(ConnectFailure) {
                    return try self.connect()
                } catch {
                    self.lastFailure = error.reason
                }
            }
            let pause = self.backOff.next()
            guard pause < deadline.remaining else {
                throw .unavailable("no connection to the database: \(self.lastFailure ?? "")")
            }
            usleep(UInt32(clamping: pause.microseconds))
        }
    }

    /// Closes the connection.
    mutating func drop() {
        guard self.connection != nil else { return }
        self.connection = nil
        self.open.closed()
    }

    private mutating func connect() throws(ConnectFailure) -> PostgreSQLConnection {
        let (connection, _) = try PostgreSQLConnection.open(
            self.options, statementTimeout: self.statementTimeout, counters: self.counters)
        self.backOff.reset()
        self.lastFailure = nil
        self.connection = connection
        self.expiry = self.options.connectionLifetime.map { Deadline(in: $0) }
        self.trustedUntil = Deadline(in: Self.trust)
        self.open.opened()
        return connection
    }

    private func isGood(_ connection: PostgreSQLConnection) -> Bool {
        guard connection.isUsable, self.expiry?.hasPassed != true, connection.isOpen else {
            return false
        }
        guard self.trustedUntil.hasPassed else { return true }
        // What would fail now is only a question; later it would be a commit of unknown outcome.
        do throws(ExchangeFailure) {
            _ = try connection.exchange(
                [SQLStatement("SELECT 1", [])], until: Deadline(in: self.options.connectTimeout))
            return true
        } catch {
            return false
        }
    }
}

/// How long to wait before the next attempt: twice as long each time, and never quite as long as
/// others do.
package struct BackOff: Sendable {
    private static let first = Duration.milliseconds(20)
    private static let max = Duration.seconds(2)

    private var generator: SeededGenerator
    private var pause = Self.first

    package init(generator: SeededGenerator) { self.generator = generator }

    package mutating func next() -> Duration {
        defer { self.pause = min(self.pause * 2, Self.max) }
        return self.pause * Double.random(in: 0.5..<1, using: &self.generator)
    }

    package mutating func reset() { self.pause = Self.first }
}

extension Duration {
    fileprivate var microseconds: Int64 {
        self.components.seconds * 1_000_000 + self.components.attoseconds / 1_000_000_000_000
    }
}
