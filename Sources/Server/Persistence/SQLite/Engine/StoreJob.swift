import Persistence
import Primitives

/// A call of a store on its way to a thread and back.
protocol StoreJob: AnyObject, Sendable {
    /// Does what was asked. If this throws, the caller undoes what was done of it; it may then be
    /// run again.
    func run(on connection: SQLiteConnection) throws(StoreError)
    /// Tells the caller: the result of ``run(on:)`` if `error` is nil.
    func finish(_ error: StoreError?)
}

final class PendingCall<Value: Sendable>: StoreJob, @unchecked Sendable {
    // Safe because the one thread that takes the job touches the value.
    private var value: Value?
    private let body: @Sendable (SQLiteConnection) throws(StoreError) -> Value
    private let caller: CheckedContinuation<Result<Value, StoreError>, Never>

    init(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> Value,
        caller: CheckedContinuation<Result<Value, StoreError>, Never>
    ) {
        self.body = body
        self.caller = caller
    }

    func run(on connection: SQLiteConnection) throws(StoreError) {
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
