import Persistence
import Primitives

/// A call of a store on its way to a thread and back.
protocol StoreCall: AnyObject, Sendable {
    /// When the caller gives up waiting for a connection.
    var deadline: Deadline { get }
    /// Does what was asked. May be run again after ``StoreError/unavailable(_:)``, which says that
    /// nothing was written.
    func run(on connection: PostgreSQLConnection) throws(StoreError)
    /// Tells the caller: the result of ``run(on:)`` if `error` is nil.
    func finish(_ error: StoreError?)
}

final class PendingCall<Value: Sendable>: StoreCall, @unchecked Sendable {
    // Safe because the one thread that takes the call touches the value.
    private var value: Value?
    private let body: @Sendable (PostgreSQLConnection) throws(StoreError) -> Value
    private let caller: CheckedContinuation<Result<Value, StoreError>, Never>
    let deadline: Deadline

    init(
        _ body: @escaping @Sendable (PostgreSQLConnection) throws(StoreError) -> Value,
        deadline: Deadline, caller: CheckedContinuation<Result<Value, StoreError>, Never>
    ) {
        self.body = body
        self.deadline = deadline
        self.caller = caller
    }

    func run(on connection: PostgreSQLConnection) throws(StoreError) {
        self.value = try self.body(connection)
    }

    func finish(_ error: StoreError?) {
        if let error {
            self.caller.resume(returning: .failure(error))
        } else if let value = self.value {
            self.caller.resume(returning: .success(value))
        } else {
            invariantFailure("a store call finished before it ran")
        }
    }
}

/// A batch of a shard that waits to be committed.
struct PendingCommit: Sendable {
    let write: ShardWrite
    let deadline: Deadline
    let caller: CheckedContinuation<Result<Void, StoreError>, Never>

    func finish(_ error: StoreError?) {
        self.caller.resume(returning: error.map { .failure($0) } ?? .success(()))
    }
}

/// What a shard's owner wants to be written.
struct ShardWrite: Sendable {
    let shard: ShardID
    let range: RangeID
    let batch: ShardBatch
}
