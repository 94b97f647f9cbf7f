"""Resets of another run than the current one: what becomes of the run that is left for it."""

from __future__ import annotations

import time

import pytest
from temporalio.api.enums.v1 import EventType, ParentClosePolicy

from Reset.test_resets import reset
from Support.histories import IDLE, assert_history, find, types
from Support.raw import RawClient, complete, continue_as_new, start_child
from Support.sdk import eventually_sync

CHILD_STARTED = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
CHILD_COMPLETED = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED
# What a child that nobody works on has in its history for each policy of a parent that ended.
CLOSED = {
    "TERMINATE": ["WorkflowExecutionTerminated"],
    "REQUEST_CANCEL": ["WorkflowExecutionCancelRequested"],
    "ABANDON": [],
}


def _two_runs(raw: RawClient, names, *commands) -> tuple[str, str]:
    """A run that completed, and an open one after it, whose first task said the commands."""
    first = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    second = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), *commands)
    return first, second


def _reset_run_id(raw: RawClient, names, run_id: str) -> str:
    return raw.describe(names(), run_id).workflow_extended_info.reset_run_id


def test_only_the_base_names_the_new_run(raw: RawClient, names) -> None:
    first, second = _two_runs(raw, names)
    run_id = reset(raw, names(), 4, run_id=first, reason="back to the first")
    assert _reset_run_id(raw, names, first) == run_id
    assert _reset_run_id(raw, names, second) == ""
    assert types(raw.history(names(), first)) == [*IDLE, "WorkflowExecutionCompleted"]
    assert_history(raw.history(names(), second), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionTerminated {"reason": "back to the first", "identity": "history-resetter"}
    """)
    assert_history(raw.history(names(), run_id), f"""
        1 WorkflowExecutionStarted {{"originalExecutionRunId": "{first}"}}
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {{"baseRunId": "{first}", "newRunId": "{run_id}"}}
        5 WorkflowTaskScheduled
    """)


def test_a_closed_current_run_stays_as_it_was(raw: RawClient, names) -> None:
    first, second = _two_runs(raw, names, complete("second"))
    before = raw.history(names(), second)
    run_id = reset(raw, names(), 4, run_id=first)
    assert raw.history(names(), second) == before
    assert types(before) == [*IDLE, "WorkflowExecutionCompleted"]
    assert (_reset_run_id(raw, names, first), _reset_run_id(raw, names, second)) == (run_id, "")


@pytest.mark.parametrize("policy", CLOSED)
def test_children_of_the_run_that_is_left(raw: RawClient, names, policy: str) -> None:
    """Nobody goes on for them: their parent has ended, as by any other end."""
    first, second = _two_runs(raw, names, start_child(
        names("c"), task_queue=names("cq"),
        policy=ParentClosePolicy.Value(f"PARENT_CLOSE_POLICY_{policy}")))
    raw.wait_event(names(), CHILD_STARTED, second)
    reset(raw, names(), 4, run_id=first)
    expected = [*IDLE[:2], *CLOSED[policy]]
    eventually_sync(lambda: types(raw.history(names("c"))) == expected)
    time.sleep(0.3)
    child = raw.history(names("c"))
    assert types(child) == expected, "nothing comes after it"
    assert find(child, "WorkflowExecutionStarted")["parentWorkflowExecution"]["runId"] == second
    assert types(raw.history(names(), second)) == [
        *IDLE, "StartChildWorkflowExecutionInitiated", "ChildWorkflowExecutionStarted",
        "WorkflowTaskScheduled", "WorkflowExecutionTerminated"]


@pytest.mark.parametrize("policy", CLOSED)
def test_children_of_the_run_that_is_reset(raw: RawClient, names, policy: str) -> None:
    """The new run goes on in its parent's place: no policy is carried out."""
    _, second = _two_runs(raw, names, start_child(
        names("c"), task_queue=names("cq"),
        policy=ParentClosePolicy.Value(f"PARENT_CLOSE_POLICY_{policy}")))
    raw.wait_event(names(), CHILD_STARTED, second)
    run_id = reset(raw, names(), 4, run_id=second)
    assert _reset_run_id(raw, names, second) == run_id
    time.sleep(0.3)
    assert types(raw.history(names("c"))) == IDLE[:2]


def test_the_parent_of_the_run_that_is_left(raw: RawClient, names) -> None:
    """To it the reset is no end; it hears of the end of the run that goes on."""
    raw.start(names("p"), names("pq"))
    raw.respond(
        raw.next_workflow_task(names("pq")), start_child(names(), task_queue=names.task_queue))
    raw.wait_event(names("p"), CHILD_STARTED)
    task = raw.next_workflow_task(names.task_queue)
    first = task.workflow_execution.run_id
    raw.respond(task, continue_as_new("Raw", names.task_queue))
    task = raw.next_workflow_task(names.task_queue)
    second = task.workflow_execution.run_id
    raw.respond(task)
    run_id = reset(raw, names(), 4, run_id=first)
    time.sleep(0.3)
    before = [
        *IDLE, "StartChildWorkflowExecutionInitiated", "ChildWorkflowExecutionStarted",
        "WorkflowTaskScheduled"]
    assert types(raw.history(names("p"))) == before
    assert types(raw.history(names(), second)) == [*IDLE, "WorkflowExecutionTerminated"]
    raw.respond(raw.next_workflow_task(names.task_queue), complete("anew"))
    completed = raw.wait_event(names("p"), CHILD_COMPLETED)
    told = completed.child_workflow_execution_completed_event_attributes
    assert told.workflow_execution.run_id == run_id
    assert types(raw.history(names("p"))) == [*before, "ChildWorkflowExecutionCompleted"]
