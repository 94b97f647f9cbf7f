import SwiftProtobuf
import TemporalAPI

/// Decides what a workflow does next, from the events of its run alone.
protocol WorkflowReplay {
    /// Fails if the events are not those of such a workflow.
    init?(events: [HistoryEvent])

    /// The commands that answer a workflow task with these events.
    func commands() -> [Command]

    /// What answers a workflow task with these events that brings `messages` along.
    func answer(to messages: [ProtocolMessage]) -> WorkflowTaskAnswer

    /// The answer to every query.
    var queryAnswer: String { get }
}

extension WorkflowReplay {
    /// Most workflows take no updates, and say nothing to messages.
    func answer(to messages: [ProtocolMessage]) -> WorkflowTaskAnswer {
        WorkflowTaskAnswer(commands: self.commands())
    }
}

/// The workflows a scripted worker knows.
enum WorkflowReplays {
    static func replay(_ events: [HistoryEvent]) -> (any WorkflowReplay)? {
        guard case .workflowExecutionStartedEventAttributes(let start) = events.first?.attributes
        else { return nil }
        return switch start.workflowType.name {
        case "program": ProgramReplay(events: events)
        case "idler": IdlerReplay(events: events)
        case "crew": CrewReplay(events: events)
        case "updatable": UpdatableReplay(events: events)
        case "parent": ParentReplay(events: events)
        case "child": ChildReplay(events: events)
        case "blunderer": BlundererReplay(events: events)
        default: nil
        }
    }
}

extension HistoryEvent {
    /// The attributes of a run's first event; nil for others.
    package var start: Temporal_Api_History_V1_WorkflowExecutionStartedEventAttributes? {
        guard case .workflowExecutionStartedEventAttributes(let start) = self.attributes else {
            return nil
        }
        return start
    }
}
