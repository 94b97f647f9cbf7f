import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

extension ActivityClient {
    /// How a run may end.
    enum ExpectedEnd { case isOfScript, isCanceled, isTerminated, isCompletedByID }

    static let completedByID = "by its id"

    func requestCancel() async {
        guard let run = self.runs.last else { return }
        let answer = await self.caller.call(
            "RequestCancelActivityExecution",
            RequestCancelActivityExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.activityID = self.activityID
                $0.runID = run.id
                $0.requestID = self.caller.uuid()
                $0.reason = "the client says so"
            }, returning: RequestCancelActivityExecutionResponse.self)
        if case .failure(let error) = answer.result {
            return self.fail("to be cancelled was answered \(error)")
        }
        await self.awaitOutcome(.isCanceled)
    }

    func terminate() async {
        guard let run = self.runs.last else { return }
        let answer = await self.caller.call(
            "TerminateActivityExecution",
            TerminateActivityExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.activityID = self.activityID
                $0.runID = run.id
                $0.requestID = self.caller.uuid()
                $0.reason = "the client says so"
            }, returning: TerminateActivityExecutionResponse.self)
        switch answer.result {
        case .success: await self.awaitOutcome(.isTerminated)
        // It may have come to its own end before.
        case .failure(let error) where error.kind == .failedPrecondition && run.script.endsByItself:
            await self.awaitOutcome(.isOfScript)
        case .failure(let error): self.fail("to be terminated was answered \(error)")
        }
    }

    /// Anybody may complete an activity that no worker has.
    func completeByID() async {
        guard let run = self.runs.last else { return }
        let answer = await self.caller.call(
            "RespondActivityTaskCompletedById",
            RespondActivityTaskCompletedByIdRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.runID = run.id
                $0.activityID = self.activityID
                $0.result = Payloads(text: Self.completedByID)
            }, returning: RespondActivityTaskCompletedByIdResponse.self)
        if case .failure(let error) = answer.result,
            !self.world.mayHaveHappened(error, answer.attempts)
        {
            return self.fail("to be completed was answered \(error)")
        }
        await self.awaitOutcome(.isCompletedByID)
    }

    /// Deletes the last run, which may be open.
    func delete() async {
        guard let run = self.runs.last else { return }
        let answer = await self.caller.call(
            "DeleteActivityExecution",
            DeleteActivityExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.activityID = self.activityID
                $0.runID = run.id
            }, returning: DeleteActivityExecutionResponse.self)
        if case .failure(let error) = answer.result,
            !self.world.mayHaveHappened(error, answer.attempts)
        {
            return self.fail("to be deleted was answered \(error)")
        }
        self.world.loop.record("\(self.activityID), run \(run.id), is deleted")
        self.change { $0.isDeleted = true }
        await self.expectGone(run.id)
    }

    // The outcome.

    /// Waits for the end of the last run, and compares it with what it must be.
    func awaitOutcome(_ expected: ExpectedEnd) async {
        guard let run = self.runs.last else { return }
        while true {
            switch await self.poll(run.id) {
            case .failure(let error):
                return self.fail("to be waited for was answered \(error)")
            // The server has waited for long enough.
            case .success(let response) where !response.hasOutcome: continue
            case .success(let response):
                self.world.loop.record("\(self.activityID) ended: \(response.outcome.text)")
                if response.runID != run.id || !response.outcome.is(expected, run.script) {
                    self.fail("ended with \(response)")
                }
                return self.change { $0.outcome = response.outcome }
            }
        }
    }

    private func poll(
        _ runID: String
    ) async -> Result<PollActivityExecutionResponse, ServiceError> {
        let answer = await self.caller.call(
            "PollActivityExecution",
            PollActivityExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.activityID = self.activityID
                $0.runID = runID
            }, timeout: .seconds(70), returning: PollActivityExecutionResponse.self)
        return answer.result
    }

    private func describe(
        _ runID: String, after token: Data = Data()
    ) async -> Result<DescribeActivityExecutionResponse, ServiceError> {
        let answer = await self.caller.call(
            "DescribeActivityExecution",
            DescribeActivityExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.activityID = self.activityID
                $0.runID = runID
                $0.includeInput = true
                $0.includeOutcome = true
                $0.longPollToken = token
            }, timeout: .seconds(70), returning: DescribeActivityExecutionResponse.self)
        return answer.result
    }

    /// Waits until something happens to the last run; that is told of, or nothing within a while.
    func awaitChange() async {
        guard let run = self.runs.last, case .success(let first) = await self.describe(run.id)
        else { return self.fail("cannot be described") }
        switch await self.describe(run.id, after: first.longPollToken) {
        case .success(let second):
            guard second.hasInfo else { return }
            if second.info.stateTransitionCount <= first.info.stateTransitionCount {
                self.fail("is described as changed, and is not")
            }
        case .failure(let error): self.fail("to be watched was answered \(error)")
        }
    }

    private func expectGone(_ runID: String) async {
        if case .failure(let error) = await self.describe(runID), error.kind == .notFound { return }
        self.fail("is deleted, and run \(runID) is still described")
    }

    // After the end.

    /// Everything that can be asked about the runs says the same.
    package func check() async {
        var kept: [String: ActivityExecutionStatus] = [:]
        for run in self.runs {
            guard !run.isDeleted else {
                await self.expectGone(run.id)
                continue
            }
            guard case .success(let response) = await self.describe(run.id) else {
                self.fail("cannot be described")
                continue
            }
            self.check(response, run)
            kept[run.id] = response.info.status
            self.world.closedRuns.closed(
                self.activityID, run.id, of: .activity, at: Timestamp(response.info.closeTime))
        }
        await self.checkLists(kept)
    }

    private func check(_ response: DescribeActivityExecutionResponse, _ run: Run) {
        let info = response.info
        if response.outcome != run.outcome || response.input.text != run.script.text
            || !info.hasCloseTime || info.activityID != self.activityID || info.runID != run.id
        {
            self.fail("run \(run.id) is described as another: \(response)")
        }
        if run.outcome?.fits(info.status) != true { self.fail("has the status \(info.status)") }
        let attemptsMax = run.script.attemptsMax
        if info.attempt < 1 || (attemptsMax > 0 && info.attempt > attemptsMax) {
            self.fail("had \(info.attempt) attempts of \(attemptsMax)")
        }
        if case .exhausts = run.script, run.outcome?.retryState == .maximumAttemptsReached,
            info.attempt != attemptsMax
        {
            self.fail("was given up after \(info.attempt) attempts of \(attemptsMax)")
        }
    }

    private func checkLists(_ kept: [String: ActivityExecutionStatus]) async {
        let query = "ActivityId = '\(self.activityID)'"
        guard case .success(let listed) = await self.caller.listActivities(query),
            case .success(let count) = await self.caller.countActivities(query)
        else { return self.fail("cannot be listed") }
        if listed.count != kept.count || count != Int64(kept.count) {
            self.fail("has \(kept.count) runs, \(listed.count) are listed, \(count) counted")
        }
        for info in listed where info.status != kept[info.runID] {
            self.fail("is listed with run \(info.runID) as \(info.status)")
        }
    }
}

