"""Activities completed by somebody else: by token and by id, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import AsyncActivityCancelledError, Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.service import RPCError

from Support.errors import expect_error
from Support.histories import IDLE, TASK, types
from Support.raw import RawClient, complete, payloads, schedule_activity
from Support.sdk import events_of, make_worker, replayed

_tokens: dict[str, asyncio.Future[bytes]] = {}


@activity.defn
async def hand_over(key: str) -> str:
    if not _tokens[key].done():
        _tokens[key].set_result(activity.info().task_token)
    activity.raise_complete_async()


@workflow.defn
class HandsOver:
    @workflow.run
    async def run(self, key: str) -> str:
        return await workflow.execute_activity(
            hand_over, key, activity_id="handed", start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=1))


@pytest.mark.parametrize("way", ["token", "id"])
@pytest.mark.parametrize("outcome", ["complete", "fail", "heartbeat"])
async def test_completed_from_outside(client: Client, names, way: str, outcome: str) -> None:
    _tokens[names()] = asyncio.get_running_loop().create_future()
    worker = make_worker(client, names.task_queue, workflows=[HandsOver], activities=[hand_over])
    async with worker:
        workflow_handle = await client.start_workflow(
            HandsOver.run, names(), id=names(), task_queue=names.task_queue)
        token = await asyncio.wait_for(_tokens[names()], 15)
        if way == "token":
            handle = client.get_async_activity_handle(task_token=token)
        else:
            handle = client.get_async_activity_handle(
                workflow_id=names(), run_id=workflow_handle.result_run_id, activity_id="handed")
        if outcome == "fail":
            await handle.fail(ApplicationError("outside", type="Outside", non_retryable=True))
            with pytest.raises(WorkflowFailureError) as caught:
                await workflow_handle.result()
            assert isinstance(caught.value.cause, ActivityError)
            assert isinstance(caught.value.cause.cause, ApplicationError)
            assert caught.value.cause.cause.type == "Outside"
            assert types(await events_of(workflow_handle)) == [
                *IDLE, "ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskFailed",
                *TASK, "WorkflowExecutionFailed"]
            return
        if outcome == "heartbeat":
            await handle.heartbeat("still here")
        await handle.complete("from outside")
        assert await workflow_handle.result() == "from outside"
    assert types(await events_of(workflow_handle)) == [
        *IDLE, "ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted", *TASK,
        "WorkflowExecutionCompleted"]


async def test_heartbeat_from_outside_hears_of_cancellation(client: Client, names) -> None:
    _tokens[names()] = asyncio.get_running_loop().create_future()
    worker = make_worker(client, names.task_queue, workflows=[HandsOver], activities=[hand_over])
    async with worker:
        workflow_handle = await client.start_workflow(
            HandsOver.run, names(), id=names(), task_queue=names.task_queue)
        token = await asyncio.wait_for(_tokens[names()], 15)
        handle = client.get_async_activity_handle(task_token=token)
        await handle.heartbeat()
        await workflow_handle.terminate()
        with pytest.raises((AsyncActivityCancelledError, RPCError)):
            await handle.heartbeat()
    assert types(await replayed(workflow_handle, HandsOver)) == [
        *IDLE, "ActivityTaskScheduled", "WorkflowExecutionTerminated"]


def _running(raw: RawClient, names):
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names("aq"), start_to_close=30))
    return raw.next_activity_task(names("aq"))


def test_second_completion_is_refused(raw: RawClient, names) -> None:
    task = _running(raw, names)
    raw.complete_activity(task, 1)
    with expect_error("NOT_FOUND"):
        raw.complete_activity(task, 2)
    with expect_error("NOT_FOUND"):
        raw.heartbeat(task)


def test_completion_after_the_workflow_closed(raw: RawClient, names) -> None:
    task = _running(raw, names)
    raw.terminate(names())
    with expect_error("NOT_FOUND"):
        raw.complete_activity(task, 1)
    with expect_error("NOT_FOUND"):
        raw.heartbeat(task)


def test_unknown_activity_by_id(raw: RawClient, names) -> None:
    _running(raw, names)
    with expect_error("NOT_FOUND"):
        raw.call(
            "RespondActivityTaskCompletedById", workflow_id=names(), activity_id="other",
            result=payloads(1))
    with expect_error("NOT_FOUND"):
        raw.call(
            "RespondActivityTaskCompletedById", workflow_id=names("none"), activity_id="a",
            result=payloads(1))


def test_by_id_without_run_id_means_the_current_run(raw: RawClient, names) -> None:
    _running(raw, names)
    raw.call(
        "RespondActivityTaskCompletedById", workflow_id=names(), activity_id="a",
        result=payloads("by id"))
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
