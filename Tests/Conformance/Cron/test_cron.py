"""Cron schedules: when runs start, what one run hands to the next, what ends the chain."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from Support.errors import expect_error
from Support.histories import IDLE, assert_history, find, types
from Support.raw import RawClient, RetryPolicy, cancel_workflow, complete, continue_as_new, fail, seconds
from Support.sdk import make_worker, replayed

EVERY = "@every 1s"


@pytest.mark.parametrize("schedule", [
    "whenever", "* * * *", "60 * * * *", "* * * * 7", "@never", "@every", "TZ=UTC",
    "CRON_TZ=Mars/Base * * * * *", "*/0 * * * *", "5-1 * * * *",
])
def test_refused_schedules(raw: RawClient, names, schedule: str) -> None:
    with expect_error("INVALID_ARGUMENT", match="^invalid CronSchedule.$"):
        raw.start(names(), names.task_queue, cron_schedule=schedule)
    with expect_error("INVALID_ARGUMENT", match="^invalid CronSchedule.$"):
        raw.signal_with_start(names(), names.task_queue, "s", cron_schedule=schedule)


def test_a_schedule_that_is_never_due_is_refused(raw: RawClient, names) -> None:
    with expect_error("INVALID_ARGUMENT", match="no time can be found to satisfy the schedule"):
        raw.start(names(), names.task_queue, cron_schedule="0 0 31 2 *")


def test_a_schedule_and_a_start_delay_are_refused(raw: RawClient, names) -> None:
    with expect_error("INVALID_ARGUMENT", match="may not be used together"):
        raw.start(names(), names.task_queue, cron_schedule=EVERY, delay=1)


@pytest.mark.parametrize("schedule, longest", [
    ("0 0 1 1 *", 366 * 86400), ("@hourly", 3600),
    ("CRON_TZ=America/New_York 30 2 * * mon-fri", 5 * 86400), ("TZ=Asia/Kolkata @daily", 86400), ("*/5 * ? * SUN-SAT", 300),
])
def test_the_first_run_waits(raw: RawClient, names, schedule: str, longest: int) -> None:
    raw.start(names(), names.task_queue, cron_schedule=schedule)
    events = raw.history(names())
    assert_history(events, """
        1 WorkflowExecutionStarted {"initiator": "CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE"}
    """)
    started = events[0].workflow_execution_started_event_attributes
    assert started.cron_schedule == schedule
    wait = started.first_workflow_task_backoff
    assert 0 <= wait.seconds <= longest and wait.nanos == 0, "whole seconds"
    info = raw.describe(names()).workflow_execution_info
    assert (info.execution_time.ToNanoseconds() - info.start_time.ToNanoseconds()
            == wait.ToNanoseconds())


def test_a_run_that_completes(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue, cron_schedule=EVERY).run_id
    before = time.monotonic()
    raw.respond(raw.next_workflow_task(names.task_queue), complete("one"))
    second = raw.next_workflow_task(names.task_queue)
    assert time.monotonic() - before > 0.9, "the second run waits for its time"
    assert_history(raw.history(names(), first), f"""
        1 WorkflowExecutionStarted {{"cronSchedule": "{EVERY}", "firstWorkflowTaskBackoff": "1s"}}
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionCompleted {{"newExecutionRunId": "{second.workflow_execution.run_id}"}}
    """)
    started = find(second.history.events, "WorkflowExecutionStarted")
    assert started["initiator"] == "CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE"
    assert started["lastCompletionResult"] == ["one"]
    assert started["continuedExecutionRunId"] == started["firstExecutionRunId"] == first
    assert "continuedFailure" not in started
    assert raw.describe(names(), first).workflow_execution_info.status == 2, "COMPLETED"
    raw.terminate(names())


def test_results_and_failures_are_handed_on(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, cron_schedule=EVERY)
    raw.respond(raw.next_workflow_task(names.task_queue), complete("kept"))
    raw.respond(raw.next_workflow_task(names.task_queue), fail("third time"))
    third = raw.next_workflow_task(names.task_queue)
    started = find(third.history.events, "WorkflowExecutionStarted")
    assert started["lastCompletionResult"] == ["kept"]
    assert started["continuedFailure"]["message"] == "third time"
    assert started["attempt"] == 1
    raw.respond(third, complete())
    fourth = raw.next_workflow_task(names.task_queue)
    started = find(fourth.history.events, "WorkflowExecutionStarted")
    assert "continuedFailure" not in started, "a success forgets the failure"
    assert "lastCompletionResult" not in started
    raw.terminate(names())


def test_a_run_that_fails(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue, cron_schedule=EVERY).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), fail("first"))
    second = raw.next_workflow_task(names.task_queue)
    assert_history(raw.history(names(), first), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionFailed {"retryState": "RETRY_STATE_RETRY_POLICY_NOT_SET"}
    """)
    failed = find(raw.history(names(), first), "WorkflowExecutionFailed")
    assert failed["newExecutionRunId"] == second.workflow_execution.run_id
    raw.terminate(names())


