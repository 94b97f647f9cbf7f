"""Starting: reuse and conflict policies, request-id dedupe, start delay, what is refused."""

from __future__ import annotations

import time
import uuid

import pytest
from temporalio.api.enums.v1 import (
    WorkflowExecutionStatus as Status, WorkflowIdConflictPolicy as Conflict,
    WorkflowIdReusePolicy as Reuse,
)

from Support.errors import expect_error
from Support.histories import assert_history, find, types
from Support.raw import RawClient, RetryPolicy, complete, fail, seconds

ALLOW = Reuse.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
FAILED_ONLY = Reuse.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
REJECT = Reuse.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
TERMINATE_IF_RUNNING = Reuse.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
UNSET = Conflict.WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED
FAIL = Conflict.WORKFLOW_ID_CONFLICT_POLICY_FAIL
USE = Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
TERMINATE = Conflict.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING


def _existing(raw: RawClient, names, state: str) -> str:
    run_id = raw.start(names(), names.task_queue).run_id
    if state == "completed":
        raw.respond(raw.next_workflow_task(names.task_queue), complete())
    elif state == "failed":
        raw.respond(raw.next_workflow_task(names.task_queue), fail("wanted"))
    elif state == "terminated":
        raw.terminate(names())
    return run_id


@pytest.mark.parametrize("reuse, conflict, outcome", [
    (ALLOW, UNSET, "exists"), (ALLOW, FAIL, "exists"), (ALLOW, USE, "used"),
    (ALLOW, TERMINATE, "replaced"), (FAILED_ONLY, FAIL, "exists"), (FAILED_ONLY, USE, "used"),
    (FAILED_ONLY, TERMINATE, "replaced"), (REJECT, FAIL, "exists"), (REJECT, USE, "used"),
    (TERMINATE_IF_RUNNING, UNSET, "replaced"),
])
def test_id_of_a_running_workflow(raw: RawClient, names, reuse, conflict, outcome) -> None:
    first = _existing(raw, names, "running")
    policies = {"workflow_id_reuse_policy": reuse, "workflow_id_conflict_policy": conflict}
    if outcome == "exists":
        with expect_error(
            "ALREADY_EXISTS", detail="WorkflowExecutionAlreadyStartedFailure",
            match="already running",
        ) as error:
            raw.start(names(), names.task_queue, **policies)
        assert error.detail.run_id == first and error.detail.start_request_id
        return
    reply = raw.start(names(), names.task_queue, **policies)
    if outcome == "used":
        assert (reply.run_id, reply.started) == (first, False)
        assert len(raw.history(names())) == 2
        return
    assert reply.started and reply.run_id != first
    terminated = find(raw.history(names(), first), "WorkflowExecutionTerminated")
    assert terminated["reason"] == "TerminateIfRunning WorkflowIdReusePolicy"
    assert terminated["identity"] == "history-service"
    assert reply.run_id in str(terminated["details"])
    assert raw.describe(names()).workflow_execution_info.execution.run_id == reply.run_id


@pytest.mark.parametrize("state, reuse, starts", [
    ("completed", ALLOW, True), ("completed", FAILED_ONLY, False), ("completed", REJECT, False),
    ("failed", ALLOW, True), ("failed", FAILED_ONLY, True), ("failed", REJECT, False),
    ("terminated", FAILED_ONLY, True), ("terminated", REJECT, False),
])
@pytest.mark.parametrize("conflict", [FAIL, USE], ids=["fail", "use"])
def test_id_of_a_closed_workflow(raw: RawClient, names, state, reuse, starts, conflict) -> None:
    first = _existing(raw, names, state)
    policies = {"workflow_id_reuse_policy": reuse, "workflow_id_conflict_policy": conflict}
    if not starts:
        with expect_error(
            "ALREADY_EXISTS", detail="WorkflowExecutionAlreadyStartedFailure",
            match="already finished",
        ) as error:
            raw.start(names(), names.task_queue, **policies)
        assert error.detail.run_id == first
        return
    reply = raw.start(names(), names.task_queue, **policies)
    assert reply.started and reply.run_id != first


@pytest.mark.parametrize("reuse, conflict", [
    (TERMINATE_IF_RUNNING, USE), (TERMINATE_IF_RUNNING, FAIL), (REJECT, TERMINATE),
])
def test_policies_that_contradict(raw: RawClient, names, reuse, conflict) -> None:
    with expect_error("INVALID_ARGUMENT"):
        raw.start(
            names(), names.task_queue, workflow_id_reuse_policy=reuse,
            workflow_id_conflict_policy=conflict)


def test_request_id_dedupe(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue, request_id="same")
    second = raw.start(names(), names.task_queue, request_id="same")
    assert first.started and second.started and first.run_id == second.run_id
    with expect_error("ALREADY_EXISTS"):
        raw.start(names(), names.task_queue, request_id="other")


def test_request_id_dedupe_after_the_close(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue, request_id="same")
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    second = raw.start(names(), names.task_queue, request_id="same")
    assert second.run_id == first.run_id
    assert second.status == Status.WORKFLOW_EXECUTION_STATUS_COMPLETED


