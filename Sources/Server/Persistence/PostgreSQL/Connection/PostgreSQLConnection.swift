import CPostgreSQL
import Glibc
import Persistence

/// A connection to a server; used by one thread at a time, which it keeps waiting.
///
/// Everything is sent in pipeline mode: the statements of a transaction leave together, and their
/// answers come back together. The transaction is the one that PostgreSQL makes of whatever comes
/// before a Sync message: the Sync commits it, an error undoes all of it.
final class PostgreSQLConnection: @unchecked Sendable {
    // Safe because each connection belongs to one thread: to the one that opens it, then to the
    // one it is handed to.
    private let handle: OpaquePointer
    private let counters: StoreCounters
    /// Names of the statements the server knows, by their text.
    private var prepared: [String: String] = [:]
    /// Names are given once: a transaction that failed may or may not have prepared its statements.
    private var namesGiven = 0
    /// Whether further transactions can be sent.
    private(set) var isUsable = true

    /// Takes over a connection that libpq has opened.
    init(_ handle: OpaquePointer, counters: StoreCounters) {
        self.handle = handle
        self.counters = counters
    }

    deinit { PQfinish(self.handle) }

    /// Runs `statements` as one transaction, in one round trip.
    func exchange(
        _ statements: [SQLStatement], until deadline: Deadline
    ) throws(ExchangeFailure) -> [SQLResult] {
        self.counters.exchanged(statements: statements.count)
        var commands: [Command] = []
        do throws(ExchangeFailure) {
            for statement in statements { try self.send(statement, &commands) }
            guard PQpipelineSync(self.handle) == 1 else { throw .notSent(self.errorMessage) }
            try self.flush(until: deadline)
            return try self.receive(commands, until: deadline)
        } catch {
            switch error {
            case .refused(let refusal):
                if refusal.spoilsConnection { self.isUsable = false }
            case .notSent, .lost: self.abandon()
            }
            throw error
        }
    }

    /// Ends the connection as a broken cable would.
    ///
    /// libpq says goodbye when it closes one, and before that it sends what still waits, such as
    /// the end of a transaction that has been given up.
    private func abandon() {
        self.isUsable = false
        _ = shutdown(PQsocket(self.handle), Int32(SHUT_RDWR))
    }

    /// Whether the other end has not hung up, as far as is known here.
    var isOpen: Bool {
        // Nobody asked anything: what has come is a notice, a parameter that changed, or the
        // server's last words, behind which the end shows at the next look only.
        for _ in 0..<8 {
            var descriptor = pollfd(fd: PQsocket(self.handle), events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 0) > 0 else { return true }
            guard PQconsumeInput(self.handle) == 1 else { return false }
            _ = PQisBusy(self.handle)
            guard PQstatus(self.handle) == CONNECTION_OK else { return false }
        }
        return false
    }

    /// What a result belongs to.
    private enum Command {
        case prepare(sql: String, name: String)
        case run
    }

    private func send(
        _ statement: SQLStatement, _ commands: inout [Command]
    ) throws(ExchangeFailure) {
        var name: String?
        if statement.isPrepared {
            name = try self.preparedName(of: statement, &commands)
        }
        let types = statement.parameters.map { Oid($0.type.rawValue) }
        let isSent = Self.withValues(statement.parameters) { values, lengths, formats in
            let count = Int32(statement.parameters.count)
            if let name {
                return PQsendQueryPrepared(
                    self.handle, name, count, values, lengths, formats, 1)
            }
            return PQsendQueryParams(
                self.handle, statement.sql, count, types, values, lengths, formats, 1)
        }
        guard isSent == 1 else { throw .notSent(self.errorMessage) }
        commands.append(.run)
    }

    /// The name of a statement, which is prepared on the way if the server does not know it.
    private func preparedName(
        of statement: SQLStatement, _ commands: inout [Command]
    ) throws(ExchangeFailure) -> String {
        if let name = self.prepared[statement.sql] { return name }
        for case .prepare(statement.sql, let name) in commands { return name }
        self.namesGiven += 1
        let name = "s\(self.namesGiven)"
        let types = statement.parameters.map { Oid($0.type.rawValue) }
        let code = PQsendPrepare(
            self.handle, name, statement.sql, Int32(types.count), types)
        guard code == 1 else { throw .notSent(self.errorMessage) }
        commands.append(.prepare(sql: statement.sql, name: name))
        return name
    }

