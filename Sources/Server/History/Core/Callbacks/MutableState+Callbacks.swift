import Primitives
import SwiftProtobuf
import TemporalAPI

extension MutableState {
    /// Takes in the callbacks an event brings.
    mutating func addCallbacks(
        _ new: [Temporal_Api_Common_V1_Callback], requestID: String, of event: HistoryEvent
    ) -> [RunItem.Changed] {
        for callback in new {
            self.callbacks.append(
                .with {
                    $0.id = String(self.callbacks.count + 1)
                    $0.callback = callback
                    $0.state = .standby
                    $0.registeredAt = Timestamp(event.eventTime).nanoseconds
                    $0.requestID = requestID
                })
        }
        return self.callbacks.suffix(new.count).map { .callback($0.number) }
    }

    /// The callback of this number; nil if there is none.
    func callback(_ number: Int) -> StoredCallback? {
        self.callbacks.indices.contains(number - 1) ? self.callbacks[number - 1] : nil
    }

    mutating func put(_ callback: StoredCallback) {
        self.callbacks[callback.number - 1] = callback
    }

    /// What the run that follows this one is to tell of its end in place of this one.
    var callbacksForSuccessor: [Temporal_Api_Common_V1_Callback] {
        self.callbacks.map(\.callback)
    }

    /// Why a request may not attach that many callbacks; nil if it may.
    func refusal(ofCallbacks count: Int, max countMax: Int) -> ServiceError? {
        guard self.callbacks.count + count > countMax else { return nil }
        return ServiceError(
            .failedPrecondition,
            "cannot attach more than \(countMax) callbacks to a workflow "
                + "(\(self.callbacks.count) callbacks already attached)")
    }
}

extension StoredCallback {
    /// What the event that brought it says; its attempts are not in history.
    var decidedByHistory: StoredCallback {
        .with {
            $0.id = self.id
            $0.callback = self.callback
            $0.registeredAt = self.registeredAt
            $0.requestID = self.requestID
        }
    }
}
