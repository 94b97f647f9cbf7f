import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Pauses, resumes, resets and changes the activities of a workflow, as somebody at a console does.
///
/// Nobody else does that, so that what a description must say afterwards is known.
// Safe because a simulation has one thread.
package final class ActivityOperator: @unchecked Sendable {
    /// From when no worker may get an activity, and until when.
    private struct Pause {
        let activityID: String
        let from: Timestamp
        var to: Timestamp
    }

    let world: SimulatedWorld
    let caller: PatientCaller
    let execution: WorkflowExecution
    /// How often it does something before it lets everything end.
    private let roundCount: Int
    /// What is paused now, with what was given as the reason.
    private(set) var paused: [String: String] = [:]
    private var pauses: [Pause] = []
    /// What was changed of an activity's options; those of others are as their workflow said.
    var changed: [String: ActivityOptions] = [:]
    package private(set) var operationCount = 0

    init(world: SimulatedWorld, execution: WorkflowExecution) {
        self.world = world
        self.execution = execution
        self.caller = PatientCaller(
            world.connection, world.clock,
            world.loop.generator(for: "operator \(execution.workflowID)"))
        self.roundCount = self.caller.draw(1...8)
    }

    /// What was done must be seen, and nothing stays as it could never end.
    func run() async {
        for _ in 0..<self.roundCount {
            let isShort = self.caller.draw(0...1) == 0
            await self.world.clock.pass(
                self.caller.draw(upTo: isShort ? .milliseconds(700) : .seconds(10)))
            guard let pending = await self.look() else { return }
            guard let one = pending.randomElement(using: &self.caller.random) else { continue }
            await self.operate(on: one, among: pending)
        }
        while let pending = await self.look() {
            for activity in pending {
                if activity.paused {
                    await self.unpause(.id(activity.activityID), pending)
                }
                if activity.activityOptions.taskQueue.name == ActivityScript.unpolledTaskQueue {
                    await self.move(activity)
                }
            }
            await self.world.clock.pass(self.caller.draw(upTo: .seconds(10)))
        }
    }

    private func operate(on one: PendingActivity, among pending: [PendingActivity]) async {
        self.operationCount += 1
        let selection = self.drawSelection(one)
        switch self.caller.draw(0...9) {
        case 0..<4: await self.pause(selection, pending)
        case 4..<6: await self.unpause(selection, pending)
        case 6..<8: await self.reset(selection, pending)
        case 8: await self.update(selection, pending)
        default: await self.restoreOptions(one)
        }
    }

    private func drawSelection(_ one: PendingActivity) -> ActivitySelection {
        switch self.caller.draw(0...5) {
        case 0..<2: .type(one.activityType.name)
        case 2: .all
        default: .id(one.activityID)
        }
    }

    // What is seen.

    /// The pending activities, which are as what was done to them says; nil if the run has ended.
    @discardableResult
    func look() async -> [PendingActivity]? {
        guard
            case .success(let response) = await self.caller.description(
                of: self.execution.workflowID, self.execution.runID)
        else {
            self.fail("cannot be described")
            return nil
        }
        guard response.workflowExecutionInfo.status == .running else { return nil }
        for activity in response.pendingActivities { self.check(activity) }
        self.checkPauseInfo(response)
        return response.pendingActivities
    }

    private func check(_ activity: PendingActivity) {
        let id = activity.activityID
        if activity.paused != (self.paused[id] != nil)
            || activity.paused && activity.pauseInfo.manual.reason != self.paused[id]
        {
            self.fail("has \(id) described as paused: \(activity.paused), which it is not")
        }
        if !activity.activityOptions.hasAll(of: self.changed[id] ?? .init()) {
            self.fail("has \(id) described with options that were changed")
        }
        let isPaused = [.paused, .pauseRequested].contains(activity.state)
        if isPaused != activity.paused { self.fail("has \(id) in state \(activity.state)") }
    }

    /// Lists find a run by the types of its paused activities.
    private func checkPauseInfo(_ response: DescribeWorkflowExecutionResponse) {
        let types = Set(response.pendingActivities.filter(\.paused).map(\.activityType.name))
        let entries = types.sorted().map { "\"property:activityType=\($0)\"" }
        let payload = response.workflowExecutionInfo.searchAttributes
            .indexedFields["TemporalPauseInfo"]
        let expected = entries.isEmpty ? nil : "[\(entries.joined(separator: ","))]"
        if payload.map({ String(decoding: $0.data, as: UTF8.self) }) != expected {
            self.fail("is found by other pauses than it has")
        }
    }

    func fail(_ message: String) { self.world.fail("\(self.execution.workflowID) \(message)") }

    // What is remembered.

    /// These are acknowledged to be paused.
    func began(_ ids: [String], _ reason: String) {
        for id in ids where self.paused[id] == nil {
            self.paused[id] = reason
            self.pauses.append(
                Pause(activityID: id, from: self.world.loop.now, to: .distantFuture))
        }
    }

    /// These may go on from now.
    func end(_ ids: [String]) {
        for id in ids where self.paused.removeValue(forKey: id) != nil {
            for index in self.pauses.indices
            where self.pauses[index].activityID == id && self.pauses[index].to == .distantFuture {
                self.pauses[index].to = self.world.loop.now
            }
        }
    }

    /// No worker got an activity while it was paused.
    func check() {
        for task in self.world.tasks.handedOut(of: self.execution.runID) {
            let isPaused = self.pauses.contains {
                $0.activityID == task.activityID && $0.from < task.startedAt
                    && task.startedAt < $0.to
            }
            if isPaused { self.fail("is paused, and \(task.what) was handed out") }
        }
    }
}

/// Which activities an operator means.
enum ActivitySelection: Equatable {
    case id(String)
    case type(String)
    case all

    func ids(in pending: [PendingActivity]) -> [String] {
        pending.filter { activity in
            switch self {
            case .id(let id): activity.activityID == id
            case .type(let type): activity.activityType.name == type
            case .all: true
            }
        }.map(\.activityID)
    }
}

extension ActivityOptions {
    /// Whether everything that `changed` holds is as it says.
    func hasAll(of changed: ActivityOptions) -> Bool {
        (!changed.hasTaskQueue || changed.taskQueue.name == self.taskQueue.name)
            && (!changed.hasStartToCloseTimeout || self.hasAttemptsOf(changed.startToCloseTimeout))
            && (!changed.retryPolicy.hasInitialInterval
                || changed.retryPolicy.initialInterval == self.retryPolicy.initialInterval)
            && (!changed.hasPriority || changed.priority == self.priority)
    }

    /// No attempt gets more time than all of them together.
    private func hasAttemptsOf(_ timeout: Google_Protobuf_Duration) -> Bool {
        let all = Duration(self.scheduleToCloseTimeout)
        let expected = all > .zero ? min(Duration(timeout), all) : Duration(timeout)
        return Duration(self.startToCloseTimeout) == expected
    }
}
