"""Completion callbacks of workflows that a worker of the SDK runs."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy as Conflict
from temporalio.api.workflowservice import v1 as ws
from temporalio.client import Client, WorkflowHandle
from temporalio.converter import DataConverter

from Support.histories import IDLE, TASK, assert_history, find, story, types
from Support.raw import seconds
from Support.receiver import Receiver
from Support.scripts import Script, act
from Support.sdk import events_of, make_worker, replayed, settles

USE = Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING


@pytest_asyncio.fixture
async def client(watching_server) -> Client:
    """A client of a server which may call any address."""
    return await Client.connect(watching_server.address)


def worker(client: Client, names):
    return make_worker(client, names.task_queue, workflows=[Script], activities=[act])


async def begin(
    client: Client, names, receiver: Receiver, *steps: list[Any], path: str = "/done",
    **fields: Any,
) -> WorkflowHandle:
    """The SDK starts no workflow with callbacks but for Nexus; the service does."""
    reply = await client.workflow_service.start_workflow_execution(
        ws.StartWorkflowExecutionRequest(
            namespace="default", workflow_id=names(), workflow_type={"name": "Script"},
            task_queue={"name": names.task_queue}, request_id=str(uuid.uuid4()),
            input={"payloads": await DataConverter.default.encode([list(steps)])},
            completion_callbacks=[receiver.callback(path)], **fields))
    return client.get_workflow_handle(names(), run_id=reply.run_id)


async def told(receiver: Receiver, path: str = "/done") -> Any:
    return await asyncio.to_thread(receiver.wait, path)


async def test_result(client: Client, receiver: Receiver, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, receiver, ["act", "result"], ["hear", 1])
        await handle.signal(Script.tell, {"answer": 42})
        got = await told(receiver)
    assert (got.state, got.json) == ("succeeded", ["attempt 1", [{"answer": 42}]])
    events = await replayed(handle, Script)
    started = find(events, "WorkflowExecutionStarted")["completionCallbacks"]
    assert [c["nexus"]["url"] for c in started] == [receiver.url("/done")]
    # The signal comes when it comes.
    signaled = "WorkflowExecutionSignaled"
    assert [name for name in story(events) if name != signaled] == [
        IDLE[0], "ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted",
        "WorkflowExecutionCompleted"]
    assert types(events).count(signaled) == 1


async def test_failure(client: Client, receiver: Receiver, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, receiver, ["fail"])
        got = await told(receiver)
    assert got.state == "failed" and got.json["message"] == "attempt 1"
    assert types(await replayed(handle, Script)) == [*IDLE, "WorkflowExecutionFailed"]


async def test_cancellation(client: Client, receiver: Receiver, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, receiver, ["hear", 1])
        await settles(handle, *IDLE)
        await handle.cancel()
        got = await told(receiver)
    assert got.state == "canceled"
    assert types(await replayed(handle, Script)) == [
        *IDLE, "WorkflowExecutionCancelRequested", *TASK, "WorkflowExecutionCanceled"]


async def test_termination(client: Client, receiver: Receiver, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, receiver, ["hear", 1])
        await settles(handle, *IDLE)
        await handle.terminate()
        got = await told(receiver)
    assert (got.state, got.json["message"]) == ("failed", "operation terminated")
    assert types(await replayed(handle, Script)) == [*IDLE, "WorkflowExecutionTerminated"]


async def test_timeout(client: Client, receiver: Receiver, names) -> None:
    async with worker(client, names):
        handle = await begin(
            client, names, receiver, ["hear", 1], workflow_run_timeout=seconds(0.5))
        got = await told(receiver)
    assert got.state == "failed"
    assert types(await replayed(handle, Script)) == [*IDLE, "WorkflowExecutionTimedOut"]


@pytest.mark.parametrize("steps, ending", [
    ([["sleep", 1], ["again", [["hear", 1]]]],
     ["TimerStarted", "TimerFired", *TASK, "WorkflowExecutionContinuedAsNew"]),
    ([["fail", 2], ["hear", 1]], ["WorkflowExecutionFailed"])],
    ids=["continue-as-new", "retry"])
async def test_chain(
    client: Client, receiver: Receiver, names, steps: list[Any], ending: list[str]
) -> None:
    """What is told is the end of the last run, once."""
    async with worker(client, names):
        handle = await begin(
            client, names, receiver, *steps,
            retry_policy={"initial_interval": seconds(0.05), "maximum_attempts": 2})
        latest = client.get_workflow_handle(names())
        while (await latest.describe()).run_id == handle.run_id:
            await asyncio.sleep(0.02)
        assert receiver.received("/done") == []
        await latest.signal(Script.tell, "end")
        got = await told(receiver)
    assert got.json[-1] == ["end"] and len(receiver.received("/done")) == 1
    first, last = await replayed(handle, Script), await replayed(latest, Script)
    assert types(first) == [*IDLE, *ending]
    assert find(last, "WorkflowExecutionStarted")["continuedExecutionRunId"] == handle.run_id
    assert find(last, "WorkflowExecutionStarted")["completionCallbacks"]
    assert story(last) == [
        "WorkflowExecutionStarted", "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"]


async def test_attached_to_a_running_workflow(client: Client, receiver: Receiver, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, receiver, ["hear", 1], path="/first")
        await settles(handle, *IDLE)
        again = await begin(
            client, names, receiver, ["never"], path="/second", workflow_id_conflict_policy=USE,
            on_conflict_options={
                "attach_request_id": True, "attach_completion_callbacks": True})
        assert again.run_id == handle.run_id
        await handle.signal(Script.tell, 1)
        first, second = await told(receiver, "/first"), await told(receiver, "/second")
    assert first.json == second.json == [[1]]
    assert_history(await replayed(handle, Script), f"""
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionOptionsUpdated {{"attachedCompletionCallbacks": [{{"nexus": {{"url": "{receiver.url('/second')}"}}}}]}}
        6 WorkflowExecutionSignaled
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 WorkflowExecutionCompleted
    """)


async def test_taken_over_by_a_reset(client: Client, receiver: Receiver, names) -> None:
    """The run that was reset tells nothing; the run that goes on does."""
    async with worker(client, names):
        handle = await begin(client, names, receiver, ["hear", 1])
        await settles(handle, *IDLE)
        reply = await client.workflow_service.reset_workflow_execution(
            ws.ResetWorkflowExecutionRequest(
                namespace="default", workflow_execution={"workflow_id": names()},
                workflow_task_finish_event_id=4, request_id="r", reason="again"))
        new = client.get_workflow_handle(names(), run_id=reply.run_id)
        await new.signal(Script.tell, "new")
        got = await told(receiver)
    assert (got.state, got.json) == ("succeeded", [["new"]])
    assert len(receiver.received("/done")) == 1
    assert types(await events_of(handle)) == [*IDLE, "WorkflowExecutionTerminated"]
    assert story(await replayed(new, Script)) == [
        "WorkflowExecutionStarted", "WorkflowTaskFailed", "WorkflowExecutionSignaled",
        "WorkflowExecutionCompleted"]
