"""Workflow run and execution timeouts, workflow retry policies."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy as SDKRetryPolicy
from temporalio.exceptions import ApplicationError

from Support.histories import IDLE, assert_history, find, types
from Support.raw import RawClient, RetryPolicy, complete, fail, seconds
from Support.sdk import events_of, make_worker


def test_run_timeout(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue, run_timeout=0.5).run_id
    raw.wait_closed(names(), run_id)
    events = raw.history(names(), run_id)
    assert_history(events, """
        1 WorkflowExecutionStarted {"workflowRunTimeout": "0.500s", "workflowTaskTimeout": "0.500s"}
        2 WorkflowTaskScheduled
        3 WorkflowExecutionTimedOut {"retryState": "RETRY_STATE_RETRY_POLICY_NOT_SET"}
    """)
    waited = events[2].event_time.ToNanoseconds() - events[0].event_time.ToNanoseconds()
    assert 0.5e9 <= waited < 3e9
    assert raw.describe(names()).workflow_execution_info.status == 7, "TIMED_OUT"


def test_run_timeout_while_a_task_runs(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue, run_timeout=0.6).run_id
    raw.next_workflow_task(names.task_queue)
    raw.wait_closed(names(), run_id)
    assert find(raw.history(names(), run_id), "WorkflowExecutionTimedOut")


def test_execution_timeout(raw: RawClient, names) -> None:
    run_id = raw.start(
        names(), names.task_queue, execution_timeout=0.6,
        retry_policy=RetryPolicy(initial_interval=seconds(60))).run_id
    raw.wait_closed(names(), run_id)
    events = raw.history(names(), run_id)
    started = find(events, "WorkflowExecutionStarted")
    assert started["workflowRunTimeout"] == "0.600s", "the run timeout is capped"
    assert started["workflowExecutionExpirationTime"]
    assert not find(events, "WorkflowExecutionTimedOut").get("newExecutionRunId")


def test_run_timeout_with_another_attempt(raw: RawClient, names) -> None:
    first = raw.start(
        names(), names.task_queue, run_timeout=0.5,
        retry_policy=RetryPolicy(initial_interval=seconds(0.1), maximum_attempts=2)).run_id
    raw.wait_closed(names(), first)
    timed_out = find(raw.history(names(), first), "WorkflowExecutionTimedOut")
    assert timed_out["retryState"] == "RETRY_STATE_IN_PROGRESS"
    second = timed_out["newExecutionRunId"]
    raw.wait_closed(names(), second)
    last = find(raw.history(names(), second), "WorkflowExecutionTimedOut")
    assert last["retryState"] == "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED"
    assert not last.get("newExecutionRunId")


def test_retry_after_failure(raw: RawClient, names) -> None:
    first = raw.start(
        names(), names.task_queue,
        retry_policy=RetryPolicy(initial_interval=seconds(0.1), maximum_attempts=3)).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), fail("first"))
    failed = find(raw.history(names(), first), "WorkflowExecutionFailed")
    assert failed["retryState"] == "RETRY_STATE_IN_PROGRESS"
    second = failed["newExecutionRunId"]
    task = raw.next_workflow_task(names.task_queue)
    assert task.workflow_execution.run_id == second
    started = find(task.history.events, "WorkflowExecutionStarted")
    assert started["attempt"] == 2
    assert started["initiator"] == "CONTINUE_AS_NEW_INITIATOR_RETRY"
    assert started["continuedFailure"]["message"] == "first"
    assert started["continuedExecutionRunId"] == started["firstExecutionRunId"] == first
    assert started["firstWorkflowTaskBackoff"]
    raw.respond(task, complete("second time lucky"))


def test_retry_gives_up(raw: RawClient, names) -> None:
    raw.start(
        names(), names.task_queue,
        retry_policy=RetryPolicy(initial_interval=seconds(0.1), maximum_attempts=2))
    for attempt in (1, 2):
        raw.respond(raw.next_workflow_task(names.task_queue), fail(f"attempt {attempt}"))
    failed = find(raw.history(names()), "WorkflowExecutionFailed")
    assert failed["retryState"] == "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED"


def test_non_retryable_type_is_not_retried(raw: RawClient, names) -> None:
    raw.start(
        names(), names.task_queue,
        retry_policy=RetryPolicy(
            initial_interval=seconds(0.1), non_retryable_error_types=["Oops"]))
    raw.respond(raw.next_workflow_task(names.task_queue), fail("no more"))
    failed = find(raw.history(names()), "WorkflowExecutionFailed")
    assert failed["retryState"] == "RETRY_STATE_NON_RETRYABLE_FAILURE"


@workflow.defn
class SucceedsOnThird:
    @workflow.run
    async def run(self) -> int:
        if workflow.info().attempt < 3:
            raise ApplicationError(f"attempt {workflow.info().attempt}")
        return workflow.info().attempt


async def test_retry_with_the_sdk(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[SucceedsOnThird]):
        handle = await client.start_workflow(
            SucceedsOnThird.run, id=names(), task_queue=names.task_queue,
            retry_policy=SDKRetryPolicy(
                initial_interval=timedelta(milliseconds=100), backoff_coefficient=1.0))
        assert await handle.result() == 3
    last = await events_of(client.get_workflow_handle(names()))
    assert types(last) == [*IDLE, "WorkflowExecutionCompleted"]
    assert find(last, "WorkflowExecutionStarted")["attempt"] == 3
    first = client.get_workflow_handle(names(), run_id=handle.first_execution_run_id)
    assert types(await events_of(first)) == [*IDLE, "WorkflowExecutionFailed"]
