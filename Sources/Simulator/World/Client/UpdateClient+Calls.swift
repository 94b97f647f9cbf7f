import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

extension UpdateClient {
    private typealias Stage = Temporal_Api_Enums_V1_UpdateWorkflowExecutionLifecycleStage

    /// How a start and an update as one went.
    private enum Started {
        case done(StartWorkflowExecutionResponse, UpdateWorkflowExecutionResponse)
        case refused(ServiceError)
    }

    // Updates.

    /// Sends an update until its outcome is known, or its workflow has closed.
    func update(_ update: Update) async {
        let stage: Stage = self.caller.draw(0...1) == 0 ? .accepted : .completed
        while true {
            let answer = await self.caller.call(
                "UpdateWorkflowExecution", self.request(update, stage), timeout: .seconds(60),
                returning: UpdateWorkflowExecutionResponse.self)
            self.updates[update.id]?.attempts += answer.attempts
            switch answer.result {
            case .success(let response):
                if await self.isSettled(update, response) { return }
            case .failure(let error) where error.kind == .workflowNotReady:
                // A worker failed the task that brought the update.
                self.world.marks.reached("client.updateNotReady")
            case .failure(let error) where error.kind == .notFound && update.mayBeCutShort:
                return self.world.marks.reached("client.updateAfterTheEnd")
            case .failure(let error):
                return self.world.fail("\(update.id) was answered \(error)")
            }
            await self.caller.pause(3)
        }
    }

    private func request(_ update: Update, _ stage: Stage) -> UpdateWorkflowExecutionRequest {
        .with {
            $0.namespace = SimulatedWorld.namespace
            $0.workflowExecution.workflowID = self.workflowID
            $0.waitPolicy.lifecycleStage = stage
            $0.request.meta.updateID = update.id
            $0.request.meta.identity = "client"
            $0.request.input.name = update.script.text
        }
    }

    /// Takes in what an answer says; returns whether nothing more is to come.
    private func isSettled(
        _ update: Update, _ response: UpdateWorkflowExecutionResponse
    ) async -> Bool {
        let reference = response.updateRef
        guard reference.updateID == update.id,
            reference.workflowExecution.workflowID == self.workflowID
        else {
            self.world.fail("\(update.id) was answered for \(reference)")
            return true
        }
        if response.hasOutcome {
            self.ended(update, reference.workflowExecution.runID, response.outcome)
            return true
        }
        // The server waits for so long only.
        guard response.stage == .accepted else { return false }
        self.accepted(update, reference.workflowExecution.runID)
        await self.poll(update, reference)
        return true
    }

    private func accepted(_ update: Update, _ runID: String) {
        self.updates[update.id]?.runID = runID
        self.updates[update.id]?.isAccepted = true
        self.world.loop.record("\(update.id) is accepted by \(runID)")
        if !update.script.isAccepted {
            self.world.fail("\(update.id), which nobody accepts, is said to be accepted")
        }
    }

    private func ended(_ update: Update, _ runID: String, _ outcome: UpdateResult.Outcome) {
        let result = UpdateResult(outcome)
        self.updates[update.id]?.runID = runID
        self.updates[update.id]?.result = result
        self.world.loop.record("\(update.id) ended in \(runID): \(result)")
        let isRight =
            result == update.script.result(of: update.id)
            || update.mayBeCutShort && update.script.isAccepted && result == .cutShort
        if !isRight { self.world.fail("\(update.id), \(update.script), ended \(result)") }
    }

    /// Waits for the outcome of an update that a run is said to have accepted.
    private func poll(_ update: Update, _ reference: Temporal_Api_Update_V1_UpdateRef) async {
        while true {
            switch await self.polled(reference, .completed) {
            case .success(let response) where response.hasOutcome:
                return self.ended(update, reference.workflowExecution.runID, response.outcome)
            case .success(let response):
                if response.stage != .accepted {
                    return self.world.fail("\(update.id) is at \(response.stage) again")
                }
            case .failure(let error):
                return self.world.fail("polling \(update.id) was answered \(error)")
            }
        }
    }