def test_start_response(raw: RawClient, names) -> None:
    reply = raw.start(names(), names.task_queue)
    assert reply.started and reply.run_id
    assert reply.status == Status.WORKFLOW_EXECUTION_STATUS_RUNNING
    started = find(raw.history(names()), "WorkflowExecutionStarted")
    assert started["workflowId"] == names()
    assert started["originalExecutionRunId"] == started["firstExecutionRunId"] == reply.run_id
    assert started["taskQueue"]["name"] == names.task_queue
    assert started["workflowTaskTimeout"] == "10s"
    assert started["identity"] == "raw-client"


def test_eager_start(raw: RawClient, names) -> None:
    """The first workflow task comes with the answer, and again with that of a repeated request."""
    request_id = str(uuid.uuid4())
    reply = raw.start(
        names(), names.task_queue, request_id=request_id, request_eager_execution=True)
    task = reply.eager_workflow_task
    assert types(task.history.events) == [
        "WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted"]
    assert (task.started_event_id, task.previous_started_event_id, task.attempt) == (3, 0, 1)
    assert task.workflow_execution.run_id == reply.run_id and not task.next_page_token
    assert task.workflow_execution_task_queue.name == names.task_queue
    again = raw.start(
        names(), names.task_queue, request_id=request_id, request_eager_execution=True)
    assert again.started and again.eager_workflow_task == task
    assert not raw.poll_workflow(names.task_queue, timeout=2.5).task_token
    raw.respond(task, complete())
    late = raw.start(
        names(), names.task_queue, request_id=request_id, request_eager_execution=True)
    assert late.run_id == reply.run_id and not late.HasField("eager_workflow_task")
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted {"eagerExecutionAccepted": true}
        2 WorkflowTaskScheduled {"attempt": 1}
        3 WorkflowTaskStarted {"scheduledEventId": "2", "identity": "raw-client"}
        4 WorkflowTaskCompleted {"scheduledEventId": "2", "startedEventId": "3"}
        5 WorkflowExecutionCompleted
    """)


def test_eager_task_that_is_not_answered_goes_to_the_queue(raw: RawClient, names) -> None:
    reply = raw.start(
        names(), names.task_queue, request_eager_execution=True, task_timeout=1)
    assert reply.HasField("eager_workflow_task")
    task = raw.next_workflow_task(names.task_queue)
    assert task.attempt == 2
    raw.respond(task, complete())
    assert types(raw.history(names()))[3] == "WorkflowTaskTimedOut"


def test_no_eager_start_with_a_delay(raw: RawClient, names) -> None:
    reply = raw.start(
        names(), names.task_queue, request_eager_execution=True, delay=0.3)
    assert not reply.HasField("eager_workflow_task")
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    events = raw.history(names())
    assert not events[0].workflow_execution_started_event_attributes.eager_execution_accepted


def test_eager_start_switched_off(own_server, names) -> None:
    target = own_server(
        extra=["--dynamic-config-value", "system.enableEagerWorkflowStart=false"]).start()
    raw = RawClient(target.address)
    assert not raw.call("GetSystemInfo").capabilities.eager_workflow_start
    reply = raw.start(names(), names.task_queue, request_eager_execution=True)
    assert not reply.HasField("eager_workflow_task")
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    raw.close()


def test_start_delay(raw: RawClient, names) -> None:
    before = time.monotonic()
    run_id = raw.start(names(), names.task_queue, delay=0.8).run_id
    raw.signal(names(), "early")
    assert types(raw.history(names())) == [
        "WorkflowExecutionStarted", "WorkflowExecutionSignaled"]
    task = raw.next_workflow_task(names.task_queue)
    assert time.monotonic() - before >= 0.75
    raw.respond(task, complete())
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted {"firstWorkflowTaskBackoff": "0.800s"}
        2 WorkflowExecutionSignaled
        3 WorkflowTaskScheduled
        4 WorkflowTaskStarted
        5 WorkflowTaskCompleted
        6 WorkflowExecutionCompleted
    """)


def test_terminate_during_the_start_delay(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, delay=60)
    raw.terminate(names())
    assert types(raw.history(names())) == [
        "WorkflowExecutionStarted", "WorkflowExecutionTerminated"]


@pytest.mark.parametrize("changes", [
    {"workflow_id": ""}, {"workflow_id": "x" * 1001}, {"kind": ""}, {"kind": "t" * 1001},
    {"task_queue": ""}, {"task_queue": "q" * 1001}, {"request_id": "r" * 1001},
    {"run_timeout": -1}, {"execution_timeout": -1}, {"task_timeout": -1}, {"delay": -1},
    {"task_queue": "/_sys/mine/1"},
    {"cron_schedule": "* * * * *", "delay": 5},
], ids=lambda c: "-".join(c) + ("-long" if any(len(str(v)) > 1000 for v in c.values()) else ""))
def test_refused_starts(raw: RawClient, names, changes) -> None:
    fields = {"workflow_id": names(), "task_queue": names.task_queue, **changes}
    with expect_error("INVALID_ARGUMENT"):
        raw.start(**fields)


def test_bad_retry_policy_is_refused(raw: RawClient, names) -> None:
    for policy in (
        RetryPolicy(backoff_coefficient=0.5), RetryPolicy(maximum_attempts=-1),
        RetryPolicy(initial_interval=seconds(10), maximum_interval=seconds(1)),
        RetryPolicy(initial_interval=seconds(-1)),
    ):
        with expect_error("INVALID_ARGUMENT"):
            raw.start(names(), names.task_queue, retry_policy=policy)
