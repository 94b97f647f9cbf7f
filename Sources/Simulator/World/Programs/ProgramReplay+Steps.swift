import FoundationEssentials
import Primitives
import SwiftProtobuf
import TemporalAPI

extension ProgramReplay {
    /// Whether a step is over; what it still has to do is appended to `commands`.
    func isOver(
        _ step: ProgramStep, _ id: String, _ outcomes: inout [String],
        _ commands: inout [Command]
    ) -> Bool {
        switch step {
        case .activity(let script):
            return self.isOver(script, "activity \(id)", &outcomes, &commands)
        case .timer(let duration):
            return self.isOver(duration, "timer \(id)", &commands)
        case .both(let script, let duration):
            // Both are looked at, so that both begin.
            let isActivityOver = self.isOver(script, "activity \(id)", &outcomes, &commands)
            return self.isOver(duration, "timer \(id)", &commands) && isActivityOver
        case .signals(let count):
            return self.signals.count >= count
        case .marker, .attribute, .memo:
            if !self.isNoted(step, id) { commands.append(self.note(step, id)) }
            return true
        case .race(let first, let second):
            return self.isRaceOver(first, second, id, &commands)
        case .cancelled(let script, let after):
            return self.isCancelledOver(script, after, id, &outcomes, &commands)
        }
    }

    private func isOver(
        _ script: ActivityScript, _ id: String, _ outcomes: inout [String],
        _ commands: inout [Command]
    ) -> Bool {
        guard let activity = self.activities[id] else {
            commands.append(self.schedule(script, id))
            return false
        }
        guard let end = activity.end else { return false }
        outcomes.append(end)
        return true
    }

    private func isOver(_ duration: Duration, _ id: String, _ commands: inout [Command]) -> Bool {
        if self.timers[id] == nil { commands.append(self.startTimer(id, duration)) }
        return self.timers[id] == .over
    }

    private func isRaceOver(
        _ first: Duration, _ second: Duration, _ id: String, _ commands: inout [Command]
    ) -> Bool {
        let (firstID, secondID) = ("timer \(id)", "other timer \(id)")
        let isFirstOver = self.isOver(first, firstID, &commands)
        let isSecondOver = self.isOver(second, secondID, &commands)
        guard isFirstOver else { return false }
        if !isSecondOver { commands.append(self.cancelTimer(secondID)) }
        return true
    }

    private func isCancelledOver(
        _ script: ActivityScript, _ after: Duration, _ id: String, _ outcomes: inout [String],
        _ commands: inout [Command]
    ) -> Bool {
        var ends: [String] = []
        let isActivityOver = self.isOver(script, "activity \(id)", &ends, &commands)
        let isTimerOver = self.isOver(after, "timer \(id)", &commands)
        if isTimerOver, let activity = self.activities["activity \(id)"], activity.end == nil,
            !activity.isCancelRequested
        {
            commands.append(self.requestCancel(activity))
        }
        guard isActivityOver, isTimerOver else { return false }
        outcomes.append("stopped")
        return true
    }

    // What only leaves a note.

    private func isNoted(_ step: ProgramStep, _ id: String) -> Bool {
        switch step {
        case .marker: self.markers.contains("marker \(id)")
        case .attribute(let value): self.attributes.contains("\(value) \(id)")
        case .memo(let value): self.memos.contains("\(value) \(id)")
        default: true
        }
    }

    private func note(_ step: ProgramStep, _ id: String) -> Command {
        .with {
            switch step {
            case .attribute(let value):
                $0.commandType = .upsertWorkflowSearchAttributes
                $0.upsertWorkflowSearchAttributesCommandAttributes.searchAttributes
                    .indexedFields[WorkflowProgram.attribute] = .json("\(value) \(id)")
            case .memo(let value):
                $0.commandType = .modifyWorkflowProperties
                $0.modifyWorkflowPropertiesCommandAttributes.upsertedMemo
                    .fields[WorkflowProgram.memo] = .json("\(value) \(id)")
            default:
                $0.commandType = .recordMarker
                $0.recordMarkerCommandAttributes.markerName = "marker \(id)"
            }
        }
    }

    // Commands.

    func startTimer(_ id: String, _ duration: Duration) -> Command {
        .with {
            $0.commandType = .startTimer
            $0.startTimerCommandAttributes.timerID = id
            $0.startTimerCommandAttributes.startToFireTimeout = duration.proto
        }
    }

    func cancelTimer(_ id: String) -> Command {
        .with {
            $0.commandType = .cancelTimer
            $0.cancelTimerCommandAttributes.timerID = id
        }
    }

    func requestCancel(_ activity: Activity) -> Command {
        .with {
            $0.commandType = .requestCancelActivityTask
            $0.requestCancelActivityTaskCommandAttributes.scheduledEventID =
                activity.scheduledEventID
        }
    }

    func schedule(_ script: ActivityScript, _ id: String) -> Command {
        .schedule(script, id, taskQueue: self.taskQueue)
    }
}

extension Command {
    /// Schedules an activity that does what `script` says.
    static func schedule(
        _ script: ActivityScript, _ id: String, type: String = "script", taskQueue: String
    ) -> Command {
        .with {
            $0.commandType = .scheduleActivityTask
            $0.scheduleActivityTaskCommandAttributes = .with {
                $0.activityID = id
                $0.activityType.name = type
                $0.taskQueue.name = script.taskQueue ?? taskQueue
                $0.input = Payloads(text: script.text)
                $0.startToCloseTimeout = WorkflowProgram.startToCloseTimeout.proto
                if let timeout = script.heartbeatTimeout { $0.heartbeatTimeout = timeout.proto }
                if let timeout = script.scheduleToStartTimeout {
                    $0.scheduleToStartTimeout = timeout.proto
                }
                if let timeout = script.scheduleToCloseTimeout {
                    $0.scheduleToCloseTimeout = timeout.proto
                }
                $0.retryPolicy = script.retryPolicy
            }
        }
    }
}

extension WorkflowProgram {
    /// The search attribute that programs set.
    package static let attribute = "BatcherUser"
    /// The memo field that programs set.
    package static let memo = "note"
}

extension ActivityScript {
    /// How its activity is tried again.
    var retryPolicy: Temporal_Api_Common_V1_RetryPolicy {
        .with {
            $0.initialInterval = self.retryIntervalInitial.proto
            $0.maximumInterval = self.retryIntervalMax.proto
            $0.backoffCoefficient = 2
            $0.maximumAttempts = self.attemptsMax
        }
    }
}