    private func polled(
        _ reference: Temporal_Api_Update_V1_UpdateRef, _ stage: Stage
    ) async -> Result<PollWorkflowExecutionUpdateResponse, ServiceError> {
        let answer = await self.caller.call(
            "PollWorkflowExecutionUpdate",
            PollWorkflowExecutionUpdateRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.updateRef = reference
                $0.identity = "client"
                $0.waitPolicy.lifecycleStage = stage
            }, timeout: .seconds(60), returning: PollWorkflowExecutionUpdateResponse.self)
        return answer.result
    }

    /// What a poll says of an update when everything is over; nil if nobody knows it.
    package func finalResult(of update: Update) async -> UpdateResult? {
        let reference = Temporal_Api_Update_V1_UpdateRef.with {
            $0.workflowExecution = WorkflowExecution(self.workflowID, update.runID ?? "")
            $0.updateID = update.id
        }
        let stage: Stage = self.caller.draw(0...1) == 0 ? .unspecified : .completed
        switch await self.polled(reference, stage) {
        case .success(let response): return UpdateResult(response.outcome)
        case .failure(let error) where error.kind == .notFound: return nil
        case .failure(let error):
            self.world.fail("polling \(update.id) at last was answered \(error)")
            return nil
        }
    }

    // Updates with a start.

    /// Starts a run with an update, or sends it to the one that is open, or is refused.
    func updateWithStart() async -> Bool {
        let policies: [Temporal_Api_Enums_V1_WorkflowIdConflictPolicy] = [
            .fail, .useExisting, .terminateExisting,
        ]
        let policy = policies[self.caller.draw(0...2)]
        let update = self.drawUpdate(mayBeCutShort: false)
        let wasOpen = self.isOpen
        switch await self.started(with: update, policy) {
        case .done(let start, let response):
            if wasOpen, policy == .fail {
                self.world.fail("\(self.workflowID) was started beside an open run")
            }
            if !wasOpen || policy == .terminateExisting { self.started(start.runID) }
            if await !self.isSettled(update, response) { await self.update(update) }
            return true
        case .refused(let error):
            guard case .multiOperation(let ends) = error.kind, case .failed(let first) = ends.first,
                case .workflowExecutionAlreadyStarted = first.kind, wasOpen, policy == .fail
            else {
                self.world.fail(
                    "starting \(self.workflowID) with \(update.id) was answered \(error)")
                return false
            }
            self.world.marks.reached("client.updateWithStartRefused")
            self.updates[update.id] = nil
            return true
        }
    }

    private func started(
        with update: Update, _ policy: Temporal_Api_Enums_V1_WorkflowIdConflictPolicy
    ) async -> Started {
        let stage: Stage = self.caller.draw(0...1) == 0 ? .accepted : .completed
        let start = StartWorkflowExecutionRequest.with {
            $0.namespace = SimulatedWorld.namespace
            $0.workflowID = self.workflowID
            $0.workflowType.name = "updatable"
            $0.taskQueue.name = ScriptedWorker.taskQueue
            $0.requestID = self.caller.uuid()
            $0.workflowIDConflictPolicy = policy
            $0.identity = "client"
        }
        let request = ExecuteMultiOperationRequest.with {
            $0.namespace = SimulatedWorld.namespace
            $0.operations = [
                .with { $0.startWorkflow = start },
                .with { $0.updateWorkflow = self.request(update, stage) },
            ]
        }
        while true {
            let answer = await self.caller.call(
                "ExecuteMultiOperation", request, timeout: .seconds(60),
                returning: ExecuteMultiOperationResponse.self)
            self.updates[update.id]?.attempts += answer.attempts
            switch answer.result {
            case .success(let response):
                guard response.responses.count == 2 else {
                    return .refused(.invalidArgument("\(response.responses.count) responses"))
                }
                return .done(
                    response.responses[0].startWorkflow, response.responses[1].updateWorkflow)
            case .failure(let error):
                guard error.isWorthAnotherStart else { return .refused(error) }
            }
            await self.caller.pause(3)
        }
    }
}

extension ServiceError {
    /// Whether a start with an update may succeed if it is sent again.
    fileprivate var isWorthAnotherStart: Bool {
        guard case .multiOperation(let ends) = self.kind else { return false }
        return ends.contains { end in
            guard case .failed(let error) = end else { return false }
            return error.isWorthAnotherTry || error.kind == .workflowNotReady
        }
    }
}