def test_a_retry_comes_before_the_schedule(raw: RawClient, names) -> None:
    first = raw.start(
        names(), names.task_queue, cron_schedule=EVERY,
        retry_policy=RetryPolicy(initial_interval=seconds(0.1), maximum_attempts=2)).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), fail("attempt 1"))
    assert find(raw.history(names(), first), "WorkflowExecutionFailed")["retryState"] == (
        "RETRY_STATE_IN_PROGRESS")
    second = raw.next_workflow_task(names.task_queue)
    started = find(second.history.events, "WorkflowExecutionStarted")
    assert (started["initiator"], started["attempt"]) == ("CONTINUE_AS_NEW_INITIATOR_RETRY", 2)
    assert started["cronSchedule"] == EVERY
    raw.respond(second, fail("attempt 2"))
    failed = find(raw.history(names(), second.workflow_execution.run_id), "WorkflowExecutionFailed")
    assert failed["retryState"] == "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED"
    third = raw.next_workflow_task(names.task_queue)
    assert third.workflow_execution.run_id == failed["newExecutionRunId"]
    started = find(third.history.events, "WorkflowExecutionStarted")
    assert (started["initiator"], started["attempt"]) == (
        "CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE", 1)
    raw.terminate(names())


def test_a_run_that_times_out(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue, cron_schedule=EVERY, run_timeout=0.5).run_id
    raw.wait_closed(names(), first)
    timed_out = find(raw.history(names(), first), "WorkflowExecutionTimedOut")
    assert timed_out["retryState"] == "RETRY_STATE_RETRY_POLICY_NOT_SET"
    started = find(
        raw.history(names(), timed_out["newExecutionRunId"]), "WorkflowExecutionStarted")
    assert started["initiator"] == "CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE"
    assert started["continuedFailure"]["timeoutFailureInfo"]["timeoutType"] == (
        "TIMEOUT_TYPE_START_TO_CLOSE")
    raw.terminate(names())


def test_the_execution_timeout_ends_the_chain(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, cron_schedule="@every 2s", execution_timeout=1)
    raw.wait_closed(names())
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted {"firstWorkflowTaskBackoff": "2s"}
        2 WorkflowExecutionTimedOut {"retryState": "RETRY_STATE_TIMEOUT"}
    """)
    assert not find(raw.history(names()), "WorkflowExecutionTimedOut").get("newExecutionRunId")


def test_a_run_that_takes_too_long_skips_a_turn(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, cron_schedule="@every 2s")
    task = raw.next_workflow_task(names.task_queue)
    time.sleep(2.5)
    raw.respond(task, complete())
    started = find(raw.history(names()), "WorkflowExecutionStarted")
    assert started["firstWorkflowTaskBackoff"] in ("1s", "2s"), "the turn after the missed one"
    raw.terminate(names())


def test_terminate_ends_the_chain(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, cron_schedule=EVERY)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    raw.terminate(names())
    assert types(raw.history(names())) == [
        "WorkflowExecutionStarted", "WorkflowExecutionTerminated"]
    time.sleep(1.2)
    assert raw.describe(names()).workflow_execution_info.status == 5, "TERMINATED"


def test_cancel_ends_the_chain(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue, cron_schedule=EVERY).run_id
    task = raw.next_workflow_task(names.task_queue)
    raw.request_cancel(names())
    raw.respond(task)
    raw.respond(raw.next_workflow_task(names.task_queue), cancel_workflow())
    info = raw.describe(names()).workflow_execution_info
    assert (info.execution.run_id, info.status) == (run_id, 4), "CANCELED, no other run"


def test_signals_during_the_wait_do_not_shorten_it(raw: RawClient, names) -> None:
    raw.signal_with_start(names(), names.task_queue, "first", cron_schedule="@every 2s")
    raw.signal(names(), "second")
    assert types(raw.history(names())) == [
        "WorkflowExecutionStarted", "WorkflowExecutionSignaled", "WorkflowExecutionSignaled"]
    task = raw.next_workflow_task(names.task_queue)
    assert types(task.history.events) == [
        "WorkflowExecutionStarted", "WorkflowExecutionSignaled", "WorkflowExecutionSignaled",
        "WorkflowTaskScheduled", "WorkflowTaskStarted"]
    raw.terminate(names())


def test_continue_as_new_with_a_schedule(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    command = continue_as_new("Raw", names.task_queue)
    attributes = command.continue_as_new_workflow_execution_command_attributes
    attributes.cron_schedule = EVERY
    raw.respond(raw.next_workflow_task(names.task_queue), command)
    raw.respond(raw.next_workflow_task(names.task_queue), complete("later"))
    started = find(raw.history(names()), "WorkflowExecutionStarted")
    assert started["initiator"] == "CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE"
    assert started["lastCompletionResult"] == ["later"]
    raw.terminate(names())


@workflow.defn
class Counts:
    """Adds one to the last result; fails once on the way."""

    @workflow.run
    async def run(self) -> int:
        last = workflow.get_last_completion_result(int) if workflow.has_last_completion_result() else 0
        failure = workflow.get_last_failure()
        if last == 1 and failure is None:
            raise ApplicationError("once")
        return last + 1


async def test_last_result_with_the_sdk(client: Client, raw: RawClient, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Counts]):
        handle = await client.start_workflow(
            Counts.run, id=names(), task_queue=names.task_queue, cron_schedule=EVERY,
            execution_timeout=timedelta(seconds=30))
        run_id, runs = handle.first_execution_run_id, []
        while len(runs) < 3:
            close = await asyncio.to_thread(raw.wait_closed, names(), run_id)
            runs.append(await replayed(client.get_workflow_handle(names(), run_id=run_id), Counts))
            run_id = getattr(close, close.WhichOneof("attributes")).new_execution_run_id
        await client.get_workflow_handle(names()).terminate()
    assert [types(events) for events in runs] == [
        [*IDLE, f"WorkflowExecution{end}"] for end in ("Completed", "Failed", "Completed")]
    assert [find(run, "WorkflowExecutionCompleted")["result"] for run in runs[::2]] == [[1], [2]]
