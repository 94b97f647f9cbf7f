import Persistence

/// Does the writes: everything that waits goes into one transaction, and so into one sync of the
/// disk.
///
/// Nearly always all of them succeed. If one does not, the transaction is rolled back and done
/// again with a savepoint for each write, so that the one which fails leaves the others alone;
/// savepoints cost too much to have them always.
///
/// Callers hear of their outcome, good or bad, after the commit: a condition may have failed
/// because of another write of the same transaction.
struct StoreWriter {
    private struct Outcome {
        let job: any StoreJob
        let error: StoreError?
    }

    let connection: SQLiteConnection
    let counters: StoreCounters

    func run(_ jobs: [any StoreJob]) {
        guard self.begin(jobs) else { return }
        if self.applyTogether(jobs) {
            self.finish(jobs.map { Outcome(job: $0, error: nil) })
            return
        }
        if self.connection.isInTransaction { self.abandon() }
        guard self.begin(jobs) else { return }
        var outcomes: [Outcome] = []
        for job in jobs {
            outcomes.append(Outcome(job: job, error: self.applyApart(job)))
            guard self.connection.isInTransaction else { return self.lose(jobs, outcomes) }
        }
        self.finish(outcomes)
    }

    private func begin(_ jobs: [any StoreJob]) -> Bool {
        do throws(SQLiteFailure) {
            try self.connection.execute("BEGIN IMMEDIATE")
            return true
        } catch {
            for job in jobs { job.finish(error.storeError) }
            return false
        }
    }

    /// - Returns: false if a write failed; the transaction must then be rolled back.
    private func applyTogether(_ jobs: [any StoreJob]) -> Bool {
        do throws(StoreError) {
            for job in jobs { try job.run(on: self.connection) }
            return true
        } catch {
            return false
        }
    }

    /// - Returns: why nothing of `job` is in the transaction; nil if all of it is.
    private func applyApart(_ job: any StoreJob) -> StoreError? {
        do throws(StoreError) {
            try self.connection.run("SAVEPOINT batch")
            try job.run(on: self.connection)
            try self.connection.run("RELEASE batch")
            return nil
        } catch {
            // After an error of the disk SQLite may have given up the whole transaction.
            if self.connection.isInTransaction { self.undo() }
            return error
        }
    }

    /// Undoes one write, or if that is impossible the whole transaction.
    private func undo() {
        do throws(StoreError) {
            try self.connection.run("ROLLBACK TO batch")
            try self.connection.run("RELEASE batch")
        } catch {
            self.abandon()
        }
    }

    private func finish(_ outcomes: [Outcome]) {
        let appliedCount = outcomes.count { $0.error == nil }
        if let error = self.end(hasChanges: appliedCount > 0) {
            for outcome in outcomes {
                // A condition that failed may have failed for what was not committed.
                outcome.job.finish(
                    outcome.error == nil
                        ? error : .unavailable("the transaction was not committed"))
            }
            return
        }
        if appliedCount > 0 { self.counters.committed(batches: appliedCount) }
        for outcome in outcomes { outcome.job.finish(outcome.error) }
    }

    private func end(hasChanges: Bool) -> StoreError? {
        do throws(SQLiteFailure) {
            try self.connection.execute(hasChanges ? "COMMIT" : "ROLLBACK")
            return nil
        } catch {
            if self.connection.isInTransaction { self.abandon() }
            return hasChanges ? error.commitError : error.storeError
        }
    }

    /// Rolls the transaction back; should even that fail, the next BEGIN will say so.
    private func abandon() {
        do throws(SQLiteFailure) { try self.connection.execute("ROLLBACK") } catch { return }
    }

    /// The transaction is gone with the last of `outcomes`, and everything in it.
    private func lose(_ jobs: [any StoreJob], _ outcomes: [Outcome]) {
        for (index, job) in jobs.enumerated() {
            let own = index == outcomes.count - 1 ? outcomes[index].error : nil
            job.finish(own ?? .unavailable("the transaction was rolled back"))
        }
    }
}
