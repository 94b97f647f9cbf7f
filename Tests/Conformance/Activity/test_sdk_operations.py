"""What operators do to pending activities, as workers of the SDK and their workflows see it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.workflowservice import v1 as ws
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, TimeoutError

from Support.histories import IDLE, TASK, assert_history, find, types
from Support.scripts import Script, act, desks
from Support.sdk import eventually, make_worker, replayed, settles

SCHEDULED, STARTED = "ActivityTaskScheduled", "ActivityTaskStarted"
WHOLE = [*IDLE, SCHEDULED, STARTED, "ActivityTaskCompleted", *TASK, "WorkflowExecutionCompleted"]
CANCELED = [
    *IDLE, SCHEDULED, "WorkflowExecutionCancelRequested", *TASK, "ActivityTaskCancelRequested",
    "WorkflowExecutionCanceled"]
ID = {"activity_id": "a"}


def worker(client: Client, names, **options: Any):
    options.setdefault("max_heartbeat_throttle_interval", timedelta(milliseconds=50))
    return make_worker(
        client, names.task_queue, workflows=[Script], activities=[act], **options)


async def begin(client: Client, names, how: str, **options: Any) -> WorkflowHandle:
    """A workflow with one activity `a`, which a worker has begun."""
    options = {**ID, "interval": 0.05, "heartbeat_timeout": 5, **options}
    handle = await client.start_workflow(
        Script.run, [["act", how, options]], id=names(), task_queue=names.task_queue)
    await asyncio.wait_for(desks[names()].begun.wait(), 15)
    return handle


async def operate(client: Client, rpc: str, names, **fields: Any) -> None:
    """Calls one of the four RPCs about a workflow's activity."""
    request = getattr(ws, "".join(word.capitalize() for word in rpc.split("_")) + "Request")
    if "type" not in fields:
        fields["id"] = "a"
    await getattr(client.workflow_service, rpc)(request(
        namespace="default", execution={"workflow_id": names()}, identity="operator", **fields))


async def pending(client: Client, names) -> Any:
    reply = await client.workflow_service.describe_workflow_execution(
        ws.DescribeWorkflowExecutionRequest(
            namespace="default", execution={"workflow_id": names()}))
    return reply.pending_activities[0] if reply.pending_activities else None


async def waits_in_back_off(client: Client, names) -> bool:
    info = await pending(client, names)
    return info.state == 1 and info.attempt > 1


async def test_pause_reaches_a_running_activity(client: Client, names) -> None:
    """A heartbeat tells of it; what the activity ends with then is no attempt's failure."""
    async with worker(client, names):
        handle = await begin(client, names, "waits")
        await operate(client, "pause_activity", names, reason="wait")
        await eventually(lambda: _told(names, "paused"))
        await eventually(lambda: _has_state(client, names, 4))
        desks[names()].may_end.set()
        await asyncio.sleep(0.2)
        assert len(desks[names()].attempts) == 1, "nobody is given it while it is paused"
        await operate(client, "unpause_activity", names)
        assert await handle.result() == [f"attempt {desks[names()].attempts[-1]}"]
    events = await replayed(handle, Script)
    assert types(events) == WHOLE
    assert find(events, STARTED)["attempt"] == desks[names()].attempts[-1]


async def _told(names, what: str) -> bool:
    return desks[names()].told == [what]


async def _has_state(client: Client, names, state: int) -> bool:
    return (await pending(client, names)).state == state


async def test_paused_activity_may_complete(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "waits and swallows")
        await operate(client, "pause_activity", names)
        assert await handle.result() == ["attempt 1"]
    assert desks[names()].told == ["paused"]
    assert types(await replayed(handle, Script)) == WHOLE


