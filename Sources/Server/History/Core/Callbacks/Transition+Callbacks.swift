import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension Transition {
    /// The run has closed: tells everybody who wants to know, if this is the end of its chain.
    mutating func triggerCallbacks() {
        guard !self.state.callbacks.isEmpty, self.state.info.resetRunID.isEmpty,
            let close = self.batches.last?.last, close.endsChain
        else { return }
        for number in 1...self.state.callbacks.count {
            self.changeCallback(number) { $0.runClosed() }
            self.deliverCallback(number)
        }
    }

    /// Takes down how an attempt ended.
    mutating func endAttempt(ofCallback number: Int, _ outcome: CallbackOutcome) {
        guard let callback = self.state.callback(number) else { return }
        let backoff = CallbackRetry.backoff(
            afterAttempt: callback.attempt + 1, initial: self.settings.callbackRetryIntervalInitial,
            longest: self.settings.callbackRetryIntervalMax, using: &self.generator)
        let now = self.now
        self.changeCallback(number) {
            $0.attemptEnded(outcome.end(backoff: backoff, now: now), at: now)
        }
    }

    /// The back-off of a callback is over.
    mutating func retryCallback(_ number: Int) {
        self.changeCallback(number) { $0.backOffEnded() }
        self.deliverCallback(number)
    }

    private mutating func deliverCallback(_ number: Int) {
        self.add { $0.deliverCallback = String(number) }
    }
}

extension HistoryEvent {
    /// Whether no run follows the one this event ends, as far as its callbacks are concerned: they
    /// do not wait for the next run of a cron schedule.
    var endsChain: Bool {
        switch self.attributes {
        case .workflowExecutionCompletedEventAttributes,
            .workflowExecutionCanceledEventAttributes,
            .workflowExecutionTerminatedEventAttributes:
            true
        case .workflowExecutionFailedEventAttributes(let attributes):
            attributes.retryState != .inProgress
        case .workflowExecutionTimedOutEventAttributes(let attributes):
            attributes.retryState != .inProgress
        default:
            false
        }
    }
}
