import DynamicConfig
import FoundationEssentials
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// A poll takes the run's workflow task, if the task still stands for something.
    mutating func recordStarted(
        _ start: WorkflowTaskStart, _ call: Call, _ effects: inout [Effect]
    ) {
        guard let run = self.openRun(start.runID, for: call, &effects) else { return }
        let key = run.state.key
        let task = run.state.info.workflowTask
        guard run.state.hasWorkflowTask, task.stamp == start.stamp,
            // A transient task takes a new id when events came in before it was started.
            task.scheduledEventID == start.scheduledEventID || task.startedEventID != 0
        else {
            return self.refuse(call.id, .obsoleteTask, seeing: key, &effects)
        }
        if task.startedEventID != 0 {
            guard task.requestID == start.requestID else {
                return self.refuse(
                    call.id, ServiceError(.taskAlreadyStarted, "Workflow task already started."),
                    seeing: key, &effects)
            }
            return self.replyStarted(run, call, start, &effects)
        }
        if start.taskQueue.isSticky, run.state.info.stickyTaskQueue != start.taskQueue.name {
            return self.refuse(call.id, .obsoleteTask, seeing: key, &effects)
        }
        if task.kind == .speculative {
            self.startSpeculativeTask(of: run, start)
        } else {
            var transition = self.transition(of: run)
            transition.startWorkflowTask(
                requestID: start.requestID, by: start.worker,
                isStickyPoll: start.taskQueue.isSticky)
            self.accept(transition, &effects)
        }
        guard var started = self.runs[key] else { return }
        started.boardTask(isOnlyUnsent: false)
        self.store(started)
        self.replyStarted(started, call, start, &effects)
    }

    /// Nothing is written: all of it may vanish again.
    private mutating func startSpeculativeTask(of run: CachedRun, _ start: WorkflowTaskStart) {
        var run = run
        if !start.taskQueue.isSticky { run.state.clearSticky() }
        run.state.startSpeculativeTask(
            run.state.workflowTaskBeginning(
                requestID: start.requestID, worker: start.worker, at: self.now, run.updates,
                self.settings))
        self.store(run)
        self.setTimer(run.state.key, to: run.state.nextDeadline)
    }

    private mutating func replyStarted(
        _ run: CachedRun, _ call: Call, _ start: WorkflowTaskStart, _ effects: inout [Effect]
    ) {
        let state = run.state
        let first = start.taskQueue.isSticky ? state.info.lastCompletedTaskStartedEventID + 1 : 1
        self.reply(
            call.id, .workflowTaskStarted(run.startedTask),
            fetch: state.taskHistory(
                from: first, pageMax: self.settings.historyPageSizeMax), &effects)
    }
}

extension CachedRun {
    /// Puts what waits for a worker on the task that was just started.
    mutating func boardTask(isOnlyUnsent: Bool) {
        let task = self.state.info.workflowTask
        for index in self.queries.indices { self.queries[index].carrier = task.stamp }
        self.updates.board(task.startedEventID, isOnlyUnsent: isOnlyUnsent)
    }

    /// What a worker gets for the started workflow task, but for its history.
    ///
    /// A poll that asks again gets what it was given, not a query that came later: the events it is
    /// given may not hold what that query must see.
    var startedTask: PollWorkflowTaskResponse {
        let task = self.state.info.workflowTask
        var response = self.state.startedWorkflowTask
        for query in self.queries where query.carrier == task.stamp {
            response.queries[query.key] = query.request.query
        }
        response.messages = self.updates.messages(on: task)
        return response
    }
}

extension MutableState {
    /// What a worker gets for the started workflow task, but for its history.
    var startedWorkflowTask: PollWorkflowTaskResponse {
        let task = self.info.workflowTask
        return .with {
            $0.taskToken = self.workflowTaskToken
            $0.workflowExecution = self.execution
            $0.workflowType.name = self.info.workflowType
            $0.previousStartedEventID = self.info.lastCompletedTaskStartedEventID
            $0.startedEventID = task.startedEventID
            $0.attempt = task.attempt
            $0.workflowExecutionTaskQueue = .with {
                $0.name = self.info.taskQueue
                $0.kind = .normal
            }
            $0.scheduledTime = Timestamp(nanoseconds: task.originalScheduledAt).proto
            $0.startedTime = Timestamp(nanoseconds: task.startedAt).proto
        }
    }

    /// The events a worker gets with a workflow task.
    func taskHistory(from first: Int64, pageMax: Int) -> HistoryFetch {
        var token = StoredHistoryPageToken(of: self.key, next: first)
        token.transientSuffix = !self.transientSuffix.isEmpty
        return HistoryFetch(
            key: self.key, events: min(first, self.info.nextEventID)..<self.info.nextEventID,
            eventsMax: pageMax, suffix: self.transientSuffix, token: token, continuesAtEnd: false)
    }

    var execution: Temporal_Api_Common_V1_WorkflowExecution {
        .with {
            $0.workflowID = self.info.workflowID
            $0.runID = self.info.runID
        }
    }

    /// What the worker brings back for the started workflow task.
    var workflowTaskToken: Data {
        let task = self.info.workflowTask
        let token = StoredTaskToken.with {
            $0.namespaceID = self.info.namespaceID
            $0.workflowID = self.info.workflowID
            $0.runID = self.info.runID
            $0.scheduledEventID = task.scheduledEventID
            $0.startedEventID = task.startedEventID
            $0.startedAt = task.startedAt
            $0.attempt = task.attempt
        }
        return Data(MutableState.bytes(token))
    }

    /// Whether `token` was given for the workflow task that is started now.
    func holdsStartedTask(of token: StoredTaskToken) -> Bool {
        let task = self.info.workflowTask
        return self.hasStartedWorkflowTask && task.scheduledEventID == token.scheduledEventID
            && task.startedEventID == token.startedEventID && task.attempt == token.attempt
            && task.startedAt == token.startedAt
    }
}

extension ServiceError {
    static let obsoleteTask = ServiceError(.obsoleteTask, "the task no longer stands for anything")
}
