import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// Delivers a callback if it is due, as soon as there is a place for it.
    mutating func beginDelivery(_ taskID: Int64, _ effects: inout [Effect]) {
        guard self.deliveries.reserve(taskID, countMax: self.settings.callbackDeliveriesMax),
            let run = self.run(ofTask: taskID, then: .task(taskID), &effects)
        else { return }
        guard let number = self.callbackNumber(ofTask: taskID),
            let callback = run.state.callback(number), callback.state == .scheduled
        else { return self.finish(taskID) }
        guard
            self.deliveries.assign(
                taskID, to: callback.destination,
                countMax: self.settings.callbackDeliveriesPerDestinationMax)
        else { return }
        let request = CompletionRequest(
            callback, of: run.state, timeout: self.settings.callbackRequestTimeout)
        let close = run.state.info.nextEventID - 1
        if let event = self.event(close, of: run, for: taskID, &effects) {
            self.deliver(taskID, request, event, &effects)
        } else {
            self.completions[taskID] = request
        }
    }

    /// The event that ended the run of a delivery is there.
    mutating func closeEventRead(
        _ taskID: Int64, _ result: Result<[HistoryEvent], ServiceError>, _ effects: inout [Effect]
    ) {
        guard let request = self.completions.removeValue(forKey: taskID) else { return }
        guard case .success(let events) = result, let event = events.first else {
            return self.retry(taskID)
        }
        self.deliver(taskID, request, event, &effects)
    }

    private mutating func deliver(
        _ taskID: Int64, _ request: CompletionRequest, _ event: HistoryEvent,
        _ effects: inout [Effect]
    ) {
        if let delivery = request.delivery(event) {
            effects.append(.deliverCallback(taskID: taskID, delivery))
        } else {
            self.finish(taskID)
        }
    }

    /// An attempt has ended: takes it down, whatever has become of the run in memory meanwhile.
    mutating func callbackAnswered(
        _ taskID: Int64, _ outcome: CallbackOutcome, _ effects: inout [Effect]
    ) {
        guard self.phase == .serving, let number = self.callbackNumber(ofTask: taskID),
            let run = self.run(ofTask: taskID, then: .delivered(taskID, outcome), &effects)
        else { return }
        if run.state.callback(number)?.state == .scheduled {
            var transition = self.transition(of: run)
            transition.endAttempt(ofCallback: number, outcome)
            self.accept(transition, &effects)
        }
        self.finish(taskID)
    }

    /// Begins what waited for a place, as far as there are free ones.
    mutating func beginDeliveries(_ effects: inout [Effect]) {
        guard self.phase == .serving else { return }
        while let taskID = self.deliveries.next(
            countMax: self.settings.callbackDeliveriesMax,
            perDestination: self.settings.callbackDeliveriesPerDestinationMax)
        {
            self.begin(taskID, &effects)
        }
    }

    private func callbackNumber(ofTask taskID: Int64) -> Int? {
        guard case .deliverCallback(let id) = self.tasks[taskID]?.work else { return nil }
        return Int(id)
    }
}

extension StoredCallback {
    /// What it shares its fate with.
    fileprivate var destination: String {
        do throws(CallbackAddress.Flaw) {
            return try CallbackAddress(self.callback.nexus.url).destination
        } catch {
            return ""
        }
    }
}
