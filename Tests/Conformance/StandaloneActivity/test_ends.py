"""Cancellation, termination and deletion of activities that no workflow started."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import ActivityExecutionStatus as Status
from temporalio.api.enums.v1 import PendingActivityState as State
from temporalio.api.enums.v1 import RetryState
from temporalio.client import ActivityFailureError, Client
from temporalio.exceptions import CancelledError

from Support.errors import expect_error
from Support.raw import RawClient, failure, payloads
from Support.sdk import eventually, eventually_sync, make_worker


@activity.defn
async def waits() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.05)


async def test_sdk_cancels(client: Client, names) -> None:
    async with make_worker(
        client, names.task_queue, activities=[waits],
        max_heartbeat_throttle_interval=timedelta(milliseconds=100),
    ):
        handle = await client.start_activity(
            waits, id=names(), task_queue=names.task_queue,
            start_to_close_timeout=timedelta(seconds=40),
            heartbeat_timeout=timedelta(seconds=20))

        async def started() -> bool:
            return (await handle.describe()).last_started_time is not None

        await eventually(started)
        await handle.cancel(reason="enough")
        with pytest.raises(ActivityFailureError) as caught:
            await handle.result()
        assert isinstance(caught.value.cause, CancelledError)
        described = await handle.describe()
        assert described.status.name == "CANCELED" and described.canceled_reason == "enough"


def cancel(raw: RawClient, names, **fields) -> None:
    raw.call("RequestCancelActivityExecution", activity_id=names(), **fields)


def terminate(raw: RawClient, names, **fields) -> None:
    raw.call("TerminateActivityExecution", activity_id=names(), **fields)


def test_cancel_without_a_worker(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue)
    cancel(raw, names, reason="no need", identity="me", request_id="c")
    outcome = raw.activity_outcome(names()).outcome
    assert outcome.failure.message == "Activity canceled"
    assert outcome.failure.canceled_failure_info.details == payloads("no need")
    assert outcome.failure.canceled_failure_info.identity == "me"
    assert not raw.poll_activity(names.task_queue, timeout=2.5).task_token
    cancel(raw, names, request_id="c")
    with expect_error("FAILED_PRECONDITION", match="^activity is in terminal state Canceled$"):
        cancel(raw, names, request_id="other")


def test_cancel_with_a_worker(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue)
    task = raw.next_activity_task(names.task_queue)
    with expect_error("FAILED_PRECONDITION", match="^invalid transition from Started$"):
        raw.call("RespondActivityTaskCanceled", task_token=task.task_token)
    cancel(raw, names, reason="stop", identity="me", request_id="c")
    cancel(raw, names, request_id="c")
    with expect_error(
        "FAILED_PRECONDITION", match="^cancellation already requested with request ID c$"
    ):
        cancel(raw, names, request_id="d")
    info = raw.describe_activity(names()).info
    assert info.status == Status.ACTIVITY_EXECUTION_STATUS_RUNNING
    assert info.run_state == State.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
    assert info.canceled_reason == "stop"
    assert raw.heartbeat(task).cancel_requested
    raw.call("RespondActivityTaskCanceled", task_token=task.task_token, details=payloads("ok"))
    failed = raw.activity_outcome(names()).outcome.failure
    assert failed.canceled_failure_info.details == payloads("ok")
    assert failed.canceled_failure_info.identity == "me"
    info = raw.describe_activity(names()).info
    assert info.status == Status.ACTIVITY_EXECUTION_STATUS_CANCELED


def test_worker_fails_or_completes_instead(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue)
    task = raw.next_activity_task(names.task_queue)
    cancel(raw, names)
    raw.fail_activity(task, failure("could not stop"))
    outcome = raw.activity_outcome(names()).outcome
    assert outcome.retry_state == RetryState.RETRY_STATE_CANCEL_REQUESTED
    assert outcome.failure.message == "could not stop"
    raw.start_activity(names(), names.task_queue)
    task = raw.next_activity_task(names.task_queue)
    cancel(raw, names)
    raw.complete_activity(task, 1)
    assert raw.activity_outcome(names()).outcome.result == payloads(1)


def test_cancel_during_the_start_delay(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue, delay=60)
    cancel(raw, names)
    assert raw.activity_outcome(names()).outcome.failure.HasField("canceled_failure_info")


def test_terminate(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue)
    task = raw.next_activity_task(names.task_queue)
    terminate(raw, names, reason="enough", identity="me", request_id="t")
    failed = raw.activity_outcome(names()).outcome.failure
    assert failed.message == "enough" and failed.terminated_failure_info.identity == "me"
    info = raw.describe_activity(names()).info
    assert info.status == Status.ACTIVITY_EXECUTION_STATUS_TERMINATED
    with expect_error("NOT_FOUND", match="^activity not found for ID"):
        raw.complete_activity(task)
    terminate(raw, names, request_id="t")
    with expect_error("FAILED_PRECONDITION", match="^already terminated with request ID t$"):
        terminate(raw, names, request_id="u")


def test_terminate_what_is_completed(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue)
    raw.complete_activity(raw.next_activity_task(names.task_queue))
    with expect_error("FAILED_PRECONDITION", match="^invalid transition from Completed$"):
        terminate(raw, names)


@pytest.mark.parametrize("state", ["scheduled", "started", "closed"])
def test_delete(raw: RawClient, names, state: str) -> None:
    run_id = raw.start_activity(names(), names.task_queue).run_id
    task = raw.next_activity_task(names.task_queue) if state != "scheduled" else None
    if state == "closed":
        raw.complete_activity(task)
    raw.call("DeleteActivityExecution", activity_id=names(), run_id=run_id)

    def gone() -> bool:
        count = raw.call("CountActivityExecutions", query=f"ActivityId = '{names()}'").count
        return count == 0

    eventually_sync(gone)
    for call in (raw.describe_activity, raw.activity_outcome):
        with expect_error(
            "NOT_FOUND", detail="NotFoundFailure", match=f"^activity not found for ID: {names()}$"
        ):
            call(names())
    with expect_error("NOT_FOUND"):
        raw.call("DeleteActivityExecution", activity_id=names(), run_id=run_id)
    if state == "started":
        with expect_error("NOT_FOUND"):
            raw.complete_activity(task)
    assert raw.start_activity(names(), names.task_queue).started
    assert raw.next_activity_task(names.task_queue).activity_id == names()
