"""Starts as callers of the SDK choose them: id policies, delays, eager first tasks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from Support.histories import IDLE, TASK, assert_history, find, types
from Support.scripts import Script, act
from Support.sdk import events_of, make_worker, replayed, settles

REUSE, CONFLICT = WorkflowIDReusePolicy, WorkflowIDConflictPolicy
COMPLETED, FAILED = "WorkflowExecutionCompleted", "WorkflowExecutionFailed"


def worker(client: Client, names, **options: Any):
    return make_worker(
        client, names.task_queue, workflows=[Script], activities=[act], **options)


async def begin(client: Client, names, *steps: list[Any], **options: Any) -> WorkflowHandle:
    handle = await client.start_workflow(
        Script.run, list(steps), id=names(), task_queue=names.task_queue, **options)
    return client.get_workflow_handle(names(), run_id=handle.first_execution_run_id)


async def end(handle: WorkflowHandle, how: str) -> None:
    if how == "completed":
        await handle.signal(Script.tell, 1)
    elif how == "canceled":
        await handle.cancel()
    elif how == "terminated":
        await handle.terminate()
    try:
        await handle.result()
    except WorkflowFailureError:
        pass


@pytest.mark.parametrize("ended, policy, starts", [
    ("completed", REUSE.ALLOW_DUPLICATE, True),
    ("completed", REUSE.ALLOW_DUPLICATE_FAILED_ONLY, False),
    ("completed", REUSE.REJECT_DUPLICATE, False),
    ("failed", REUSE.ALLOW_DUPLICATE_FAILED_ONLY, True),
    ("failed", REUSE.REJECT_DUPLICATE, False),
    ("canceled", REUSE.ALLOW_DUPLICATE_FAILED_ONLY, True),
    ("terminated", REUSE.ALLOW_DUPLICATE_FAILED_ONLY, True),
], ids=lambda value: value.name.lower() if isinstance(value, REUSE) else str(value))
async def test_id_of_a_closed_workflow(
    client: Client, names, ended: str, policy: WorkflowIDReusePolicy, starts: bool
) -> None:
    async with worker(client, names):
        first = await begin(client, names, ["fail"] if ended == "failed" else ["hear", 1])
        await settles(first, *IDLE, *[FAILED] * (ended == "failed"))
        await end(first, ended)
        if not starts:
            with pytest.raises(WorkflowAlreadyStartedError) as caught:
                await begin(client, names, ["info"], id_reuse_policy=policy)
            assert caught.value.run_id == first.run_id
            assert (await client.get_workflow_handle(names()).describe()).run_id == first.run_id
        else:
            second = await begin(client, names, ["hear", 0], id_reuse_policy=policy)
            assert await second.result() == [[]] and second.run_id != first.run_id
            assert types(await replayed(second, Script)) == [*IDLE, COMPLETED]
    assert types(await replayed(first, Script)) == {
        "completed": [*IDLE, "WorkflowExecutionSignaled", *TASK, COMPLETED],
        "failed": [*IDLE, FAILED],
        "canceled": [*IDLE, "WorkflowExecutionCancelRequested", *TASK,
                     "WorkflowExecutionCanceled"],
        "terminated": [*IDLE, "WorkflowExecutionTerminated"]}[ended]


async def test_running_workflow_is_in_the_way(client: Client, names) -> None:
    async with worker(client, names):
        first = await begin(client, names, ["hear", 1])
        await settles(first, *IDLE)
        with pytest.raises(WorkflowAlreadyStartedError) as caught:
            await begin(client, names, ["info"], id_conflict_policy=CONFLICT.FAIL)
        assert caught.value.run_id == first.run_id
        await settles(first, *IDLE)
        await end(first, "completed")
    assert types(await replayed(first, Script)) == [
        *IDLE, "WorkflowExecutionSignaled", *TASK, COMPLETED]


async def test_running_workflow_is_used(client: Client, names) -> None:
    """The second start changes nothing, whatever it would have run."""
    async with worker(client, names):
        first = await begin(client, names, ["hear", 1])
        await settles(first, *IDLE)
        second = await begin(
            client, names, ["info"], id_conflict_policy=CONFLICT.USE_EXISTING)
        assert second.run_id == first.run_id
        await settles(first, *IDLE)
        await end(first, "completed")
    assert types(await replayed(first, Script)) == [
        *IDLE, "WorkflowExecutionSignaled", *TASK, COMPLETED]


@pytest.mark.parametrize("options", [
    {"id_conflict_policy": CONFLICT.TERMINATE_EXISTING},
    {"id_reuse_policy": REUSE.TERMINATE_IF_RUNNING}], ids=["conflict", "old-policy"])
async def test_running_workflow_is_terminated(
    client: Client, names, options: dict[str, Any]
) -> None:
    async with worker(client, names):
        first = await begin(client, names, ["hear", 1])
        await settles(first, *IDLE)
        await asyncio.sleep(1)  # a run may not be replaced within its first second
        second = await begin(client, names, ["hear", 0], **options)
        assert await second.result() == [[]]
    events = await replayed(first, Script)
    assert types(events) == [*IDLE, "WorkflowExecutionTerminated"]
    assert find(events, "WorkflowExecutionTerminated")["identity"] == "history-service"
    assert types(await replayed(second, Script)) == [*IDLE, COMPLETED]


async def test_signal_goes_to_the_running_workflow(client: Client, names) -> None:
    async with worker(client, names):
        first = await begin(client, names, ["hear", 1])
        await settles(first, *IDLE)
        second = await begin(
            client, names, ["info"], start_signal="tell", start_signal_args=["hello"])
        assert second.run_id == first.run_id
        assert await first.result() == [["hello"]]
    assert_history(await replayed(first, Script), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionSignaled {"signalName": "tell", "input": ["hello"]}
        6 WorkflowTaskScheduled
        7 WorkflowTaskStarted
        8 WorkflowTaskCompleted
        9 WorkflowExecutionCompleted
    """)