async def test_pause_between_attempts(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "fails until opened", interval=0.2)
        await eventually(lambda: waits_in_back_off(client, names))
        await operate(client, "pause_activity", names)
        tried = list(desks[names()].attempts)
        desks[names()].may_end.set()
        await asyncio.sleep(0.4)
        assert desks[names()].attempts == tried
        await operate(client, "unpause_activity", names)
        assert await handle.result() == [f"attempt {tried[-1] + 1}"]
    assert_history(await replayed(handle, Script), f"""
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled {{"activityId": "a"}}
        6 ActivityTaskStarted {{"attempt": {tried[-1] + 1}}}
        7 ActivityTaskCompleted {{"result": ["attempt {tried[-1] + 1}"]}}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)


async def test_unpause_counts_anew(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "fails until opened", interval=5)
        await eventually(lambda: waits_in_back_off(client, names))
        await operate(client, "pause_activity", names)
        desks[names()].may_end.set()
        await operate(client, "unpause_activity", names, reset_attempts=True)
        assert await handle.result() == ["attempt 1"]
    events = await replayed(handle, Script)
    assert types(events) == WHOLE and find(events, STARTED)["attempt"] == 1


async def test_pause_by_type(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "waits")
        await operate(client, "pause_activity", names, type="act")
        await eventually(lambda: _has_state(client, names, 4))
        desks[names()].may_end.set()
        await operate(client, "unpause_activity", names, type="act")
        await handle.result()
    assert desks[names()].told == ["paused"]
    assert types(await replayed(handle, Script)) == WHOLE


async def test_cancellation_of_a_paused_activity(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "fails until opened", interval=0.2)
        await eventually(lambda: waits_in_back_off(client, names))
        await operate(client, "pause_activity", names)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    assert types(await replayed(handle, Script)) == CANCELED


async def test_reset_ends_the_back_off(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "fails until opened", interval=60)
        await eventually(lambda: waits_in_back_off(client, names))
        desks[names()].may_end.set()
        await operate(client, "reset_activity", names)
        assert await handle.result() == ["attempt 1"]
    assert desks[names()].attempts == [1, 1]
    events = await replayed(handle, Script)
    assert types(events) == WHOLE and find(events, STARTED)["attempt"] == 1


async def test_reset_reaches_a_running_activity(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "waits")
        await operate(client, "reset_activity", names)
        await eventually(lambda: _told(names, "reset"))
        desks[names()].may_end.set()
        assert await handle.result() == ["attempt 2"], "the one it was reset in was the first"
    assert desks[names()].attempts == [1, 2]
    assert types(await replayed(handle, Script)) == WHOLE


@pytest.mark.parametrize("forgets", [False, True], ids=["kept", "forgotten"])
async def test_reset_and_heartbeat_details(client: Client, names, forgets: bool) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "goes on", number=2, interval=60)
        await eventually(lambda: waits_in_back_off(client, names))
        await operate(client, "reset_activity", names, reset_heartbeat=forgets)
        await eventually(lambda: _tried(names, 2))
        await eventually(lambda: waits_in_back_off(client, names))
        shown = (await pending(client, names)).heartbeat_details.payloads
        assert [p.data for p in shown] == ([b"1"] if forgets else [b"1", b"1"])
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    assert desks[names()].attempts == [1, 1]
    assert types(await replayed(handle, Script)) == CANCELED


async def _tried(names, count: int) -> bool:
    return len(desks[names()].attempts) == count


async def change(client: Client, names, *paths: str, **options: Any) -> None:
    await operate(
        client, "update_activity_options", names, activity_options=options,
        update_mask=FieldMask(paths=paths))


async def test_options_shorten_the_wait(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "fails until", number=2, interval=60)
        await eventually(lambda: waits_in_back_off(client, names))
        await change(client, names, "retry_policy.initial_interval",
                     retry_policy={"initial_interval": {"nanos": 100_000_000}})
        assert await handle.result() == ["attempt 2"]
    events = await replayed(handle, Script)
    assert types(events) == WHOLE
    assert find(events, SCHEDULED)["retryPolicy"]["initialInterval"] == "60s", "as it was asked"


async def test_options_end_the_retries(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "fails", interval=0.3)
        await eventually(lambda: waits_in_back_off(client, names))
        await change(client, names, "retry_policy.maximum_attempts",
                     retry_policy={"maximum_attempts": 2})
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    events = await replayed(handle, Script)
    assert types(events) == [
        *IDLE, SCHEDULED, STARTED, "ActivityTaskFailed", *TASK, "WorkflowExecutionFailed"]
    failed = find(events, "ActivityTaskFailed")
    assert failed["retryState"] == "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED"
    assert find(events, STARTED)["attempt"] == 2


async def test_options_move_it_to_another_worker(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "fails until", number=2, interval=0.3)
        await eventually(lambda: waits_in_back_off(client, names))
        await change(client, names, "task_queue.name", task_queue={"name": names("other")})
        async with make_worker(client, names("other"), activities=[act], identity="other"):
            assert await handle.result() == ["attempt 2"]
    events = await replayed(handle, Script)
    assert types(events) == WHOLE
    assert find(events, STARTED)["identity"] == "other"
    assert find(events, SCHEDULED)["taskQueue"]["name"] == names.task_queue


async def test_options_shorten_a_running_attempt(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "waits", attempts=1)
        await change(client, names, "start_to_close_timeout",
                     start_to_close_timeout={"seconds": 1})
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        desks[names()].may_end.set()
    assert isinstance(caught.value.cause, ActivityError)
    assert isinstance(caught.value.cause.cause, TimeoutError)
    events = await replayed(handle, Script)
    assert types(events) == [
        *IDLE, SCHEDULED, STARTED, "ActivityTaskTimedOut", *TASK, "WorkflowExecutionFailed"]


async def test_operations_write_no_history(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, "waits")
        await change(client, names, "heartbeat_timeout", heartbeat_timeout={"seconds": 9})
        await operate(client, "pause_activity", names)
        await operate(client, "unpause_activity", names)
        await settles(handle, *IDLE, SCHEDULED)
        desks[names()].may_end.set()
        await handle.result()
    assert types(await replayed(handle, Script)) == WHOLE
