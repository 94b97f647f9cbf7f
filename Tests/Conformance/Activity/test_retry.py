"""Activity retries: until success, until exhausted, and what ends them at once."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, RetryState

from Support.histories import assert_history
from Support.raw import (
    RawClient, RetryPolicy as RawRetryPolicy, complete, failure, schedule_activity, seconds,
)
from Support.sdk import events_of, eventually_sync, make_worker

SHORT = timedelta(seconds=10)
QUICK = RetryPolicy(initial_interval=timedelta(milliseconds=50), backoff_coefficient=1.0)


@activity.defn
async def succeed_on(attempt: int) -> int:
    now = activity.info().attempt
    if now < attempt:
        raise ApplicationError(f"attempt {now}", type="NotYet")
    return now


@activity.defn
async def fail_with(kind: str, delay: float | None) -> None:
    raise ApplicationError(
        "told to", type=kind,
        next_retry_delay=None if delay is None else timedelta(seconds=delay))


@workflow.defn
class SucceedsLater:
    @workflow.run
    async def run(self, attempt: int, maximum: int) -> int:
        return await workflow.execute_activity(
            succeed_on, attempt, start_to_close_timeout=SHORT,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=50), backoff_coefficient=1.0,
                maximum_attempts=maximum))


@workflow.defn
class NonRetryable:
    @workflow.run
    async def run(self, kind: str) -> None:
        await workflow.execute_activity(
            fail_with, args=[kind, None], start_to_close_timeout=SHORT,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=50), non_retryable_error_types=["Fatal"]))


async def test_retry_until_success(client: Client, names) -> None:
    async with make_worker(
        client, names.task_queue, workflows=[SucceedsLater], activities=[succeed_on]
    ):
        handle = await client.start_workflow(
            SucceedsLater.run, args=[4, 0], id=names(), task_queue=names.task_queue)
        assert await handle.result() == 4
    assert_history(await events_of(handle), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled {"retryPolicy": {"initialInterval": "0.050s", "backoffCoefficient": 1.0, "maximumInterval": "5s"}}
        6 ActivityTaskStarted {"attempt": 4, "lastFailure": {"message": "attempt 3"}}
        7 ActivityTaskCompleted {"result": [4]}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)


async def test_retry_until_exhausted(client: Client, names) -> None:
    async with make_worker(
        client, names.task_queue, workflows=[SucceedsLater], activities=[succeed_on]
    ):
        handle = await client.start_workflow(
            SucceedsLater.run, args=[9, 3], id=names(), task_queue=names.task_queue)
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    error = caught.value.cause
    assert isinstance(error, ActivityError)
    assert error.retry_state == RetryState.MAXIMUM_ATTEMPTS_REACHED
    assert isinstance(error.cause, ApplicationError) and error.cause.message == "attempt 3"
    assert_history(await events_of(handle), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled {"retryPolicy": {"maximumAttempts": 3}}
        6 ActivityTaskStarted {"attempt": 3}
        7 ActivityTaskFailed {"failure": {"message": "attempt 3"}, "retryState": "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED"}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionFailed
    """)


async def test_non_retryable_error_type(client: Client, names) -> None:
    async with make_worker(
        client, names.task_queue, workflows=[NonRetryable], activities=[fail_with]
    ):
        handle = await client.start_workflow(
            NonRetryable.run, "Fatal", id=names(), task_queue=names.task_queue)
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    error = caught.value.cause
    assert isinstance(error, ActivityError)
    assert error.retry_state == RetryState.NON_RETRYABLE_FAILURE
    assert_history(await events_of(handle), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled
        6 ActivityTaskStarted {"attempt": 1}
        7 ActivityTaskFailed {"retryState": "RETRY_STATE_NON_RETRYABLE_FAILURE"}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionFailed
    """)


def _with_activity(raw: RawClient, names, retry: RawRetryPolicy, **timeouts: float) -> str:
    run_id = raw.start(names(), names.task_queue).run_id
    timeouts = timeouts or {"start_to_close": 10}
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names("aq"), retry=retry, **timeouts))
    return run_id


def test_next_retry_delay_overrides_the_policy(raw: RawClient, names) -> None:
    _with_activity(raw, names, RawRetryPolicy(initial_interval=seconds(60)))
    first = raw.next_activity_task(names("aq"))
    before = time.monotonic()
    raw.fail_activity(first, failure("again", next_retry_delay=0.3))
    second = raw.next_activity_task(names("aq"))
    assert second.attempt == 2
    assert 0.25 <= time.monotonic() - before < 5


def test_backoff_grows_by_the_coefficient(raw: RawClient, names) -> None:
    retry = RawRetryPolicy(
        initial_interval=seconds(0.1), backoff_coefficient=3, maximum_interval=seconds(0.5))
    _with_activity(raw, names, retry)
    gaps = []
    task = raw.next_activity_task(names("aq"))
    for _ in range(3):
        before = time.monotonic()
        raw.fail_activity(task, failure("again"))
        task = raw.next_activity_task(names("aq"))
        gaps.append(time.monotonic() - before)
    for gap, least in zip(gaps, (0.1, 0.3, 0.5)):
        assert least - 0.02 <= gap < least + 2, gaps
    assert task.attempt == 4


def test_describe_shows_an_activity_in_backoff(raw: RawClient, names) -> None:
    _with_activity(
        raw, names, RawRetryPolicy(initial_interval=seconds(30), maximum_attempts=5))
    task = raw.next_activity_task(names("aq"), identity="the-worker")
    raw.fail_activity(task, failure("first failure"))
    pending = raw.describe(names()).pending_activities
    assert len(pending) == 1
    info = pending[0]
    assert info.activity_id == "a" and info.activity_type.name == "Work"
    assert info.state == 1, "SCHEDULED"
    assert (info.attempt, info.maximum_attempts) == (2, 5)
    assert info.last_failure.message == "first failure"
    assert info.last_worker_identity
    assert info.current_retry_interval.ToSeconds() == 30
    assert info.HasField("next_attempt_schedule_time")


def test_no_time_left_for_another_attempt(raw: RawClient, names) -> None:
    retry = RawRetryPolicy(initial_interval=seconds(30))
    run_id = _with_activity(raw, names, retry, schedule_to_close=5)
    raw.fail_activity(raw.next_activity_task(names("aq")), failure("the last"))
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled
        6 ActivityTaskStarted
        7 ActivityTaskFailed {"retryState": "RETRY_STATE_TIMEOUT"}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)


def test_default_retry_policy_is_written(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names("aq"), start_to_close=10))
    events = raw.history(names(), run_id)
    policy = events[4].activity_task_scheduled_event_attributes.retry_policy
    assert policy.initial_interval.ToSeconds() == 1
    assert policy.backoff_coefficient == 2.0
    assert policy.maximum_interval.ToSeconds() == 100
    assert policy.maximum_attempts == 0


def test_pending_activity_states(raw: RawClient, names) -> None:
    _with_activity(raw, names, RawRetryPolicy(initial_interval=seconds(1)))
    pending = eventually_sync(lambda: raw.describe(names()).pending_activities)
    assert pending[0].state == 1, "SCHEDULED"
    raw.next_activity_task(names("aq"))
    assert raw.describe(names()).pending_activities[0].state == 2, "STARTED"
    assert raw.describe(names()).pending_activities[0].attempt == 1
