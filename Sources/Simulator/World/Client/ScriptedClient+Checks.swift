import TemporalAPI

extension ScriptedClient {
    /// An acknowledged signal is there, and once if it was sent once.
    ///
    /// A run remembers the requests it took, its successor does not: a signal that had to be sent
    /// again, by the client or within the server, may be in two runs.
    package func checkSignals(_ histories: [[HistoryEvent]]) {
        var found: [String: Int] = [:]
        for event in histories.joined() {
            guard case .workflowExecutionSignaledEventAttributes(let signaled) = event.attributes
            else { continue }
            found[signaled.input.text, default: 0] += 1
        }
        for (signal, attempts) in self.acknowledged.sorted(by: { $0.key < $1.key }) {
            let count = found.removeValue(forKey: signal) ?? 0
            let isAsOften = count <= attempts || self.world.hasDoneUnknown
            if count < 1 || !isAsOften {
                self.world.fail(
                    "\(self.workflowID) has \(signal) \(count) times, sent \(attempts) times")
            }
        }
        for signal in found.keys.sorted() {
            self.world.fail("\(self.workflowID) has \(signal), which was never acknowledged")
        }
    }

    /// Each run but the first says which one it continues.
    package func checkChain(_ histories: [[HistoryEvent]]) {
        for (index, events) in histories.enumerated() {
            guard let start = events.first?.start else { continue }
            let previous = index > 0 ? self.runIDs[index - 1] : ""
            if start.continuedExecutionRunID != previous
                || start.firstExecutionRunID != self.runIDs[0]
            {
                self.world.fail("\(self.workflowID), run \(index + 1), continues another run")
            }
        }
    }
}
