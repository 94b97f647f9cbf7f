import Persistence

extension PostgreSQLConnection {
    /// Runs statements that change nothing and see one state of the database each.
    func read(
        _ statements: SQLStatement..., until deadline: Deadline
    ) throws(StoreError) -> [SQLResult] {
        do throws(ExchangeFailure) {
            return try self.exchange(statements, until: deadline)
        } catch {
            throw error.readError
        }
    }

    /// Runs statements that change something, all of them or none.
    ///
    /// `refused` gives a condition that was not met its meaning.
    func write(
        _ statements: [SQLStatement], until deadline: Deadline,
        refused: (SQLRefusal) -> StoreError? = { _ in nil }
    ) throws(StoreError) -> [SQLResult] {
        do throws(ExchangeFailure) {
            return try self.exchange(statements, until: deadline)
        } catch {
            if case .refused(let refusal) = error, let meaning = refused(refusal) { throw meaning }
            throw error.writeError
        }
    }
}
