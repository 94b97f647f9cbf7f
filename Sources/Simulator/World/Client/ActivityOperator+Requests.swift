import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

extension ActivityOperator {
    // Pauses.

    func pause(_ selection: ActivitySelection, _ pending: [PendingActivity]) async {
        // There is no way to pause all at once.
        let selection = selection == .all ? .type(pending[0].activityType.name) : selection
        let ids = selection.ids(in: pending)
        let arePaused = ids.contains { self.paused[$0] != nil }
        for id in ids {
            self.world.tasks.activityIsPaused(runID: self.execution.runID, activityID: id)
        }
        let reason = "reason \(self.operationCount)"
        let result = await self.sendPause(selection, reason)
        self.record("pausing", selection, result)
        switch result {
        case .success:
            if arePaused, case .id = selection { self.fail("has \(selection) paused twice") }
            self.began(ids, reason)
            await self.look()
        case .failure(let error) where error.kind == .failedPrecondition && arePaused: break
        case .failure(let error): self.expectEnded(error, "pausing", selection)
        }
    }

    private func sendPause(
        _ selection: ActivitySelection, _ reason: String
    ) async -> Result<Void, ServiceError> {
        let requestID = self.caller.uuid()
        if case .id(let id) = selection, self.caller.draw(0...1) == 0 {
            return await self.send(
                "PauseActivityExecution",
                self.request(about: id) { (request: inout PauseActivityExecutionRequest) in
                    request.reason = reason
                    request.requestID = requestID
                }, PauseActivityExecutionResponse.self)
        }
        return await self.send(
            "PauseActivity",
            self.request(about: selection) { (request: inout PauseActivityRequest) in
                request.reason = reason
                request.requestID = requestID
            }, PauseActivityResponse.self)
    }

    func unpause(_ selection: ActivitySelection, _ pending: [PendingActivity]) async {
        let ids = selection.ids(in: pending)
        let resets = self.caller.draw(0...2) == 0
        let forgets = self.caller.draw(0...3) == 0
        self.mayBeReset(ids, resets: resets, forgets: forgets)
        self.end(ids)
        let result = await self.sendUnpause(selection, resets: resets, forgets: forgets)
        self.record("unpausing", selection, result)
        guard case .failure(let error) = result else {
            await self.look()
            return
        }
        self.expectEnded(error, "unpausing", selection)
    }

    private func sendUnpause(
        _ selection: ActivitySelection, resets: Bool, forgets: Bool
    ) async -> Result<Void, ServiceError> {
        let jitter = self.drawJitter()
        if case .id(let id) = selection, !resets, !forgets {
            return await self.send(
                "UnpauseActivityExecution",
                self.request(about: id) { (request: inout UnpauseActivityExecutionRequest) in
                    request.jitter = jitter
                }, UnpauseActivityExecutionResponse.self)
        }
        return await self.send(
            "UnpauseActivity",
            self.request(about: selection) { (request: inout UnpauseActivityRequest) in
                request.resetAttempts = resets
                request.resetHeartbeat = forgets
                request.jitter = jitter
            }, UnpauseActivityResponse.self)
    }

    // Resets.

    func reset(_ selection: ActivitySelection, _ pending: [PendingActivity]) async {
        let ids = selection.ids(in: pending)
        let request = self.request(about: selection) { (request: inout ResetActivityRequest) in
            request.keepPaused = self.caller.draw(0...1) == 0
            request.resetHeartbeat = self.caller.draw(0...2) == 0
            request.restoreOriginalOptions = self.caller.draw(0...3) == 0
            request.jitter = self.drawJitter()
        }
        self.mayBeReset(ids, resets: true, forgets: request.resetHeartbeat)
        if !request.keepPaused { self.end(ids) }
        if request.restoreOriginalOptions { for id in ids { self.changed[id] = nil } }
        let sentAt = self.world.loop.now
        let result = await self.sendReset(request)
        self.record("resetting", selection, result)
        if case .failure(let error) = result {
            return self.expectEnded(error, "resetting", selection)
        }
        for activity in await self.look() ?? [] where ids.contains(activity.activityID) {
            let attemptMax = Self.attemptMax(after: self.world.loop.now - sentAt)
            if activity.attempt > attemptMax {
                self.fail(
                    "has \(activity.activityID) in attempt \(activity.attempt) after its reset")
            }
        }
    }

