"""Local activities: markers, retries, heartbeats of the workflow's task, cancellation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from Support.histories import IDLE, TASK, find, story, types
from Support.scripts import Script, act, desks
from Support.sdk import events_of, eventually, make_worker, replayed

COMPLETED = "WorkflowExecutionCompleted"


async def begin(client: Client, names, *steps: list[Any], **options: Any) -> WorkflowHandle:
    return await client.start_workflow(
        Script.run, list(steps), id=names(), task_queue=names.task_queue, **options)


def worker(client: Client, names):
    return make_worker(client, names.task_queue, workflows=[Script], activities=[act])


async def test_several_in_one_task(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["local", "result"], ["local", "result"])
        assert await handle.result() == ["attempt 1", "attempt 1"]
    assert types(await replayed(handle, Script)) == [
        *IDLE, "MarkerRecorded", "MarkerRecorded", COMPLETED]


async def test_retries_leave_no_trace(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["local", "fails until", {"number": 2}])
        assert await handle.result() == ["attempt 2"]
    assert desks[names()].attempts == [1, 2]
    assert types(await replayed(handle, Script)) == [*IDLE, "MarkerRecorded", COMPLETED]


async def test_failure_is_in_the_marker(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["local", "fails for good"])
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    events = await replayed(handle, Script)
    assert types(events) == [*IDLE, "MarkerRecorded", "WorkflowExecutionFailed"]
    assert find(events, "MarkerRecorded")["failure"]["message"] == "for good"


async def test_long_back_off_is_a_timer(client: Client, names) -> None:
    """Beyond the threshold the workflow waits with a timer, not in the worker."""
    async with worker(client, names):
        handle = await begin(client, names, ["local", "fails until", {
            "number": 2, "interval": 0.3, "local_retry_threshold": 0.1}])
        assert await handle.result() == ["attempt 2"]
    events = await replayed(handle, Script)
    assert types(events) == [
        *IDLE, "MarkerRecorded", "TimerStarted", "TimerFired", *TASK, "MarkerRecorded",
        COMPLETED]
    assert desks[names()].attempts == [1, 2]


async def test_heartbeat_keeps_the_task(client: Client, names) -> None:
    """The worker asks for one task after the other until its local activity is done."""
    async with worker(client, names):
        handle = await begin(
            client, names, ["local", "waits"], task_timeout=timedelta(seconds=1))

        async def has_beaten() -> bool:
            return types(await events_of(handle)).count("WorkflowTaskCompleted") >= 1

        await eventually(has_beaten)
        desks[names()].may_end.set()
        assert await handle.result() == ["attempt 1"]
    events = types(await replayed(handle, Script))
    assert events == [
        "WorkflowExecutionStarted", *TASK * events.count("WorkflowTaskStarted"),
        "MarkerRecorded", COMPLETED]
    assert events.count("WorkflowTaskStarted") >= 2


async def test_signal_during_a_local_activity(client: Client, names) -> None:
    """It waits in the buffer for the task's end, and is there with the next beat."""
    async with worker(client, names):
        handle = await begin(
            client, names, ["local", "waits"], ["hear", 1], task_timeout=timedelta(seconds=1))
        await desks[names()].begun.wait()
        await handle.signal(Script.tell, "meanwhile")
        desks[names()].may_end.set()
        assert await handle.result() == ["attempt 1", ["meanwhile"]]
    assert story(await replayed(handle, Script)) == [
        "WorkflowExecutionStarted", "MarkerRecorded", "WorkflowExecutionSignaled", COMPLETED]
