"""Workflow tasks: failures and timeouts, transient attempts, stale tokens, wrong commands."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.client import Client

from Support.errors import expect_error
from Support.histories import IDLE, TASK, assert_history, find, story, types
from Support.raw import (
    RawClient, cancel_activity, complete, marker, schedule_activity, start_timer, ws,
)
from Support.sdk import events_of, eventually, make_worker, replayed

FAILURE = Cause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE


def test_failed_task_is_tried_again_as_a_transient_one(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.fail_workflow_task(raw.next_workflow_task(names.task_queue), FAILURE, "first")
    second = raw.next_workflow_task(names.task_queue)
    assert second.attempt == 2
    # The attempt stands at the end of what the worker gets, not in the stored history.
    assert types(second.history.events)[-2:] == ["WorkflowTaskScheduled", "WorkflowTaskStarted"]
    assert second.started_event_id == second.history.events[-1].event_id == 6
    raw.fail_workflow_task(second, FAILURE, "second")
    third = raw.next_workflow_task(names.task_queue)
    assert third.attempt == 3
    raw.respond(third, complete())
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE", "failure": {"message": "first"}}
        5 WorkflowTaskScheduled {"attempt": 3}
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted {"scheduledEventId": "5", "startedEventId": "6"}
        8 WorkflowExecutionCompleted
    """)


