"""PauseWorkflowExecution: a run stays open, and nobody works on it."""

from __future__ import annotations

import time
from typing import Iterator

import pytest
from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus

from Support.errors import expect_error
from Support.histories import assert_history, types
from Support.raw import (
    RawClient, complete, failure, marker, schedule_activity, start_timer)
from Support.sdk import eventually_sync

PAUSED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED
RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


@pytest.fixture
def raw(own_server) -> Iterator[RawClient]:
    """A client of a server that allows pausing."""
    server = own_server(
        extra=["--dynamic-config-value", "frontend.WorkflowPauseEnabled=true"]).start()
    client = RawClient(server.address)
    yield client
    client.close()


def pause(raw: RawClient, workflow_id: str, request_id: str = "p", **fields) -> None:
    raw.call(
        "PauseWorkflowExecution", workflow_id=workflow_id, identity="operator", reason="wait",
        request_id=request_id, **fields)


def unpause(raw: RawClient, workflow_id: str, **fields) -> None:
    raw.call(
        "UnpauseWorkflowExecution", workflow_id=workflow_id, identity="operator", reason="go",
        request_id="u", **fields)


def test_before_the_task_is_taken(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    pause(raw, names())
    raw.signal(names(), "s")
    assert not raw.poll_workflow(names.task_queue, timeout=3).task_token
    unpause(raw, names())
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskFailed {"scheduledEventId": "2", "cause": "WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_PAUSE_REQUESTED_BEFORE_TASK_STARTED"}
        4 WorkflowExecutionPaused {"identity": "operator", "reason": "wait", "requestId": "p"}
        5 WorkflowExecutionSignaled
        6 WorkflowExecutionUnpaused {"identity": "operator", "reason": "go", "requestId": "u"}
        7 WorkflowTaskScheduled {"attempt": 1}
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 WorkflowExecutionCompleted
    """)
    paused = raw.history(names())[3]
    assert paused.worker_may_ignore, "older workers know nothing of it"


def test_task_that_is_with_a_worker(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    pause(raw, names())
    with expect_error("FAILED_PRECONDITION", match=(
            "^Workflow is paused and force create new workflow task is not allowed.$")):
        raw.respond(task, force_create_new_workflow_task=True)
    raw.respond(
        task, schedule_activity("a", names.task_queue, start_to_close=30), start_timer("t", 0.2))
    raw.wait_event(names(), EventType.EVENT_TYPE_TIMER_FIRED)
    assert not raw.poll_activity(names.task_queue, timeout=3).task_token
    assert types(raw.history(names())) == [
        "WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskCompleted", "ActivityTaskScheduled", "TimerStarted",
        "WorkflowExecutionPaused", "TimerFired"]
    unpause(raw, names())
    raw.complete_activity(raw.next_activity_task(names.task_queue))
    raw.respond(raw.next_workflow_task(names.task_queue), complete())


def test_activity_that_is_with_a_worker(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names.task_queue, start_to_close=30))
    task = raw.next_activity_task(names.task_queue)
    pause(raw, names())
    raw.fail_activity(task, failure("again"))
    assert not raw.poll_activity(names.task_queue, timeout=3).task_token
    unpause(raw, names())
    task = raw.next_activity_task(names.task_queue)
    assert task.attempt == 2
    raw.complete_activity(task)


def test_activity_nobody_had_taken(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names.task_queue, start_to_close=30))
    pause(raw, names())
    assert not raw.poll_activity(names.task_queue, timeout=3).task_token
    unpause(raw, names())
    assert raw.next_activity_task(names.task_queue).attempt == 1
    assert not raw.poll_activity(names.task_queue, timeout=3).task_token, "handed out once"


def test_what_is_shown(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    pause(raw, names())
    described = raw.describe(names())
    assert described.workflow_execution_info.status == PAUSED
    assert not described.workflow_execution_info.HasField("close_time")
    info = described.workflow_extended_info.pause_info
    assert (info.identity, info.reason) == ("operator", "wait")
    assert info.paused_time.seconds > 1_500_000_000
    eventually_sync(lambda: raw.call(
        "CountWorkflowExecutions",
        query=f'WorkflowId = "{names()}" AND ExecutionStatus = "Paused"').count == 1)
    unpause(raw, names())
    described = raw.describe(names())
    assert described.workflow_execution_info.status == RUNNING
    assert not described.workflow_extended_info.HasField("pause_info")
    namespace = raw.call("DescribeNamespace", namespace="default").namespace_info
    assert namespace.capabilities.workflow_pause


def test_queries_are_rejected(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(raw.next_workflow_task(names.task_queue), marker("m"))
    pause(raw, names())
    assert raw.query(names(), "q").query_rejected.status == PAUSED


def test_twice(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    pause(raw, names())
    before = types(raw.history(names()))
    pause(raw, names())
    assert types(raw.history(names())) == before
    with expect_error("FAILED_PRECONDITION", match=r"^workflow is already paused\.$"):
        pause(raw, names(), request_id="another")
    unpause(raw, names())
    with expect_error("FAILED_PRECONDITION", match="workflow is not paused"):
        unpause(raw, names())


def test_ends(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    pause(raw, names())
    with expect_error("ALREADY_EXISTS"):
        raw.start(names(), names.task_queue)
    raw.terminate(names())
    assert types(raw.history(names()))[-1] == "WorkflowExecutionTerminated"
    with expect_error("NOT_FOUND", match="already completed"):
        pause(raw, names())


def test_run_timeout_goes_on(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, run_timeout=1)
    pause(raw, names())
    closed = raw.wait_closed(names(), timeout=5)
    assert closed.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT


def test_start_delay_that_ends_meanwhile(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, delay=0.5)
    pause(raw, names())
    time.sleep(1)
    assert not raw.poll_workflow(names.task_queue, timeout=3).task_token
    unpause(raw, names())
    raw.respond(raw.next_workflow_task(names.task_queue), complete())


def test_refused_where_it_is_enabled(raw: RawClient, names) -> None:
    with expect_error("INVALID_ARGUMENT", match="WorkflowId is not set"):
        raw.call("PauseWorkflowExecution")
    for field, text in (
        ("reason", "reason is too long"), ("request_id", "request id is too long"),
        ("identity", "identity is too long"),
    ):
        with expect_error("INVALID_ARGUMENT", match=text):
            raw.call("PauseWorkflowExecution", workflow_id="w", **{field: "x" * 2000})
    with expect_error("NOT_FOUND"):
        pause(raw, names("none"))


def test_paused_activity_stays_paused_when_the_workflow_goes_on(raw: RawClient, names) -> None:
    def paused() -> str:
        fields = raw.describe(names()).workflow_execution_info.search_attributes.indexed_fields
        return fields["TemporalPauseInfo"].data.decode() if "TemporalPauseInfo" in fields else ""

    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names("aq"), start_to_close=30),
        schedule_activity("b", names("aq"), start_to_close=30))
    raw.call("PauseActivity", execution={"workflow_id": names()}, id="a", request_id="1")
    pause(raw, names())
    assert paused() == f'["Workflow:{names()}","Reason:wait","property:activityType=Work"]'
    assert not raw.poll_activity(names("aq"), timeout=3).task_token
    unpause(raw, names())
    assert paused() == '["property:activityType=Work"]'
    assert raw.next_activity_task(names("aq")).activity_id == "b"
    assert not raw.poll_activity(names("aq"), timeout=3).task_token
    raw.call("UnpauseActivity", execution={"workflow_id": names()}, id="a")
    assert raw.next_activity_task(names("aq")).activity_id == "a"
    assert paused() == ""
    assert types(raw.history(names()))[6:8] == [
        "WorkflowExecutionPaused", "WorkflowExecutionUnpaused"]