async def test_signal_ends_no_policy(client: Client, names) -> None:
    """With a signal too, an id may not be used again where the policy says so."""
    async with worker(client, names):
        first = await begin(client, names, ["hear", 0])
        await first.result()
        with pytest.raises(WorkflowAlreadyStartedError):
            await begin(
                client, names, ["info"], start_signal="tell", start_signal_args=[1],
                id_reuse_policy=REUSE.REJECT_DUPLICATE)
    assert types(await replayed(first, Script)) == [*IDLE, COMPLETED]


async def test_start_delay(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(
            client, names, ["hear", 0], start_delay=timedelta(milliseconds=600))
        assert types(await events_of(handle)) == ["WorkflowExecutionStarted"]
        await handle.result()
    events = await replayed(handle, Script)
    assert types(events) == [*IDLE, COMPLETED]
    assert find(events, "WorkflowExecutionStarted")["firstWorkflowTaskBackoff"] == "0.600s"
    waited = events[1].event_time.ToNanoseconds() - events[0].event_time.ToNanoseconds()
    assert 0.6e9 <= waited < 3e9


async def test_signal_does_not_end_a_start_delay(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(
            client, names, ["hear", 1], start_delay=timedelta(milliseconds=600))
        await handle.signal(Script.tell, "early")
        await settles(handle, "WorkflowExecutionStarted", "WorkflowExecutionSignaled")
        assert await handle.result() == [["early"]]
    events = await replayed(handle, Script)
    assert types(events) == [IDLE[0], "WorkflowExecutionSignaled", *TASK, COMPLETED]
    waited = events[2].event_time.ToNanoseconds() - events[0].event_time.ToNanoseconds()
    assert 0.6e9 <= waited < 3e9


async def test_cancellation_within_a_start_delay(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(
            client, names, ["hear", 1], start_delay=timedelta(milliseconds=500))
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    assert types(await replayed(handle, Script)) == [
        IDLE[0], "WorkflowExecutionCancelRequested", *TASK, "WorkflowExecutionCanceled"]


async def test_eager_start(client: Client, names) -> None:
    """The answer of the start carries the first task; it is started with the workflow."""
    async with worker(client, names, identity="eager-worker"):
        handle = await client.start_workflow(
            Script.run, [["hear", 1]], id=names(), task_queue=names.task_queue,
            request_eager_start=True)
        assert handle.__temporal_eagerly_started
        await settles(handle, *IDLE)
        await handle.signal(Script.tell, 1)
        assert await handle.result() == [[1]]
    events = await replayed(handle, Script)
    assert_history(events, """
        1 WorkflowExecutionStarted {"eagerExecutionAccepted": true}
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted {"scheduledEventId": "2"}
        4 WorkflowTaskCompleted {"scheduledEventId": "2", "startedEventId": "3"}
        5 WorkflowExecutionSignaled
        6 WorkflowTaskScheduled
        7 WorkflowTaskStarted
        8 WorkflowTaskCompleted
        9 WorkflowExecutionCompleted
    """)


async def test_eager_start_without_a_worker_here(client: Client, names) -> None:
    """Nobody in this process could take the task: it is an ordinary start."""
    handle = await client.start_workflow(
        Script.run, [["hear", 0]], id=names(), task_queue=names.task_queue,
        request_eager_start=True)
    assert not handle.__temporal_eagerly_started
    await settles(handle, *IDLE[:2])
    async with worker(client, names):
        await handle.result()
    events = await replayed(handle, Script)
    assert types(events) == [*IDLE, COMPLETED]
    assert not find(events, "WorkflowExecutionStarted").get("eagerExecutionAccepted")


async def test_priority_reaches_activities_and_children(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(
            client, names, ["act", "result"], ["act", "result", {"priority": 1}],
            ["child", names("c"), [["info"]]], priority=Priority(priority_key=2))
        result = await handle.result()
    assert result[2][0]["priority"] == 2
    events = await replayed(handle, Script)
    activity = [*["ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted"], *TASK]
    assert types(events) == [
        *IDLE, *activity, *activity, "StartChildWorkflowExecutionInitiated",
        "ChildWorkflowExecutionStarted", *TASK, "ChildWorkflowExecutionCompleted", *TASK,
        COMPLETED]
    assert find(events, "WorkflowExecutionStarted")["priority"] == {"priorityKey": 2}
    assert find(events, "ActivityTaskScheduled", 1)["priority"] == {"priorityKey": 1}
