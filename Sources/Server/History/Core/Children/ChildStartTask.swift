import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

// A task that starts a child and writes down what came of it.
//
// The child is started first and waits; then the parent records the start, and with it leaves a task
// that releases the child. So a child never runs before its parent knows of it, and whatever is
// repeated after a crash is the same request.
extension HistoryShard {
    mutating func beginChildStart(
        _ initiatedEventID: Int64, _ taskID: Int64, _ effects: inout [Effect]
    ) {
        guard let run = self.run(ofTask: taskID, then: .task(taskID), &effects) else { return }
        guard let child = run.state.children[initiatedEventID], !child.isStarted else {
            return self.finish(taskID)
        }
        guard run.state.isRunning || run.state.leavesAlone(child) else {
            // It may have been started before the parent closed, by a request whose answer was lost.
            return self.settle(child, RunID(""), of: run, taskID, &effects)
        }
        guard let event = self.event(initiatedEventID, of: run, for: taskID, &effects) else {
            return
        }
        self.startChild(initiatedEventID, as: event, taskID, &effects)
    }

    /// Sends the start that the initiated event describes.
    mutating func startChild(
        _ initiatedEventID: Int64, as event: HistoryEvent, _ taskID: Int64,
        _ effects: inout [Effect]
    ) {
        let waiting = Waiting.events(taskID, .success([event]))
        guard let run = self.run(ofTask: taskID, then: waiting, &effects) else { return }
        guard let child = run.state.children[initiatedEventID], !child.isStarted,
            run.state.isRunning || run.state.leavesAlone(child)
        else { return self.finish(taskID) }
        let start = ChildStart(
            request: run.state.start(of: child, event),
            parent: run.state.sender(initiatedEventID: initiatedEventID),
            root: .with {
                $0.workflowID = run.state.info.rootWorkflowID
                $0.runID = run.state.info.rootRunID
            })
        self.send(
            .startChild(start), to: NamespaceID(child.namespaceID), child.namespace,
            WorkflowID(child.workflowID), from: run, taskID, &effects)
    }

    mutating func childStartAnswered(
        _ initiatedEventID: Int64, _ taskID: Int64, _ result: Result<HistoryReply, ServiceError>,
        _ effects: inout [Effect]
    ) {
        let waiting = Waiting.answer(taskID, result)
        guard let run = self.run(ofTask: taskID, then: waiting, &effects) else { return }
        guard let child = run.state.children[initiatedEventID], !child.isStarted else {
            return self.finish(taskID)
        }
        switch result {
        case .success(.started(let response)):
            let firstRunID = RunID(response.firstExecutionRunID)
            guard self.record(child, firstRunID, in: run, &effects) else {
                return self.settle(
                    child, firstRunID, of: self.runs[run.state.key] ?? run, taskID, &effects)
            }
            self.finish(taskID)
        case .success:
            // The child of a closed parent has been dealt with.
            self.finish(taskID)
        case .failure(let error):
            if run.state.isRunning {
                var transition = self.transition(of: run)
                transition.recordChildStartFailed(child, error.childStartCause)
                self.accept(transition, &effects)
            }
            self.finish(taskID)
        }
    }

    /// Writes down that a child was started; false if its parent is closed, or has grown too large
    /// to take another event in.
    private mutating func record(
        _ child: StoredChild, _ firstRunID: RunID, in run: CachedRun, _ effects: inout [Effect]
    ) -> Bool {
        guard run.state.isRunning else { return false }
        var transition = self.transition(of: run)
        transition.recordChildStarted(child, runID: firstRunID)
        transition.addRelease(of: child, runID: firstRunID)
        self.accept(transition, &effects)
        return self.runs[run.state.key]?.state.children[child.initiatedEventID]?.isStarted == true
    }

    // MARK: Closed parents

    /// Does to a child whose start the closed parent could not record what its policy says.
    private mutating func settle(
        _ child: StoredChild, _ firstRunID: RunID, of run: CachedRun, _ taskID: Int64,
        _ effects: inout [Effect]
    ) {
        let selection = ChildSelection(
            parent: run.state.sender(initiatedEventID: child.initiatedEventID),
            firstRunID: firstRunID)
        let operation: RunOperation =
            run.state.leavesAlone(child) || !run.state.info.resetRunID.isEmpty
            ? .releaseChild(selection) : .closeChild(selection, child.parentClosePolicy)
        self.send(
            operation, to: NamespaceID(child.namespaceID), child.namespace,
            WorkflowID(child.workflowID), from: run, taskID, &effects)
    }
}

extension MutableState {
    /// Whether a child goes on by itself when this run, which is closed, cannot tell it anything.
    fileprivate func leavesAlone(_ child: StoredChild) -> Bool {
        child.parentClosePolicy == .abandon && self.info.resetRunID.isEmpty
    }

    /// The start that an initiated event describes.
    fileprivate func start(
        of child: StoredChild, _ event: HistoryEvent
    ) -> Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest {
        let initiated = event.startChildWorkflowExecutionInitiatedEventAttributes
        return .with {
            $0.namespace = child.namespace
            $0.workflowID = initiated.workflowID
            $0.workflowType = initiated.workflowType
            $0.taskQueue = initiated.taskQueue
            if initiated.hasInput { $0.input = initiated.input }
            if initiated.hasHeader { $0.header = initiated.header }
            if initiated.hasWorkflowExecutionTimeout {
                $0.workflowExecutionTimeout = initiated.workflowExecutionTimeout
            }
            $0.workflowRunTimeout = initiated.workflowRunTimeout
            $0.workflowTaskTimeout = initiated.workflowTaskTimeout
            $0.requestID = child.createRequestID
            $0.workflowIDReusePolicy = initiated.workflowIDReusePolicy
            $0.workflowIDConflictPolicy = .fail
            if initiated.hasRetryPolicy { $0.retryPolicy = initiated.retryPolicy }
            $0.cronSchedule = initiated.cronSchedule
            if initiated.hasMemo { $0.memo = initiated.memo }
            if initiated.hasSearchAttributes { $0.searchAttributes = initiated.searchAttributes }
            if event.hasUserMetadata { $0.userMetadata = event.userMetadata }
            if initiated.hasVersioningOverride {
                $0.versioningOverride = initiated.versioningOverride
            }
            let priority = initiated.priority.filled(
                from: self.info.hasPriority ? self.info.priority : .init())
            if priority != .init() { $0.priority = priority }
        }
    }
}

extension Temporal_Api_Common_V1_Priority {
    /// This priority, with what it leaves open taken from another one.
    fileprivate func filled(from other: Self) -> Self {
        .with {
            $0.priorityKey = self.priorityKey == 0 ? other.priorityKey : self.priorityKey
            $0.fairnessKey = self.fairnessKey.isEmpty ? other.fairnessKey : self.fairnessKey
            $0.fairnessWeight =
                self.fairnessWeight == 0 ? other.fairnessWeight : self.fairnessWeight
        }
    }
}

extension ServiceError {
    /// Why a child could not be started, as histories name it.
    fileprivate var childStartCause: ChildStartFailedCause {
        switch self.kind {
        case .workflowExecutionAlreadyStarted: .workflowAlreadyExists
        case .namespaceNotFound: .namespaceNotFound
        case .invalidArgument: .invalidVersioningOverride
        default: .unspecified
        }
    }
}
