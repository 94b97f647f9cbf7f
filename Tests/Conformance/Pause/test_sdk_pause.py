"""Workflow pause and unpause while a worker of the SDK has the workflow."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, AsyncIterator, Iterator

import pytest
import pytest_asyncio
from temporalio.api.workflowservice import v1 as ws
from temporalio.client import (
    Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateStage)
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError, RPCStatusCode

from Support.histories import IDLE, TASK, assert_history, find, types
from Support.scripts import Script, act, desks
from Support.sdk import eventually, events_of, make_worker, replayed, settles
from Support.server import TargetServer

PAUSED, UNPAUSED = "WorkflowExecutionPaused", "WorkflowExecutionUnpaused"
SIGNALED, COMPLETED = "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"


@pytest.fixture(scope="module")
def pausing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TargetServer]:
    server = TargetServer(
        tmp_path_factory.mktemp("pause"),
        extra=["--dynamic-config-value", "frontend.WorkflowPauseEnabled=true"])
    server.start()
    yield server
    assert server.is_alive, server.log_tail()
    server.stop()


@pytest_asyncio.fixture
async def client(pausing_server: TargetServer) -> AsyncIterator[Client]:
    """A client of a server that allows pausing."""
    yield await Client.connect(pausing_server.address)


def worker(client: Client, names, **options: Any):
    return make_worker(
        client, names.task_queue, workflows=[Script], activities=[act],
        max_heartbeat_throttle_interval=timedelta(milliseconds=50), **options)


async def begin(client: Client, names, *steps: list[Any], **options: Any) -> WorkflowHandle:
    return await client.start_workflow(
        Script.run, list(steps), id=names(), task_queue=names.task_queue, **options)


async def pause(client: Client, handle: WorkflowHandle) -> None:
    await client.workflow_service.pause_workflow_execution(ws.PauseWorkflowExecutionRequest(
        namespace="default", workflow_id=handle.id, identity="operator", reason="wait",
        request_id="p"))


async def unpause(client: Client, handle: WorkflowHandle) -> None:
    await client.workflow_service.unpause_workflow_execution(ws.UnpauseWorkflowExecutionRequest(
        namespace="default", workflow_id=handle.id, identity="operator", reason="go",
        request_id="u"))


@pytest.mark.parametrize("cached", [1000, 0], ids=["sticky", "no-cache"])
async def test_signals_wait(client: Client, names, cached: int) -> None:
    async with worker(client, names, max_cached_workflows=cached):
        handle = await begin(client, names, ["hear", 2])
        await settles(handle, *IDLE)
        await pause(client, handle)
        await handle.signal(Script.tell, "a")
        await handle.signal(Script.tell, "b")
        await settles(handle, *IDLE, PAUSED, SIGNALED, SIGNALED)
        await unpause(client, handle)
        assert await handle.result() == [["a", "b"]]
    assert_history(await replayed(handle, Script), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionPaused {"identity": "operator", "reason": "wait", "requestId": "p"}
        6 WorkflowExecutionSignaled {"input": ["a"]}
        7 WorkflowExecutionSignaled {"input": ["b"]}
        8 WorkflowExecutionUnpaused {"identity": "operator", "reason": "go", "requestId": "u"}
        9 WorkflowTaskScheduled {"attempt": 1}
        10 WorkflowTaskStarted
        11 WorkflowTaskCompleted
        12 WorkflowExecutionCompleted {"result": [[["a", "b"]]]}
    """)


async def test_timer_fires_meanwhile(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["sleep", 0.5])
        await settles(handle, *IDLE, "TimerStarted")
        await pause(client, handle)
        await settles(handle, *IDLE, "TimerStarted", PAUSED, "TimerFired")
        await unpause(client, handle)
        await handle.result()
    assert types(await replayed(handle, Script)) == [
        *IDLE, "TimerStarted", PAUSED, "TimerFired", UNPAUSED, *TASK, COMPLETED]


async def test_activity_completes_meanwhile(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["act", "waits"])
        await desks[names()].begun.wait()
        await pause(client, handle)
        desks[names()].may_end.set()
        before = [*IDLE, "ActivityTaskScheduled", PAUSED, "ActivityTaskStarted",
                  "ActivityTaskCompleted"]
        await settles(handle, *before)
        await unpause(client, handle)
        assert await handle.result() == ["attempt 1"]
    assert types(await replayed(handle, Script)) == [*before, UNPAUSED, *TASK, COMPLETED]


async def test_retries_of_an_activity_wait(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["act", "fails until opened", {"interval": 0.1}])
        await desks[names()].begun.wait()
        await pause(client, handle)
        await asyncio.sleep(0.3)
        tried = len(desks[names()].attempts)
        await asyncio.sleep(0.4)
        assert len(desks[names()].attempts) == tried, "nobody is given the next attempt"
        desks[names()].may_end.set()
        await unpause(client, handle)
        assert await handle.result() == [f"attempt {tried + 1}"]
    events = await replayed(handle, Script)
    assert types(events) == [
        *IDLE, "ActivityTaskScheduled", PAUSED, UNPAUSED, *TASK, "ActivityTaskStarted",
        "ActivityTaskCompleted", *TASK, COMPLETED]
    assert find(events, "ActivityTaskStarted")["attempt"] == tried + 1


