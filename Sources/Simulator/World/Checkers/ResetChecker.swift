import SwiftProtobuf
import TemporalAPI

/// Checks what a reset made of a run's history.
package struct ResetChecker {
    /// Of the run that was reset, after that.
    package let base: [HistoryEvent]
    /// Of the run that goes on, which may have gone on by now.
    package let new: [HistoryEvent]
    /// The end of the workflow task that is to be done again.
    package let point: Int64
    package let excluded: Set<ResetClient.ExcludeType>

    package init(
        base: [HistoryEvent], new: [HistoryEvent], point: Int64,
        excluded: Set<ResetClient.ExcludeType>
    ) {
        self.base = base
        self.new = new
        self.point = point
        self.excluded = excluded
    }

    /// - Returns: what is wrong; empty if nothing is.
    package func problems(_ baseID: String, _ newID: String) -> [String] {
        var problems: [String] = []
        let kept = self.base.filter { $0.eventID < self.point }.map(Self.unnumbered)
        let begun = self.new.map(Self.unnumbered)
        if let (new, old) = zip(begun, kept).first(where: { $0 != $1 }) {
            problems.append(
                "the new run begins with \(new.textFormatString()), "
                    + "the old one with \(old.textFormatString())")
        } else if begun.count < kept.count {
            problems.append("the new run has lost what the old one began with")
        }
        let failure = self.new.first { $0.eventID == self.point }
        let failed = failure?.workflowTaskFailedEventAttributes
        if failed?.cause != .resetWorkflow || failed?.baseRunID != baseID
            || failed?.newRunID != newID
        {
            problems.append("the new run goes on with \(failure?.eventType ?? .unspecified)")
        }
        let wanted = self.wanted
        let taken = self.taken
        // What was sent to the new run since comes behind that.
        if Array(taken.prefix(wanted.count)) != wanted
            || taken.dropFirst(wanted.count).contains(where: { $0.hasPrefix("update") })
        {
            problems.append("the new run took over \(taken) instead of \(wanted)")
        }
        return problems
    }

    /// An event without the number of the write that stored it: the new run is stored by itself.
    private static func unnumbered(_ event: HistoryEvent) -> HistoryEvent {
        var event = event
        event.taskID = 0
        return event
    }

    /// What happened behind the point and is to happen again.
    private var wanted: [String] {
        var wanted: [String] = []
        for event in self.base where event.eventID >= self.point {
            switch event.attributes {
            case .workflowExecutionSignaledEventAttributes(let signaled):
                if !self.excluded.contains(.signal) {
                    wanted.append("signal \(signaled.signalName) \(signaled.input.text)")
                }
            case .workflowExecutionUpdateAdmittedEventAttributes(let admitted):
                if !self.excluded.contains(.update) {
                    wanted.append("update \(admitted.request.meta.updateID)")
                }
            case .workflowExecutionUpdateAcceptedEventAttributes(let accepted):
                // Without the request it was admitted by an event before this one.
                if !self.excluded.contains(.update), accepted.hasAcceptedRequest {
                    wanted.append("update \(accepted.protocolInstanceID)")
                }
            default: break
            }
        }
        return wanted
    }

    /// What the new run has taken in from outside since the point.
    private var taken: [String] {
        self.new.filter { $0.eventID > self.point }.compactMap { event in
            switch event.attributes {
            case .workflowExecutionSignaledEventAttributes(let signaled):
                "signal \(signaled.signalName) \(signaled.input.text)"
            case .workflowExecutionUpdateAdmittedEventAttributes(let admitted):
                "update \(admitted.request.meta.updateID)"
            default: nil
            }
        }
    }
}