extension ActivityScript {
    /// Whether it ends when nobody does anything about it.
    fileprivate var endsByItself: Bool {
        switch self {
        case .heedsCancel, .backsOff, .isMoved: false
        default: true
        }
    }
}

extension ActivityOutcome {
    /// How it ended, in the words of ``ActivityScript/outcome``.
    var text: String {
        switch self.value {
        case .result(let result): result.text
        case .failure(let failure):
            switch failure.failureInfo {
            case .canceledFailureInfo: "canceled"
            case .terminatedFailureInfo: "terminated"
            case .applicationFailureInfo(let info): info.nonRetryable ? "refused" : "exhausted"
            default: "exhausted"
            }
        case nil: "open"
        }
    }

    fileprivate func `is`(_ expected: ActivityClient.ExpectedEnd, _ script: ActivityScript) -> Bool
    {
        switch expected {
        case .isOfScript: self.text == script.outcome
        case .isTerminated:
            self.text == "terminated" && self.failure.message == "the client says so"
        case .isCompletedByID: self.text == ActivityClient.completedByID
        case .isCanceled:
            // A worker that is asked to cancel may be lost before it does.
            self.text == "canceled"
                || (script == .heedsCancel && self.text == "exhausted"
                    && self.retryState == .cancelRequested)
        }
    }

    /// Whether an activity that ended so has this status.
    fileprivate func fits(_ status: ActivityExecutionStatus) -> Bool {
        switch self.value {
        case .result: status == .completed
        case .failure(let failure):
            switch failure.failureInfo {
            case .canceledFailureInfo: status == .canceled
            case .terminatedFailureInfo: status == .terminated
            case .timeoutFailureInfo: status == .timedOut
            default: status == .failed
            }
        case nil: false
        }
    }
}