def test_pending_workflow_task_shows_its_attempt(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    assert raw.describe(names()).pending_workflow_task.state == 1, "SCHEDULED"
    raw.fail_workflow_task(raw.next_workflow_task(names.task_queue), FAILURE)
    raw.next_workflow_task(names.task_queue)
    pending = raw.describe(names()).pending_workflow_task
    assert (pending.state, pending.attempt) == (2, 2), "STARTED"


def test_task_timeout(raw: RawClient, names) -> None:
    """A worker polls and never answers."""
    run_id = raw.start(names(), names.task_queue, task_timeout=1).run_id
    lost = raw.next_workflow_task(names.task_queue)
    second = raw.next_workflow_task(names.task_queue)
    assert second.attempt == 2
    with expect_error("NOT_FOUND"):
        raw.respond(lost, complete("late"))
    raw.respond(second, complete("in time"))
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted {"workflowTaskTimeout": "1s"}
        2 WorkflowTaskScheduled {"startToCloseTimeout": "1s"}
        3 WorkflowTaskStarted
        4 WorkflowTaskTimedOut {"scheduledEventId": "2", "startedEventId": "3", "timeoutType": "TIMEOUT_TYPE_START_TO_CLOSE"}
        5 WorkflowTaskScheduled {"attempt": 2}
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 WorkflowExecutionCompleted {"result": ["in time"]}
    """)


def test_new_event_makes_a_transient_task_normal(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.fail_workflow_task(raw.next_workflow_task(names.task_queue), FAILURE)
    raw.signal(names(), "s")
    task = raw.next_workflow_task(names.task_queue)
    raw.respond(task, complete())
    names_of_events = types(raw.history(names(), run_id))
    assert names_of_events == [
        "WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskFailed", "WorkflowExecutionSignaled", "WorkflowTaskScheduled",
        "WorkflowTaskStarted", "WorkflowTaskCompleted", "WorkflowExecutionCompleted",
    ]


def test_signal_during_a_failing_task(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "s")
    raw.fail_workflow_task(task, FAILURE)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    events = types(raw.history(names(), run_id))
    assert events[3:5] == ["WorkflowTaskFailed", "WorkflowExecutionSignaled"]
    assert events[-1] == "WorkflowExecutionCompleted"


def test_token_is_good_once(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    raw.respond(task, start_timer("t", 60))
    with expect_error("NOT_FOUND"):
        raw.respond(task, start_timer("u", 60))
    with expect_error("NOT_FOUND"):
        raw.fail_workflow_task(task, FAILURE)


def test_new_task_on_demand(raw: RawClient, names) -> None:
    """force_create_new_workflow_task: how SDKs keep a task with local activities alive."""
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), force_create_new_workflow_task=True)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert types(raw.history(names(), run_id)) == [
        "WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskCompleted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskCompleted", "WorkflowExecutionCompleted",
    ]


def test_forced_new_task_goes_to_the_sticky_queue(raw: RawClient, names) -> None:
    """A worker that does not ask for an in-line task polls for it as for any other."""
    raw.start(names(), names.task_queue)
    first = raw.next_workflow_task(names.task_queue)
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(
            raw.next_workflow_task, names("sticky"), sticky_of=names.task_queue)
        time.sleep(0.5)  # A sticky queue nobody polls yet would be passed over.
        reply = raw.respond(
            first, sticky=names("sticky"), force_create_new_workflow_task=True)
        assert not reply.HasField("workflow_task")
        task = polled.result()
    assert task.previous_started_event_id == 3 and task.started_event_id == 6
    assert [e.event_id for e in task.history.events] == [4, 5, 6]
    raw.respond(task, complete())


@pytest.mark.parametrize("commands, cause", [
    (lambda q: [schedule_activity("", q, start_to_close=5)], "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES"),
    (lambda q: [schedule_activity("a", q, start_to_close=5, kind="")],
     "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES"),
    (lambda q: [schedule_activity("a", q, start_to_close=5)] * 2, "SCHEDULE_ACTIVITY_DUPLICATE_ID"),
    (lambda q: [cancel_activity(99)], "BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES"),
    (lambda q: [marker("")], "BAD_RECORD_MARKER_ATTRIBUTES"),
], ids=["no-id", "no-type", "duplicate", "unknown-activity", "no-marker-name"])
def test_wrong_commands_fail_the_task(raw: RawClient, names, commands, cause: str) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(task, *commands(names("aq")))
    failed = find(raw.history(names(), run_id), "WorkflowTaskFailed")
    assert failed["cause"] == f"WORKFLOW_TASK_FAILED_CAUSE_{cause}"
    raw.respond(raw.next_workflow_task(names.task_queue), complete())


def test_close_command_must_be_last(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(task, complete(), start_timer("t", 1))


@pytest.mark.parametrize("rpc", ["RespondWorkflowTaskCompleted", "RespondWorkflowTaskFailed"])
def test_malformed_tokens(raw: RawClient, rpc: str) -> None:
    for token in (b"", b"junk", b"\x00" * 40, b"\xff" * 100):
        with expect_error("INVALID_ARGUMENT"):
            raw.call(rpc, task_token=token)


def test_first_task_as_a_worker_sees_it(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue, kind="Kind").run_id
    task: ws.PollWorkflowTaskQueueResponse = raw.next_workflow_task(names.task_queue)
    assert task.workflow_execution.workflow_id == names()
    assert task.workflow_execution.run_id == run_id
    assert task.workflow_type.name == "Kind"
    assert (task.previous_started_event_id, task.started_event_id, task.attempt) == (0, 3, 1)
    assert task.workflow_execution_task_queue.name == names.task_queue
    assert [e.event_id for e in task.history.events] == [1, 2, 3]
    assert not task.next_page_token
    assert task.scheduled_time.seconds > 0 and task.started_time.seconds > 0


_deterministic = {"yes": True}


@workflow.defn
class ThrowsOnce:
    @workflow.run
    async def run(self, key: str) -> str:
        if _deterministic.setdefault(key, False) is False:
            _deterministic[key] = True
            raise RuntimeError("not a failure of the workflow, of its code")
        return "recovered"


async def test_exception_in_workflow_code_fails_the_task_only(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[ThrowsOnce]):
        handle = await client.start_workflow(
            ThrowsOnce.run, names(), id=names(), task_queue=names.task_queue)
        assert await handle.result() == "recovered"
    events = await replayed(handle, ThrowsOnce)
    assert types(events) == [
        *IDLE[:3], "WorkflowTaskFailed", *TASK, "WorkflowExecutionCompleted"]
    failed = find(events, "WorkflowTaskFailed")
    assert failed["cause"] == "WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE"
    assert "not a failure" in failed["failure"]["message"]


_shape = {}


@workflow.defn
class ChangesItsMind:
    @workflow.run
    async def run(self, key: str) -> str:
        if _shape[key] == "timer":
            await workflow.sleep(0.2)
        await workflow.wait_condition(lambda: self.go)
        return "done"

    def __init__(self) -> None:
        self.go = False

    @workflow.signal
    def proceed(self) -> None:
        self.go = True


async def test_non_determinism_fails_the_task(client: Client, names) -> None:
    _shape[names()] = "timer"
    options = {"workflows": [ChangesItsMind], "max_cached_workflows": 0}
    async with make_worker(client, names.task_queue, **options):
        handle = await client.start_workflow(
            ChangesItsMind.run, names(), id=names(), task_queue=names.task_queue)

        # The task after the timer has to end as well: a worker that stops with one in its hands
        # leaves it to time out, and failures of later attempts leave no event.
        async def waits_for_the_signal() -> bool:
            seen = types(await events_of(handle))
            return "TimerFired" in seen and seen[-1] == "WorkflowTaskCompleted"

        await eventually(waits_for_the_signal)
    _shape[names()] = "nothing"
    async with make_worker(client, names.task_queue, **options):
        await handle.signal(ChangesItsMind.proceed)

        async def has_failed() -> bool:
            return "WorkflowTaskFailed" in types(await events_of(handle))

        await eventually(has_failed)
    events = await events_of(handle)
    assert story(events) == [
        IDLE[0], "TimerStarted", "TimerFired", "WorkflowExecutionSignaled", "WorkflowTaskFailed"]
    failed = find(events, "WorkflowTaskFailed")
    assert failed["cause"] == "WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR"
    await handle.terminate()
