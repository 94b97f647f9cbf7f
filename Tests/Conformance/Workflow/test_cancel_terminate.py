"""Cancelling and terminating workflows."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import CancelledError, TerminatedError

from Support.errors import expect_error
from Support.histories import IDLE, assert_history, find, story, types
from Support.raw import RawClient, cancel_workflow, complete
from Support.sdk import make_worker, replayed, settles

_cleaned: list[str] = []


@activity.defn
async def clean_up(what: str) -> None:
    _cleaned.append(what)


@workflow.defn
class Waits:
    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@workflow.defn
class CleansUp:
    @workflow.run
    async def run(self) -> None:
        try:
            await workflow.wait_condition(lambda: False)
        except asyncio.CancelledError:
            await workflow.execute_activity(
                clean_up, workflow.info().workflow_id, start_to_close_timeout=timedelta(seconds=10))
            raise


async def test_cancel(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Waits]):
        handle = await client.start_workflow(Waits.run, id=names(), task_queue=names.task_queue)
        await settles(handle, *IDLE)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert story(await replayed(handle, Waits)) == [
        "WorkflowExecutionStarted", "WorkflowExecutionCancelRequested",
        "WorkflowExecutionCanceled"]
    assert (await handle.describe()).status == 4, "CANCELED"


async def test_cancel_with_clean_up(client: Client, names) -> None:
    worker = make_worker(client, names.task_queue, workflows=[CleansUp], activities=[clean_up])
    async with worker:
        handle = await client.start_workflow(
            CleansUp.run, id=names(), task_queue=names.task_queue)
        await settles(handle, *IDLE)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    assert names() in _cleaned
    assert story(await replayed(handle, CleansUp)) == [
        "WorkflowExecutionStarted", "WorkflowExecutionCancelRequested", "ActivityTaskScheduled",
        "ActivityTaskStarted", "ActivityTaskCompleted", "WorkflowExecutionCanceled"]


async def test_terminate(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Waits]):
        handle = await client.start_workflow(Waits.run, id=names(), task_queue=names.task_queue)
        await settles(handle, *IDLE)
        await handle.terminate("with", "details", reason="enough")
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, TerminatedError)
    events = await replayed(handle, Waits)
    assert types(events) == [*IDLE, "WorkflowExecutionTerminated"]
    terminated = find(events, "WorkflowExecutionTerminated")
    assert terminated["reason"] == "enough" and terminated["details"] == ["with", "details"]


def test_cancel_as_events(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue))
    raw.request_cancel(names(), reason="because")
    raw.respond(raw.next_workflow_task(names.task_queue), cancel_workflow("bye"))
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionCancelRequested {"cause": "because", "identity": "raw-client"}
        6 WorkflowTaskScheduled
        7 WorkflowTaskStarted
        8 WorkflowTaskCompleted
        9 WorkflowExecutionCanceled {"details": ["bye"]}
    """)


def test_cancel_twice_is_one_request(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.request_cancel(names())
    raw.request_cancel(names())
    assert types(raw.history(names())).count("WorkflowExecutionCancelRequested") == 1


def test_cancel_while_a_task_runs_is_buffered(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    raw.request_cancel(names())
    assert types(raw.history(names()))[-1] == "WorkflowTaskStarted"
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(task, complete())
    raw.respond(raw.next_workflow_task(names.task_queue), cancel_workflow())
    assert types(raw.history(names(), run_id))[-1] == "WorkflowExecutionCanceled"


def test_terminate_while_a_task_runs(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "buffered")
    raw.terminate(names(), reason="now")
    events = raw.history(names(), run_id)
    assert_history(events, """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND"}
        5 WorkflowExecutionSignaled
        6 WorkflowExecutionTerminated {"reason": "now"}
    """)
    with expect_error("NOT_FOUND"):
        raw.respond(task, complete())


@pytest.mark.parametrize("action", ["terminate", "request_cancel"])
def test_unknown_workflows(raw: RawClient, names, action: str) -> None:
    with expect_error("NOT_FOUND"):
        getattr(raw, action)(names("none"))


def test_closed_workflows(raw: RawClient, names) -> None:
    """Terminating what has ended fails; asking it to cancel has nothing left to do."""
    run_id = raw.start(names(), names.task_queue).run_id
    raw.terminate(names())
    ended = raw.history(names(), run_id)
    reason = find(ended, "WorkflowExecutionTerminated")["reason"]
    assert reason == "terminated by user via frontend", "nobody gave one"
    with expect_error("NOT_FOUND"):
        raw.terminate(names())
    raw.request_cancel(names())
    assert raw.history(names(), run_id) == ended


@pytest.mark.parametrize("action", ["terminate", "request_cancel", "describe"])
def test_malformed_run_id(raw: RawClient, names, action: str) -> None:
    raw.start(names(), names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        getattr(raw, action)(names(), "not-a-uuid")
    with expect_error("NOT_FOUND"):
        getattr(raw, action)(names(), "11111111-1111-4111-8111-111111111111")
