"""Each kind of activity timeout, with and without another attempt."""

from __future__ import annotations

import time

import pytest

from Support.errors import expect_error
from Support.histories import assert_history, find
from Support.raw import (
    RawClient, RetryPolicy, complete, failure, payloads, schedule_activity, seconds,
)

ONCE = RetryPolicy(maximum_attempts=1)
GONE = "^(invalid activityID or activity already timed out or invoking workflow is completed|workflow execution already completed)$"


def _start(raw: RawClient, names, retry: RetryPolicy, **timeouts: float) -> str:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names("aq"), retry=retry, **timeouts))
    return run_id


def _finish(raw: RawClient, names, run_id: str):
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    return raw.history(names(), run_id)


def test_schedule_to_start(raw: RawClient, names) -> None:
    run_id = _start(raw, names, ONCE, schedule_to_start=0.3, start_to_close=5)
    assert_history(_finish(raw, names, run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled {"scheduleToStartTimeout": "0.300s", "startToCloseTimeout": "5s"}
        6 ActivityTaskTimedOut {"scheduledEventId": "5", "failure": {"timeoutFailureInfo": {"timeoutType": "TIMEOUT_TYPE_SCHEDULE_TO_START"}}}
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 WorkflowExecutionCompleted
    """)


def test_schedule_to_start_is_not_retried(raw: RawClient, names) -> None:
    retry = RetryPolicy(initial_interval=seconds(0.1))
    run_id = _start(raw, names, retry, schedule_to_start=0.3, start_to_close=5)
    timed_out = find(_finish(raw, names, run_id), "ActivityTaskTimedOut")
    assert timed_out["retryState"] != "RETRY_STATE_IN_PROGRESS"


def test_start_to_close(raw: RawClient, names) -> None:
    run_id = _start(raw, names, ONCE, start_to_close=0.4)
    task = raw.next_activity_task(names("aq"))
    events = _finish(raw, names, run_id)
    assert_history(events, """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled {"startToCloseTimeout": "0.400s"}
        6 ActivityTaskStarted {"attempt": 1}
        7 ActivityTaskTimedOut {"startedEventId": "6", "retryState": "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED", "failure": {"timeoutFailureInfo": {"timeoutType": "TIMEOUT_TYPE_START_TO_CLOSE"}}}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)
    waited = events[6].event_time.ToNanoseconds() - events[5].event_time.ToNanoseconds()
    assert 400e6 <= waited < 3e9, f"timed out after {waited / 1e9} s"
    with expect_error("NOT_FOUND"):
        raw.complete_activity(task, "late")


def test_start_to_close_is_retried(raw: RawClient, names) -> None:
    retry = RetryPolicy(initial_interval=seconds(0.1), maximum_attempts=3)
    run_id = _start(raw, names, retry, start_to_close=0.3)
    stale = raw.next_activity_task(names("aq"))
    second = raw.next_activity_task(names("aq"))
    assert (stale.attempt, second.attempt) == (1, 2)
    with expect_error("NOT_FOUND"):
        raw.complete_activity(stale, "late")
    raw.complete_activity(second, "done")
    events = _finish(raw, names, run_id)
    assert find(events, "ActivityTaskStarted")["attempt"] == 2
    last = find(events, "ActivityTaskStarted")["lastFailure"]
    assert last["timeoutFailureInfo"]["timeoutType"] == "TIMEOUT_TYPE_START_TO_CLOSE"


def test_schedule_to_close_over_attempts(raw: RawClient, names) -> None:
    retry = RetryPolicy(initial_interval=seconds(0.1))
    run_id = _start(raw, names, retry, schedule_to_close=0.6, start_to_close=0.5)
    raw.next_activity_task(names("aq"))
    events = _finish(raw, names, run_id)
    timed_out = find(events, "ActivityTaskTimedOut")
    assert timed_out["failure"]["timeoutFailureInfo"]["timeoutType"] in (
        "TIMEOUT_TYPE_SCHEDULE_TO_CLOSE", "TIMEOUT_TYPE_START_TO_CLOSE")
    assert timed_out["retryState"] == "RETRY_STATE_TIMEOUT"


def test_schedule_to_close_before_a_start(raw: RawClient, names) -> None:
    run_id = _start(raw, names, ONCE, schedule_to_close=0.4)
    events = _finish(raw, names, run_id)
    scheduled = find(events, "ActivityTaskScheduled")
    for kind in ("scheduleToCloseTimeout", "scheduleToStartTimeout", "startToCloseTimeout"):
        assert scheduled[kind] == "0.400s", f"{kind} is filled from schedule-to-close"
    timed_out = find(events, "ActivityTaskTimedOut")
    assert timed_out["failure"]["timeoutFailureInfo"]["timeoutType"] in (
        "TIMEOUT_TYPE_SCHEDULE_TO_CLOSE", "TIMEOUT_TYPE_SCHEDULE_TO_START")


def test_heartbeat_timeout(raw: RawClient, names) -> None:
    run_id = _start(raw, names, ONCE, start_to_close=20, heartbeat=0.5)
    task = raw.next_activity_task(names("aq"))
    raw.heartbeat(task, {"done": 3})
    events = _finish(raw, names, run_id)
    assert_history(events, """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled {"heartbeatTimeout": "0.500s"}
        6 ActivityTaskStarted {"attempt": 1}
        7 ActivityTaskTimedOut {"scheduledEventId": "5", "startedEventId": "6", "retryState": "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED", "failure": {"message": "activity Heartbeat timeout", "source": "Server", "timeoutFailureInfo": {"timeoutType": "TIMEOUT_TYPE_HEARTBEAT", "lastHeartbeatDetails": [{"done": 3}]}}}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)
    waited = events[6].event_time.ToNanoseconds() - events[5].event_time.ToNanoseconds()
    assert 500e6 <= waited < 3e9, f"timed out after {waited / 1e9} s"


@pytest.mark.parametrize("answer", ["complete_activity", "heartbeat", "fail_activity"])
def test_missed_heartbeat_is_followed_by_another_attempt(raw: RawClient, names, answer: str) -> None:
    """The worker that missed it is told that it has nothing to do any more."""
    retry = RetryPolicy(initial_interval=seconds(0.05), maximum_attempts=2)
    run_id = _start(raw, names, retry, start_to_close=20, heartbeat=0.4)
    stale = raw.next_activity_task(names("aq"))
    raw.heartbeat(stale, "progress")
    second = raw.next_activity_task(names("aq"))
    assert (second.attempt, second.heartbeat_details) == (2, payloads("progress"))
    late = failure("late") if answer == "fail_activity" else "late"
    with expect_error("NOT_FOUND", detail="NotFoundFailure", match=GONE):
        getattr(raw, answer)(stale, late)
    raw.complete_activity(second, "done")
    assert_history(_finish(raw, names, run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled
        6 ActivityTaskStarted {"attempt": 2, "lastFailure": {"message": "activity Heartbeat timeout", "timeoutFailureInfo": {"timeoutType": "TIMEOUT_TYPE_HEARTBEAT"}}}
        7 ActivityTaskCompleted {"result": ["done"]}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)


@pytest.mark.parametrize("retry, attempts, state", [
    (RetryPolicy(initial_interval=seconds(0.05), maximum_attempts=2), 2,
     "MAXIMUM_ATTEMPTS_REACHED"),
    (RetryPolicy(non_retryable_error_types=["TemporalTimeout:Heartbeat"]), 1,
     "NON_RETRYABLE_FAILURE"),
    (RetryPolicy(initial_interval=seconds(60)), 1, "TIMEOUT"),
], ids=["attempts", "type", "time"])
def test_missed_heartbeat_is_final(
    raw: RawClient, names, retry: RetryPolicy, attempts: int, state: str
) -> None:
    run_id = _start(
        raw, names, retry, schedule_to_close=20, start_to_close=20, heartbeat=0.3)
    for _ in range(attempts):
        task = raw.next_activity_task(names("aq"))
    events = _finish(raw, names, run_id)
    timed_out = find(events, "ActivityTaskTimedOut")
    assert timed_out["retryState"] == f"RETRY_STATE_{state}"
    told = timed_out["failure"]["message"], timed_out["failure"]["timeoutFailureInfo"]["timeoutType"]
    # Where only the time for another attempt was missing, that is what is told.
    assert told == (
        ("Not enough time to schedule next retry before activity ScheduleToClose timeout, giving "
         "up retrying", "TIMEOUT_TYPE_SCHEDULE_TO_CLOSE") if state == "TIMEOUT"
        else ("activity Heartbeat timeout", "TIMEOUT_TYPE_HEARTBEAT"))
    assert find(events, "ActivityTaskStarted")["attempt"] == attempts
    with expect_error("NOT_FOUND", detail="NotFoundFailure", match=GONE):
        raw.complete_activity(task, "late")


def test_heartbeats_keep_an_activity_alive(raw: RawClient, names) -> None:
    run_id = _start(raw, names, ONCE, start_to_close=20, heartbeat=1)
    task = raw.next_activity_task(names("aq"))
    # Longer together than one heartbeat timeout.
    for beat in range(3):
        raw.heartbeat(task, beat)
        time.sleep(0.6)
    raw.complete_activity(task, "alive")
    assert find(_finish(raw, names, run_id), "ActivityTaskCompleted")["result"] == ["alive"]


@pytest.mark.parametrize("field", ["schedule_to_start", "heartbeat"])
def test_activity_needs_a_close_timeout(raw: RawClient, names, field: str) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(task, schedule_activity("a", names("aq"), **{field: 1}))
    failed = find(raw.history(names(), run_id), "WorkflowTaskFailed")
    assert failed["cause"] == "WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES"


def test_timeouts_are_clamped_to_the_run_timeout(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue, run_timeout=30).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names("aq"), start_to_close=100, heartbeat=200))
    scheduled = find(raw.history(names(), run_id), "ActivityTaskScheduled")
    assert scheduled["scheduleToCloseTimeout"] == "30s"
    assert scheduled["scheduleToStartTimeout"] == "30s"
    assert scheduled["startToCloseTimeout"] == "30s"
    assert scheduled["heartbeatTimeout"] == "30s"
