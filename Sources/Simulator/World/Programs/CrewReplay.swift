import SwiftProtobuf
import TemporalAPI

/// One activity of a crew: its id, its type and what it does.
package struct CrewMember: Equatable, Sendable {
    package let id: String
    package let type: String
    package let script: ActivityScript

    package init(id: String, type: String, script: ActivityScript) {
        self.id = id
        self.type = type
        self.script = script
    }

    /// Its form as a line of its workflow's input.
    var text: String { "\(self.id) \(self.type) \(self.script.text)" }

    init?(text: Substring) {
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count == 3, let script = ActivityScript(text: String(words[2])) else {
            return nil
        }
        self.init(id: String(words[0]), type: String(words[1]), script: script)
    }
}

/// A workflow that starts all its activities at once, and says how they ended when all have.
struct CrewReplay: WorkflowReplay {
    private let members: [CrewMember]
    private let taskQueue: String
    /// By their scheduled events.
    private var ids: [Int64: String] = [:]
    private var outcomes: [String: String] = [:]

    init?(events: [HistoryEvent]) {
        guard let start = events.first?.start else { return nil }
        self.members = start.input.text.split(separator: "\n").compactMap(CrewMember.init)
        self.taskQueue = start.taskQueue.name
        for event in events {
            if case .activityTaskScheduledEventAttributes(let scheduled) = event.attributes {
                self.ids[event.eventID] = scheduled.activityID
            } else if let end = event.activityEnd, let id = self.ids[end.scheduledEventID] {
                self.outcomes[id] = end.outcome
            }
        }
    }

    var queryAnswer: String { "\(self.outcomes.count)" }

    func commands() -> [Command] {
        guard !self.ids.isEmpty else {
            return self.members.map {
                .schedule($0.script, $0.id, type: $0.type, taskQueue: self.taskQueue)
            }
        }
        let outcomes = self.members.compactMap { self.outcomes[$0.id] }
        guard outcomes.count == self.members.count else { return [] }
        return [
            .with {
                $0.commandType = .completeWorkflowExecution
                $0.completeWorkflowExecutionCommandAttributes.result = Payloads(
                    text: outcomes.joined(separator: ", "))
            }
        ]
    }
}
