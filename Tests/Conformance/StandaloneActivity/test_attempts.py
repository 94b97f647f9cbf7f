"""Retries, heartbeats and the four timeouts of activities that no workflow started."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity
from temporalio.api.enums.v1 import ActivityExecutionStatus as Status
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.client import Client
from temporalio.common import RetryPolicy as SDKRetryPolicy

from Support.raw import RawClient, failure, payloads
from Support.sdk import make_worker

QUICK = {"initial_interval": {"nanos": 50_000_000}}


@activity.defn
async def third_time_lucky() -> int:
    if activity.info().attempt < 3:
        raise RuntimeError("not yet")
    return activity.info().attempt


@activity.defn
async def resumes() -> str:
    details = list(activity.info().heartbeat_details)
    if not details:
        activity.heartbeat("kept")
        await asyncio.sleep(60)
    return details[0]


async def test_sdk_retries(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, activities=[third_time_lucky]):
        assert await client.execute_activity(
            third_time_lucky, id=names(), task_queue=names.task_queue,
            start_to_close_timeout=timedelta(seconds=20),
            retry_policy=SDKRetryPolicy(initial_interval=timedelta(milliseconds=50))) == 3


async def test_sdk_heartbeat_timeout_and_details(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, activities=[resumes]):
        assert await client.execute_activity(
            resumes, id=names(), task_queue=names.task_queue,
            start_to_close_timeout=timedelta(seconds=40),
            heartbeat_timeout=timedelta(seconds=1),
            retry_policy=SDKRetryPolicy(initial_interval=timedelta(milliseconds=50))) == "kept"


def test_back_off_is_described(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue, retry={"initial_interval": {"seconds": 30}})
    raw.fail_activity(raw.next_activity_task(names.task_queue), failure("again"))
    info = raw.describe_activity(names(), include_last_failure=True).info
    assert info.attempt == 2 and info.current_retry_interval.seconds == 30
    assert info.last_failure.message == "again"
    assert info.next_attempt_schedule_time.ToNanoseconds() == (
        info.last_attempt_complete_time.ToNanoseconds() + 30_000_000_000)
    assert not raw.describe_activity(names()).info.HasField("last_failure")


def test_next_retry_delay(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue, retry={"initial_interval": {"seconds": 300}})
    raw.fail_activity(
        raw.next_activity_task(names.task_queue), failure("again", next_retry_delay=1))
    info = raw.describe_activity(names()).info
    task = raw.next_activity_task(names.task_queue)
    assert task.attempt == 2
    assert task.current_attempt_scheduled_time.ToNanoseconds() == (
        info.last_attempt_complete_time.ToNanoseconds() + 1_000_000_000)
    raw.complete_activity(task)


def test_attempts_run_out(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue, retry={**QUICK, "maximum_attempts": 2})
    for text in ("first", "second"):
        raw.fail_activity(
            raw.next_activity_task(names.task_queue), failure(text),
            last_heartbeat_details=payloads(text))
    outcome = raw.activity_outcome(names()).outcome
    assert outcome.failure.message == "second"
    assert outcome.retry_state == RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
    info = raw.describe_activity(
        names(), include_heartbeat_details=True, include_last_failure=True).info
    assert info.status == Status.ACTIVITY_EXECUTION_STATUS_FAILED and info.attempt == 2
    assert info.heartbeat_details == payloads("second") and info.total_heartbeat_count == 2
    assert info.last_failure == outcome.failure


def test_failure_that_is_not_retried(raw: RawClient, names) -> None:
    raw.start_activity(
        names(), names.task_queue, retry={**QUICK, "non_retryable_error_types": ["Fatal"]})
    raw.fail_activity(raw.next_activity_task(names.task_queue), failure("no", kind="Fatal"))
    outcome = raw.activity_outcome(names()).outcome
    assert outcome.retry_state == RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE
    assert outcome.failure.application_failure_info.type == "Fatal"


def test_failure_without_a_failure(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue, retry={"maximum_attempts": 1})
    task = raw.next_activity_task(names.task_queue)
    raw.call("RespondActivityTaskFailed", task_token=task.task_token)
    outcome = raw.activity_outcome(names()).outcome
    assert outcome.failure.message == "activity task failed without failure details"


def test_start_to_close(raw: RawClient, names) -> None:
    raw.start_activity(
        names(), names.task_queue, start_to_close=1, retry={**QUICK, "maximum_attempts": 2})
    raw.heartbeat(raw.next_activity_task(names.task_queue), "seen")
    again = raw.next_activity_task(names.task_queue)
    assert again.attempt == 2 and again.heartbeat_details == payloads("seen")
    outcome = raw.activity_outcome(names()).outcome
    info = outcome.failure.timeout_failure_info
    assert info.timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    assert info.last_heartbeat_details == payloads("seen")
    assert outcome.failure.message == "activity StartToClose timeout"
    assert outcome.failure.cause.message == "activity StartToClose timeout"
    assert outcome.retry_state == RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
    described = raw.describe_activity(names()).info
    assert described.status == Status.ACTIVITY_EXECUTION_STATUS_TIMED_OUT


def test_timeout_type_that_is_not_retried(raw: RawClient, names) -> None:
    raw.start_activity(
        names(), names.task_queue, start_to_close=1,
        retry={**QUICK, "non_retryable_error_types": ["TemporalTimeout:StartToClose"]})
    raw.next_activity_task(names.task_queue)
    outcome = raw.activity_outcome(names()).outcome
    assert outcome.retry_state == RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE


def test_schedule_to_start(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue, schedule_to_start=1)
    outcome = raw.activity_outcome(names()).outcome
    kind = outcome.failure.timeout_failure_info.timeout_type
    assert kind == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START
    assert outcome.retry_state == RetryState.RETRY_STATE_TIMEOUT
    assert not raw.poll_activity(names.task_queue, timeout=2.5).task_token


def test_schedule_to_close_over_attempts(raw: RawClient, names) -> None:
    raw.start_activity(
        names(), names.task_queue, schedule_to_close=2, start_to_close=0, retry=QUICK)
    raw.fail_activity(raw.next_activity_task(names.task_queue), failure("once"))
    raw.next_activity_task(names.task_queue)
    outcome = raw.activity_outcome(names()).outcome
    kind = outcome.failure.timeout_failure_info.timeout_type
    assert kind == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
    assert outcome.failure.cause.message == "once"


def test_no_time_for_another_attempt(raw: RawClient, names) -> None:
    raw.start_activity(
        names(), names.task_queue, schedule_to_close=20, heartbeat=1,
        retry={"initial_interval": {"seconds": 30}})
    raw.next_activity_task(names.task_queue)
    outcome = raw.activity_outcome(names()).outcome
    assert outcome.failure.message.startswith("Not enough time to schedule next retry")
    kind = outcome.failure.timeout_failure_info.timeout_type
    assert kind == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
    assert outcome.retry_state == RetryState.RETRY_STATE_TIMEOUT


def test_heartbeats_keep_it_alive(raw: RawClient, names) -> None:
    raw.start_activity(
        names(), names.task_queue, heartbeat=2, retry={"maximum_attempts": 1})
    task = raw.next_activity_task(names.task_queue)
    for beat in range(3):
        assert not raw.activity_outcome(names(), timeout=2.2).HasField("outcome")
        raw.heartbeat(task, beat)
    outcome = raw.activity_outcome(names()).outcome
    info = outcome.failure.timeout_failure_info
    assert info.timeout_type == TimeoutType.TIMEOUT_TYPE_HEARTBEAT
    assert info.last_heartbeat_details == payloads(2)