async def test_child_completes_meanwhile(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["child", names("c"), [["hear", 1]]])
        before = [*IDLE, "StartChildWorkflowExecutionInitiated", "ChildWorkflowExecutionStarted",
                  *TASK]
        await settles(handle, *before)
        await pause(client, handle)
        await client.get_workflow_handle(names("c")).signal("tell", "child")
        await settles(handle, *before, PAUSED, "ChildWorkflowExecutionCompleted")
        await unpause(client, handle)
        assert await handle.result() == [[["child"]]]
    assert types(await replayed(handle, Script)) == [
        *before, PAUSED, "ChildWorkflowExecutionCompleted", UNPAUSED, *TASK, COMPLETED]


async def test_cancellation_waits(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["hear", 1])
        await settles(handle, *IDLE)
        await pause(client, handle)
        await handle.cancel()
        await settles(handle, *IDLE, PAUSED, "WorkflowExecutionCancelRequested")
        await unpause(client, handle)
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert types(await replayed(handle, Script)) == [
        *IDLE, PAUSED, "WorkflowExecutionCancelRequested", UNPAUSED, *TASK,
        "WorkflowExecutionCanceled"]


async def test_updates_and_queries_are_refused(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["hear", 1])
        await settles(handle, *IDLE)
        await pause(client, handle)
        with pytest.raises(RPCError, match="Workflow is paused. Cannot update") as caught:
            await handle.start_update(
                Script.put, 1, wait_for_stage=WorkflowUpdateStage.ACCEPTED)
        assert caught.value.status == RPCStatusCode.FAILED_PRECONDITION
        # The SDK knows no such status yet.
        reply = await client.workflow_service.query_workflow(ws.QueryWorkflowRequest(
            namespace="default", execution={"workflow_id": names()},
            query={"query_type": "so_far"}))
        assert reply.query_rejected.status == 8, "PAUSED"
        await unpause(client, handle)
        assert await handle.execute_update(Script.put, "now") == 1
        assert await handle.result() == [["now"]]
    events = await replayed(handle, Script)
    assert types(events)[:9] == [*IDLE, PAUSED, UNPAUSED, *TASK]
    assert [name for name in types(events)[9:] if name not in TASK] == [
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted", COMPLETED]


async def test_before_a_worker_exists(client: Client, names) -> None:
    """The first task is taken back, and scheduled again when the workflow goes on."""
    handle = await begin(client, names, ["hear", 1], start_signal="tell", start_signal_args=[1])
    await pause(client, handle)
    async with worker(client, names):
        await asyncio.sleep(0.3)
        before = ["WorkflowExecutionStarted", SIGNALED, "WorkflowTaskScheduled",
                  "WorkflowTaskFailed", PAUSED]
        assert types(await events_of(handle)) == before
        await unpause(client, handle)
        assert await handle.result() == [[1]]
    assert types(await replayed(handle, Script)) == [*before, UNPAUSED, *TASK, COMPLETED]


async def test_worker_that_comes_later_replays_the_pause(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["hear", 2])
        await settles(handle, *IDLE)
        await pause(client, handle)
        await handle.signal(Script.tell, 1)
    async with worker(client, names):
        await unpause(client, handle)
        await eventually(lambda: _heard(handle, 1))
        await handle.signal(Script.tell, 2)
        assert await handle.result() == [[1, 2]]
    events = [name for name in types(await replayed(handle, Script)) if name not in TASK]
    assert [name for name in events if "TimedOut" not in name] == [
        "WorkflowExecutionStarted", PAUSED, SIGNALED, UNPAUSED, SIGNALED, COMPLETED]


async def _heard(handle: WorkflowHandle, count: int) -> bool:
    return len(await handle.query(Script.so_far)) == count


async def test_paused_twice(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["hear", 1])
        await settles(handle, *IDLE)
        for _ in range(2):
            await pause(client, handle)
            await unpause(client, handle)
            await eventually(lambda: _is_worked_on(handle))
        await handle.signal(Script.tell, 1)
        await handle.result()
    assert types(await replayed(handle, Script)) == [
        *IDLE, PAUSED, UNPAUSED, *TASK, PAUSED, UNPAUSED, *TASK, SIGNALED, *TASK, COMPLETED]


async def _is_worked_on(handle: WorkflowHandle) -> bool:
    return types(await events_of(handle))[-1] == "WorkflowTaskCompleted"


async def test_termination(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["hear", 1])
        await settles(handle, *IDLE)
        await pause(client, handle)
        await handle.terminate(reason="enough")
    assert types(await replayed(handle, Script)) == [
        *IDLE, PAUSED, "WorkflowExecutionTerminated"]
