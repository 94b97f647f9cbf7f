import Persistence

/// Why a transaction was not carried out as asked.
enum ExchangeFailure: Error, Equatable, Sendable {
    /// The server refused a statement; nothing was written, and the connection goes on.
    case refused(SQLRefusal)
    /// The connection was lost before the transaction had left whole; nothing was written.
    case notSent(String)
    /// The connection was lost afterwards: the transaction may have been committed.
    case lost(String)
}

/// A statement the server did not carry out.
struct SQLRefusal: Equatable, Sendable {
    /// The SQLSTATE code.
    let code: String
    let message: String

    /// Conditions of our own writes, raised by the function `temporal_refuse`.
    enum Condition: String, Sendable {
        case ownershipLost = "TP001"
        case historyExists = "TP002"
        case runVersion = "TP003"
        case currentRun = "TP004"
        case taskExists = "TP005"
        case backlogOrder = "TP006"
    }

    var condition: Condition? { Condition(rawValue: self.code) }

    /// Which row did not meet the condition, counted from 0; nil if two rows of the same write
    /// are at odds.
    var index: Int? { Int(self.message).flatMap { $0 > 0 ? $0 - 1 : nil } }

    static let uniqueViolation = "23505"

    /// Whether a new connection may do what this one cannot: it lacks prepared statements or has
    /// plans for other tables, or its server has become one that takes no writes.
    var spoilsConnection: Bool {
        ["26000", "0A000", "42P05", "25006"].contains(self.code)
    }

    /// This refusal, if it has no meaning for who asked.
    var storeError: StoreError {
        if self.condition == .ownershipLost { return .ownershipLost }
        // Class XX: internal errors, most of which are damaged pages.
        return self.code == "XX001" || self.code == "XX002"
            ? .corrupt(self.text) : .unavailable(self.text)
    }

    private var text: String { "\(self.message) (\(self.code))" }
}

extension ExchangeFailure {
    /// Whether nothing was written for certain.
    var isHarmless: Bool {
        switch self {
        case .refused, .notSent: true
        case .lost: false
        }
    }

    /// This failure of a transaction that only reads.
    var readError: StoreError {
        switch self {
        case .refused(let refusal): refusal.storeError
        case .notSent(let reason), .lost(let reason): .unavailable(reason)
        }
    }

    /// This failure of a transaction that writes.
    var writeError: StoreError {
        switch self {
        case .refused(let refusal): refusal.storeError
        case .notSent(let reason): .unavailable(reason)
        case .lost(let reason): .unknownOutcome(reason)
        }
    }
}
