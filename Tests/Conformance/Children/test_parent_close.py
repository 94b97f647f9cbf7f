"""What becomes of a child when its parent closes: every policy with every end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc
import pytest
from temporalio.client import Client, WorkflowHandle

from Support.families import ALL, Child, EndsItself
from Support.histories import IDLE, TASK, find, story, types
from Support.raw import RawClient
from Support.sdk import events_of, eventually, make_worker, replayed

SIGNALED = "WorkflowExecutionSignaled"
# With what the parent's history ends; that of a deleted one is gone.
ENDINGS = {
    "completes": [SIGNALED, "WorkflowExecutionCompleted"],
    "fails": [SIGNALED, "WorkflowExecutionFailed"],
    "is cancelled": ["WorkflowExecutionCancelRequested", "WorkflowExecutionCanceled"],
    "is terminated": ["WorkflowExecutionTerminated"],
    "times out": ["WorkflowExecutionTimedOut"],
    "continues as new": [SIGNALED, "WorkflowExecutionContinuedAsNew"],
}
ENDS = [*ENDINGS, "is deleted"]
TERMINATE, ABANDON, REQUEST_CANCEL = 1, 2, 3


async def _end(handle: WorkflowHandle[Any, Any], raw: RawClient, end: str) -> None:
    """Lets the parent end in one way."""
    if end in ("completes", "fails", "continues as new"):
        await handle.signal(EndsItself.tell, end)
    elif end == "is cancelled":
        await handle.cancel()
    elif end == "is terminated":
        await handle.terminate()
    elif end == "is deleted":
        raw.delete(handle.id)


async def _family(
    client: Client, names, policy: int, end: str, child: str = "wait"
) -> tuple[WorkflowHandle[Any, Any], WorkflowHandle[Any, Any]]:
    """A parent and a child that is being worked on."""
    handle = await client.start_workflow(
        EndsItself.run, args=[names("c"), policy, child], id=names("parent"),
        task_queue=names.task_queue,
        run_timeout=timedelta(seconds=5) if end == "times out" else None)
    started = client.get_workflow_handle(names("c"))

    async def is_worked_on() -> bool:
        try:
            return "WorkflowTaskCompleted" in types(await events_of(started))
        except Exception:
            return False

    await eventually(is_worked_on)
    return handle, started


async def _closes(handle: WorkflowHandle[Any, Any], event: str) -> list[Any]:
    """The handle's history once it ends with an event."""

    async def events() -> list[Any] | None:
        found = await events_of(handle)
        return found if types(found)[-1] == event else None

    return await eventually(events)


async def _assert_parent(client: Client, names, run_id: str, end: str) -> None:
    """The parent's first run: its child, and its end."""
    if end == "is deleted":
        return
    handle = client.get_workflow_handle(names("parent"), run_id=run_id)
    assert story(await replayed(handle, *ALL)) == [
        IDLE[0], "StartChildWorkflowExecutionInitiated", "ChildWorkflowExecutionStarted",
        *ENDINGS[end]]


@pytest.mark.parametrize("end", ENDS)
async def test_terminate(client: Client, raw: RawClient, names, end: str) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle, child = await _family(client, names, TERMINATE, end)
        await _end(handle, raw, end)
        events = await _closes(child, "WorkflowExecutionTerminated")
        await _assert_parent(client, names, handle.first_execution_run_id, end)
    assert types(events) == [*IDLE, "WorkflowExecutionTerminated"]
    terminated = find(events, "WorkflowExecutionTerminated")
    assert terminated["reason"] == "by parent close policy"
    assert terminated["identity"] == "history-service"


@pytest.mark.parametrize("end", ENDS)
async def test_request_cancel(client: Client, raw: RawClient, names, end: str) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle, child = await _family(client, names, REQUEST_CANCEL, end)
        await _end(handle, raw, end)
        events = await _closes(child, "WorkflowExecutionCanceled")
        await _assert_parent(client, names, handle.first_execution_run_id, end)
    assert types(await replayed(child, *ALL)) == [
        *IDLE, "WorkflowExecutionCancelRequested", *TASK, "WorkflowExecutionCanceled"]
    request = find(events, "WorkflowExecutionCancelRequested")
    assert request["externalWorkflowExecution"]["workflowId"] == names("parent")


@pytest.mark.parametrize("end", ENDS)
async def test_abandon(client: Client, raw: RawClient, names, end: str) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle, child = await _family(client, names, ABANDON, end, child="signal")
        await _end(handle, raw, end)
        await eventually(lambda: _is_over(raw, names))
        await child.signal(Child.hear, "still here")
        events = await _closes(child, "WorkflowExecutionCompleted")
        await _assert_parent(client, names, handle.first_execution_run_id, end)
    assert find(events, "WorkflowExecutionCompleted")["result"] == [["still here"]]
    assert types(await replayed(child, *ALL)) == [
        *IDLE, "WorkflowExecutionSignaled", *TASK, "WorkflowExecutionCompleted"]


async def _is_over(raw: RawClient, names) -> bool:
    """Whether the parent's first run is not open any more."""
    try:
        info = raw.describe(names("parent")).workflow_execution_info
    except grpc.RpcError:
        return True
    return info.status != 1 or info.first_run_id != info.execution.run_id


async def test_chain_of_a_child(client: Client, raw: RawClient, names) -> None:
    """The run that is closed is the last one of the child's chain."""
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle, child = await _family(
            client, names, TERMINATE, "completes", child="continues and waits")
        await _end(handle, raw, "completes")
        events = await _closes(child, "WorkflowExecutionTerminated")
        await _assert_parent(client, names, handle.first_execution_run_id, "completes")
    first = find(events, "WorkflowExecutionStarted")["continuedExecutionRunId"]
    assert types(await replayed(client.get_workflow_handle(names("c"), run_id=first), *ALL)) == [
        *IDLE, "WorkflowExecutionContinuedAsNew"]
    assert story(events) == [IDLE[0], "WorkflowExecutionTerminated"]