    private static func withValues(
        _ parameters: [SQLParameter],
        _ body: (
            UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> Int32
    ) -> Int32 {
        // One buffer for all values, so that one call pins them. Never empty: no address is null.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(parameters.reduce(1) { $0 + ($1.bytes?.count ?? 0) })
        for parameter in parameters { bytes += parameter.bytes ?? [] }
        bytes.append(0)
        return bytes.withUnsafeBytes { buffer in
            var values: [UnsafePointer<CChar>?] = []
            var offset = 0
            for parameter in parameters {
                guard let count = parameter.bytes?.count, let base = buffer.baseAddress else {
                    values.append(nil)
                    continue
                }
                values.append((base + offset).assumingMemoryBound(to: CChar.self))
                offset += count
            }
            let lengths = parameters.map { Int32(clamping: $0.bytes?.count ?? 0) }
            return body(values, lengths, [Int32](repeating: 1, count: parameters.count))
        }
    }

    /// Hands everything to the kernel.
    private func flush(until deadline: Deadline) throws(ExchangeFailure) {
        while true {
            switch PQflush(self.handle) {
            case 0: return
            case 1:
                // The server may not read on before its answers are taken.
                guard self.wait(for: POLLIN | POLLOUT, until: deadline) else {
                    throw .notSent("the server takes no more")
                }
                guard PQconsumeInput(self.handle) == 1 else { throw .notSent(self.errorMessage) }
            default: throw .notSent(self.errorMessage)
            }
        }
    }

    private func receive(
        _ commands: [Command], until deadline: Deadline
    ) throws(ExchangeFailure) -> [SQLResult] {
        var results: [SQLResult] = []
        var refusal: SQLRefusal?
        var index = 0
        while true {
            try self.awaitResult(until: deadline)
            guard let handle = PQgetResult(self.handle) else {
                // Ends the results of one command, or of a commit that failed.
                index += 1
                guard index <= commands.count + 1, PQstatus(self.handle) == CONNECTION_OK else {
                    throw .lost(self.errorMessage)
                }
                continue
            }
            let result = SQLResult(handle)
            switch PQresultStatus(handle) {
            case PGRES_PIPELINE_SYNC:
                if let refusal { throw .refused(refusal) }
                return results
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
                guard index < commands.count else { throw .lost("an answer to nothing") }
                switch commands[index] {
                case .prepare(let sql, let name): self.prepared[sql] = name
                case .run: results.append(result)
                }
            case PGRES_PIPELINE_ABORTED: break
            default:
                guard PQstatus(self.handle) == CONNECTION_OK else {
                    throw .lost(self.errorMessage)
                }
                if refusal == nil { refusal = SQLRefusal(handle) }
            }
        }
    }

    /// Waits until libpq has a whole result.
    private func awaitResult(until deadline: Deadline) throws(ExchangeFailure) {
        while PQisBusy(self.handle) == 1 {
            guard self.wait(for: POLLIN, until: deadline) else {
                throw .lost("the server does not answer")
            }
            // An error shows in the result.
            if PQconsumeInput(self.handle) != 1, PQstatus(self.handle) != CONNECTION_OK { return }
        }
    }

    /// - Returns: false if the deadline passes first.
    private func wait(for events: Int32, until deadline: Deadline) -> Bool {
        var descriptor = pollfd(
            fd: PQsocket(self.handle), events: Int16(truncatingIfNeeded: events), revents: 0)
        while true {
            let count = poll(&descriptor, 1, deadline.pollTimeout)
            if count > 0 { return true }
            if count < 0, errno == EINTR { continue }
            return false
        }
    }

    private var errorMessage: String { Self.errorMessage(of: self.handle) }

    /// What libpq has to say, on one line; it never names a password.
    static func errorMessage(of handle: OpaquePointer?) -> String {
        let text = PQerrorMessage(handle).map { String(cString: $0) } ?? ""
        let lines = text.split(whereSeparator: \.isNewline)
        return lines.isEmpty ? "the connection is gone" : lines.joined(separator: " ")
    }
}

extension SQLRefusal {
    fileprivate init(_ result: OpaquePointer) {
        func field(_ name: Unicode.Scalar) -> String {
            PQresultErrorField(result, Int32(name.value)).map { String(cString: $0) } ?? ""
        }
        self.init(code: field("C"), message: field("M"))
    }
}