    private func sendReset(_ request: ResetActivityRequest) async -> Result<Void, ServiceError> {
        guard case .id(let id) = request.activity, self.caller.draw(0...1) == 0 else {
            return await self.send("ResetActivity", request, ResetActivityResponse.self)
        }
        return await self.send(
            "ResetActivityExecution",
            self.request(about: id) { (special: inout ResetActivityExecutionRequest) in
                special.keepPaused = request.keepPaused
                special.resetHeartbeat = request.resetHeartbeat
                special.restoreOriginalOptions = request.restoreOriginalOptions
                special.jitter = request.jitter
            }, ResetActivityExecutionResponse.self)
    }

    /// The attempt that an activity can be in so long after a reset: each but the first two waits
    /// for at least as long as the retry policy says.
    private static func attemptMax(after elapsed: Duration) -> Int32 {
        var attempt: Int32 = 2
        var interval = Duration.milliseconds(500), left = elapsed
        while left >= interval {
            left -= interval
            interval = min(interval * 2, .seconds(5))
            attempt += 1
        }
        return attempt
    }

    private func mayBeReset(_ ids: [String], resets: Bool, forgets: Bool) {
        guard resets || forgets else { return }
        for id in ids {
            self.world.tasks.activityIsReset(
                runID: self.execution.runID, activityID: id, forgetting: forgets)
        }
    }

    // Options.

    func update(_ selection: ActivitySelection, _ pending: [PendingActivity]) async {
        var options = ActivityOptions(), paths: [String] = []
        switch self.caller.draw(0...2) {
        case 0:
            options.startToCloseTimeout = Duration.seconds(self.caller.draw(15...25)).proto
            paths = ["start_to_close_timeout"]
        case 1:
            options.retryPolicy.initialInterval =
                Duration.milliseconds(self.caller.draw(500...2_000)).proto
            paths = ["retry_policy.initial_interval"]
        default:
            options.priority.priorityKey = Int32(self.caller.draw(1...5))
            paths = ["priority"]
        }
        await self.update(selection, pending, options, paths)
    }

    /// Puts an activity where a worker is.
    func move(_ activity: PendingActivity) async {
        await self.update(
            .id(activity.activityID), [activity],
            .with { $0.taskQueue.name = ScriptedWorker.taskQueue }, ["task_queue.name"])
    }

    private func update(
        _ selection: ActivitySelection, _ pending: [PendingActivity], _ options: ActivityOptions,
        _ paths: [String]
    ) async {
        let answer = await self.sendUpdate(
            self.request(about: selection) {
                $0.activityOptions = options
                $0.updateMask.paths = paths
            })
        self.record("changing", selection, answer.map { _ in () })
        switch answer {
        case .failure(let error): return self.expectEnded(error, "changing", selection)
        case .success(let new):
            if !new.hasAll(of: options) { self.fail("has \(selection) changed otherwise") }
        }
        for id in selection.ids(in: pending) {
            self.changed[id, default: .init()].take(options)
        }
        await self.look()
    }

    func restoreOptions(_ activity: PendingActivity) async {
        self.changed[activity.activityID] = nil
        let answer = await self.sendUpdate(
            self.request(about: .id(activity.activityID)) { $0.restoreOriginal = true })
        self.record("restoring", .id(activity.activityID), answer.map { _ in () })
        if case .failure(let error) = answer {
            self.expectEnded(error, "restoring", .id(activity.activityID))
        }
    }

    private func sendUpdate(
        _ request: UpdateActivityOptionsRequest
    ) async -> Result<ActivityOptions, ServiceError> {
        guard case .id(let id) = request.activity, self.caller.draw(0...1) == 0 else {
            let answer = await self.caller.call(
                "UpdateActivityOptions", request, returning: UpdateActivityOptionsResponse.self)
            return answer.result.map(\.activityOptions)
        }
        let answer = await self.caller.call(
            "UpdateActivityExecutionOptions",
            self.request(about: id) { (special: inout UpdateActivityExecutionOptionsRequest) in
                if request.hasActivityOptions { special.activityOptions = request.activityOptions }
                if request.hasUpdateMask { special.updateMask = request.updateMask }
                special.restoreOriginal = request.restoreOriginal
            }, returning: UpdateActivityExecutionOptionsResponse.self)
        return answer.result.map(\.activityOptions)
    }

