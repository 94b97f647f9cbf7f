import TemporalAPI

extension HistoryEvent {
    /// Which activity this event ends, and how in the words of ``ActivityScript/outcome``; nil if
    /// it ends none.
    var activityEnd: (scheduledEventID: Int64, outcome: String)? {
        switch self.attributes {
        case .activityTaskCompletedEventAttributes(let completed):
            return (completed.scheduledEventID, completed.result.text)
        case .activityTaskFailedEventAttributes(let failed):
            let isRefused = failed.failure.applicationFailureInfo.nonRetryable
            return (failed.scheduledEventID, isRefused ? "refused" : "exhausted")
        case .activityTaskTimedOutEventAttributes(let timedOut):
            return (timedOut.scheduledEventID, "exhausted")
        case .activityTaskCanceledEventAttributes(let canceled):
            return (canceled.scheduledEventID, "canceled")
        default:
            return nil
        }
    }
}
