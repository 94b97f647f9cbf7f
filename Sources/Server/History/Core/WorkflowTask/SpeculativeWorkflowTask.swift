import DynamicConfig
import Primitives
import TemporalAPI

/// A speculative workflow task brings updates to a worker. It is in memory only: if the worker
/// rejects them all, nothing of it remains; and if it is lost, those who wait for the updates ask
/// again. As soon as anything is written of its run it becomes a normal one.
extension MutableState {
    /// How long such a task may wait for a worker, if its queue is not a sticky one.
    private static let scheduleToStart = Duration.seconds(5)

    /// Gives the run a speculative task, which unlike others does not wait for a start delay.
    mutating func scheduleSpeculativeTask(at now: Timestamp) {
        var task = self.newWorkflowTask(
            .speculative, attempt: 1, timeout: .nanoseconds(self.info.taskTimeoutNs), at: now)
        if task.scheduleToStartAt == 0 {
            // Nothing but this repeats a task that does not get to its queue.
            task.scheduleToStartAt = (now + Self.scheduleToStart).nanoseconds
        }
        self.info.workflowTask = task
    }

    mutating func startSpeculativeTask(_ start: WorkflowTaskBeginning) {
        var task = self.info.workflowTask
        task.begin(start)
        task.startedEventID = task.scheduledEventID + 1
        self.info.workflowTask = task
    }
}

extension Transition {
    /// Something is written of the run: a speculative task must not be lost with the memory it is
    /// in any more, and its events come before all that follow.
    mutating func makeWorkflowTaskNormal() {
        guard self.state.hasWorkflowTask, self.state.info.workflowTask.kind == .speculative else {
            return
        }
        var task = self.state.info.workflowTask
        invariant(
            task.scheduledEventID == self.state.info.nextEventID,
            "events came after a speculative workflow task")
        task.kind = .normal
        self.state.info.clearWorkflowTask()
        self.appendScheduled(task)
        if task.startedEventID != 0 { self.append(self.state.workflowTaskStartedEvent(task)) }
        self.state.info.workflowTask = task
        if task.startedEventID == 0 { self.dispatchWorkflowTask() }
    }
}