    // All of them.

    /// A request in the form that is about one activity.
    private func request<Request: OneActivityRequest>(
        about id: String, _ edit: (inout Request) -> Void
    ) -> Request {
        .with {
            $0.namespace = SimulatedWorld.namespace
            $0.workflowID = self.execution.workflowID
            $0.runID = self.execution.runID
            $0.activityID = id
            edit(&$0)
        }
    }

    /// A request in the form that may be about several activities.
    private func request<Request: SomeActivitiesRequest>(
        about selection: ActivitySelection, _ edit: (inout Request) -> Void
    ) -> Request {
        .with {
            $0.namespace = SimulatedWorld.namespace
            $0.execution = self.execution
            switch selection {
            case .id(let id): $0.id = id
            case .type(let type): $0.type = type
            case .all: $0.selectAll()
            }
            edit(&$0)
        }
    }

    private func drawJitter() -> Google_Protobuf_Duration {
        (self.caller.draw(0...1) == 0 ? .zero : self.caller.draw(upTo: .seconds(2))).proto
    }

    private func send<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ method: String, _ request: Request, _: Response.Type
    ) async -> Result<Void, ServiceError> {
        let answer = await self.caller.call(method, request, returning: Response.self)
        return answer.result.map { _ in () }
    }

    private func record(
        _ what: String, _ selection: ActivitySelection, _ result: Result<Void, ServiceError>
    ) {
        let isDone = if case .success = result { "done" } else { "refused" }
        self.world.loop.record("\(what) \(selection) of \(self.execution.workflowID) is \(isDone)")
    }

    /// What was to be changed may have ended meanwhile; nothing else keeps it from being changed.
    private func expectEnded(
        _ error: ServiceError, _ what: String, _ selection: ActivitySelection
    ) {
        if error.kind != .notFound { self.fail("\(what) \(selection) was answered \(error)") }
    }
}

extension ActivityOptions {
    /// Takes over what `new` holds.
    fileprivate mutating func take(_ new: ActivityOptions) {
        if new.hasTaskQueue { self.taskQueue = new.taskQueue }
        if new.hasStartToCloseTimeout { self.startToCloseTimeout = new.startToCloseTimeout }
        if new.hasRetryPolicy { self.retryPolicy = new.retryPolicy }
        if new.hasPriority { self.priority = new.priority }
    }
}

/// A request about one activity of a workflow.
private protocol OneActivityRequest: SwiftProtobuf.Message {
    var namespace: String { get set }
    var workflowID: String { get set }
    var runID: String { get set }
    var activityID: String { get set }
}

extension PauseActivityExecutionRequest: OneActivityRequest {}
extension UnpauseActivityExecutionRequest: OneActivityRequest {}
extension ResetActivityExecutionRequest: OneActivityRequest {}
extension UpdateActivityExecutionOptionsRequest: OneActivityRequest {}

/// A request about activities of a workflow, by their id or type, or about all of them.
private protocol SomeActivitiesRequest: SwiftProtobuf.Message {
    var namespace: String { get set }
    var execution: WorkflowExecution { get set }
    var id: String { get set }
    var type: String { get set }
    mutating func selectAll()
}

extension PauseActivityRequest: SomeActivitiesRequest {
    /// There is no way to say it.
    fileprivate mutating func selectAll() {}
}
extension UnpauseActivityRequest: SomeActivitiesRequest {
    fileprivate mutating func selectAll() { self.unpauseAll = true }
}
extension ResetActivityRequest: SomeActivitiesRequest {
    fileprivate mutating func selectAll() { self.matchAll = true }
}
extension UpdateActivityOptionsRequest: SomeActivitiesRequest {
    fileprivate mutating func selectAll() { self.matchAll = true }
}
