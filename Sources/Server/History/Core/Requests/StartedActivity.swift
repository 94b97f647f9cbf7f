import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// Ends or retries a started activity.
    ///
    /// With a `completer`, an activity named by its id need not be started: whoever completes it
    /// then counts as the one who took it.
    mutating func respond(
        _ reference: ActivityReference, completer: String? = nil, _ call: Call,
        _ effects: inout [Effect],
        _ change: (inout Transition, StoredActivity) throws(ServiceError) -> Void
    ) {
        guard
            let (run, activity) = self.startedActivity(
                reference, completer: completer, call, &effects)
        else { return }
        var transition = self.transition(of: run)
        do throws(ServiceError) {
            try change(&transition, activity)
        } catch {
            return self.refuse(call.id, error, seeing: run.state.key, &effects)
        }
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: run.state.key, &effects)
    }

    /// The activity a caller means, if it is with a worker; nil if the call has been refused or
    /// waits for its run.
    mutating func startedActivity(
        _ reference: ActivityReference, completer: String? = nil, _ call: Call,
        _ effects: inout [Effect]
    ) -> (CachedRun, StoredActivity)? {
        let runID: RunID
        switch reference {
        case .token(let token): runID = RunID(token.runID)
        case .id(let id, _): runID = id
        }
        guard let run = self.openRun(runID, for: call, &effects) else { return nil }
        if let activity = run.state.activity(reference) {
            if activity.isStarted { return (run, activity) }
            if let completer {
                // Completed by its id before any worker took it.
                var started = activity
                started.startedAt = self.now.nanoseconds
                started.startedIdentity = completer
                return (run, started)
            }
        }
        let error = run.state.activityNotFound(reference)
        self.refuse(call.id, error, seeing: run.state.key, &effects)
        return nil
    }
}

extension MutableState {
    /// The activity a caller means; one named by a token only if that attempt is with its worker.
    fileprivate func activity(_ reference: ActivityReference) -> StoredActivity? {
        switch reference {
        case .token(let token):
            let found =
                token.scheduledEventID != 0
                ? self.activities[token.scheduledEventID] : self.activity(named: token.activityID)
            guard let activity = found, activity.isStarted,
                token.scheduledEventID == 0
                    || (activity.startedAt == token.startedAt
                        // A reset counts the attempt anew without taking it away.
                        && (activity.attempt == token.attempt || activity.resetRequested))
            else { return nil }
            return activity
        case .id(_, let activityID):
            return self.activity(named: activityID)
        }
    }

    fileprivate func activityNotFound(_ reference: ActivityReference) -> ServiceError {
        if case .id(_, let activityID) = reference, self.activity(named: activityID) == nil {
            return .notFound(
                "cannot find pending activity with ActivityID \(activityID), check workflow execution history for more details"
            )
        }
        return .notFound(
            "invalid activityID or activity already timed out or invoking workflow is completed")
    }
}
