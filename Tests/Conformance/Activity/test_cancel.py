"""Cancellation of activities: running, not started, and how a workflow chose to wait."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import CancelledError, is_cancelled_exception

from Support.histories import IDLE, TASK, assert_history, find, types
from Support.raw import RawClient, cancel_activity, complete, payloads, schedule_activity
from Support.sdk import events_of, make_worker

_started: dict[str, asyncio.Event] = {}


@activity.defn
async def until_cancelled(key: str, swallow: bool) -> str:
    _started[key].set()
    try:
        while True:
            activity.heartbeat("beat")
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        if swallow:
            return "cleaned up"
        raise


@workflow.defn
class CancelsActivity:
    @workflow.run
    async def run(self, key: str, kind: int, swallow: bool) -> str:
        handle = workflow.start_activity(
            until_cancelled, args=[key, swallow], start_to_close_timeout=timedelta(seconds=30),
            heartbeat_timeout=timedelta(seconds=1),
            cancellation_type=workflow.ActivityCancellationType(kind))
        await workflow.wait_condition(lambda: self.go)
        handle.cancel()
        try:
            return f"result: {await handle}"
        except BaseException as error:
            if is_cancelled_exception(error):
                return "cancelled"
            raise

    def __init__(self) -> None:
        self.go = False

    @workflow.signal
    def cancel_it(self) -> None:
        self.go = True


async def _cancelled(client: Client, names, kind, swallow: bool):
    _started[names()] = asyncio.Event()
    worker = make_worker(
        client, names.task_queue, workflows=[CancelsActivity], activities=[until_cancelled],
        max_heartbeat_throttle_interval=timedelta(milliseconds=100))
    async with worker:
        handle = await client.start_workflow(
            CancelsActivity.run, args=[names(), int(kind), swallow], id=names(),
            task_queue=names.task_queue)
        await asyncio.wait_for(_started[names()].wait(), 15)
        await handle.signal(CancelsActivity.cancel_it)
        return await handle.result(), await events_of(handle)


async def test_wait_for_a_cancelled_activity(client: Client, names) -> None:
    kind = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
    result, events = await _cancelled(client, names, kind, swallow=False)
    assert result == "cancelled"
    assert_history(events, """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled
        6 WorkflowExecutionSignaled
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 ActivityTaskCancelRequested {"scheduledEventId": "5"}
        11 ActivityTaskStarted
        12 ActivityTaskCanceled {"scheduledEventId": "5", "startedEventId": "11", "latestCancelRequestedEventId": "10"}
        13 WorkflowTaskScheduled
        14 WorkflowTaskStarted
        15 WorkflowTaskCompleted
        16 WorkflowExecutionCompleted
    """)


async def test_activity_may_complete_instead(client: Client, names) -> None:
    kind = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
    result, events = await _cancelled(client, names, kind, swallow=True)
    assert result == "result: cleaned up"
    assert find(events, "ActivityTaskCompleted")["result"] == ["cleaned up"]
    assert types(events) == [
        *IDLE, "ActivityTaskScheduled", "WorkflowExecutionSignaled", *TASK,
        "ActivityTaskCancelRequested", "ActivityTaskStarted", "ActivityTaskCompleted", *TASK,
        "WorkflowExecutionCompleted"]


async def test_try_cancel_does_not_wait(client: Client, names) -> None:
    kind = workflow.ActivityCancellationType.TRY_CANCEL
    result, events = await _cancelled(client, names, kind, swallow=False)
    assert result == "cancelled"
    assert find(events, "ActivityTaskCancelRequested")["scheduledEventId"] == "5"
    assert types(events) == [
        *IDLE, "ActivityTaskScheduled", "WorkflowExecutionSignaled", *TASK,
        "ActivityTaskCancelRequested", "WorkflowExecutionCompleted"]


async def test_abandon_asks_for_nothing(client: Client, names) -> None:
    kind = workflow.ActivityCancellationType.ABANDON
    result, events = await _cancelled(client, names, kind, swallow=False)
    assert result == "cancelled"
    assert types(events) == [
        *IDLE, "ActivityTaskScheduled", "WorkflowExecutionSignaled", *TASK,
        "WorkflowExecutionCompleted"]


def test_heartbeat_tells_of_the_request(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names("aq"), start_to_close=30, heartbeat=10))
    task = raw.next_activity_task(names("aq"))
    assert not raw.heartbeat(task).cancel_requested
    raw.signal(names(), "go")
    raw.respond(raw.next_workflow_task(names.task_queue), cancel_activity(5))
    assert raw.heartbeat(task).cancel_requested
    assert raw.describe(names()).pending_activities[0].state == 3, "CANCEL_REQUESTED"
    raw.call("RespondActivityTaskCanceled", task_token=task.task_token, details=payloads("tidy"))
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert find(raw.history(names(), run_id), "ActivityTaskCanceled")["details"] == ["tidy"]


def test_not_started_activity_is_cancelled_at_once(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names("aq"), start_to_close=30))
    raw.signal(names(), "go")
    raw.respond(raw.next_workflow_task(names.task_queue), cancel_activity(5))
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled
        6 WorkflowExecutionSignaled
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 ActivityTaskCancelRequested
        11 ActivityTaskCanceled {"details": ["ACTIVITY_ID_NOT_STARTED"]}
        12 WorkflowTaskScheduled
        13 WorkflowTaskStarted
        14 WorkflowTaskCompleted
        15 WorkflowExecutionCompleted
    """)
    assert not raw.poll_activity(names("aq"), timeout=2.5).task_token, "its task must be gone"


@workflow.defn
class OneLongActivity:
    @workflow.run
    async def run(self, key: str) -> None:
        await workflow.execute_activity(
            until_cancelled, args=[key, False], start_to_close_timeout=timedelta(seconds=30),
            heartbeat_timeout=timedelta(seconds=1),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)


async def test_cancelled_workflow_cancels_its_activity(client: Client, names) -> None:
    _started[names()] = asyncio.Event()
    worker = make_worker(
        client, names.task_queue, workflows=[OneLongActivity], activities=[until_cancelled],
        max_heartbeat_throttle_interval=timedelta(milliseconds=100))
    async with worker:
        handle = await client.start_workflow(
            OneLongActivity.run, names(), id=names(), task_queue=names.task_queue)
        await asyncio.wait_for(_started[names()].wait(), 15)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    events = await events_of(handle)
    assert types(events) == [
        *IDLE, "ActivityTaskScheduled", "WorkflowExecutionCancelRequested", *TASK,
        "ActivityTaskCancelRequested", "ActivityTaskStarted", "ActivityTaskCanceled", *TASK,
        "WorkflowExecutionCanceled"]
