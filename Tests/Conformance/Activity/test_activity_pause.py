"""Pausing and resuming pending activities."""

from __future__ import annotations

import time
import uuid

from temporalio.api.common.v1 import ActivityType
from temporalio.api.enums.v1 import PendingActivityState as State

from Support.errors import expect_error
from Support.histories import assert_history, types
from Support.raw import (
    RawClient, RetryPolicy, complete, execution, failure, schedule_activity, seconds,
)
from Support.sdk import eventually_sync

FAST = RetryPolicy(initial_interval=seconds(0.05), backoff_coefficient=1.0)


def _start(raw: RawClient, names, *kinds: str, retry: RetryPolicy = FAST, **timeouts) -> None:
    """A workflow with one activity per kind, named a0, a1 …, on the queue `aq`."""
    timeouts = timeouts or {"start_to_close": 30}
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        *[schedule_activity(f"a{i}", names("aq"), kind=kind, retry=retry, **timeouts)
          for i, kind in enumerate(kinds or ("Work",))])


def _pending(raw: RawClient, names, activity_id: str = "a0"):
    found = [a for a in raw.describe(names()).pending_activities if a.activity_id == activity_id]
    assert found, f"{activity_id} is not pending"
    return found[0]


def _pause(raw: RawClient, names, **fields) -> None:
    if not {"id", "type"} & set(fields):
        fields["id"] = "a0"
    raw.call("PauseActivity", execution=execution(names()), identity="op", **fields)


def _unpause(raw: RawClient, names, **fields) -> None:
    if not {"id", "type", "unpause_all"} & set(fields):
        fields["id"] = "a0"
    raw.call("UnpauseActivity", execution=execution(names()), identity="op", **fields)


def _paused_types(raw: RawClient, names) -> str:
    fields = raw.describe(names()).workflow_execution_info.search_attributes.indexed_fields
    return fields["TemporalPauseInfo"].data.decode() if "TemporalPauseInfo" in fields else ""


def test_paused_before_it_started(raw: RawClient, names) -> None:
    _start(raw, names)
    _pause(raw, names, reason="because")
    info = _pending(raw, names)
    assert info.state == State.PENDING_ACTIVITY_STATE_PAUSED and info.paused
    assert info.pause_info.manual.identity == "op" and info.pause_info.manual.reason == "because"
    assert info.pause_info.pause_time.seconds > 0
    assert not raw.poll_activity(names("aq"), timeout=2.5).task_token, "it is not handed out"
    _unpause(raw, names)
    raw.complete_activity(raw.next_activity_task(names("aq")), "done")
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled
        6 ActivityTaskStarted {"attempt": 1}
        7 ActivityTaskCompleted {"result": ["done"]}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)


def test_running_activity_is_told_by_its_heartbeat(raw: RawClient, names) -> None:
    _start(raw, names)
    task = raw.next_activity_task(names("aq"))
    assert not raw.heartbeat(task, 1).activity_paused
    _pause(raw, names)
    assert _pending(raw, names).state == State.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED
    reply = raw.heartbeat(task, 2)
    assert reply.activity_paused and not reply.cancel_requested and not reply.activity_reset
    raw.complete_activity(task, "anyway")
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert types(raw.history(names()))[5:7] == ["ActivityTaskStarted", "ActivityTaskCompleted"]


def test_heartbeat_by_id_tells_too(raw: RawClient, names) -> None:
    _start(raw, names)
    raw.next_activity_task(names("aq"))
    _pause(raw, names)
    reply = raw.call(
        "RecordActivityTaskHeartbeatById", workflow_id=names(), activity_id="a0")
    assert reply.activity_paused


def test_failed_attempt_of_a_paused_activity_waits(raw: RawClient, names) -> None:
    _start(raw, names)
    task = raw.next_activity_task(names("aq"))
    _pause(raw, names)
    raw.fail_activity(task, failure("once"))
    info = _pending(raw, names)
    assert info.state == State.PENDING_ACTIVITY_STATE_PAUSED
    assert info.attempt == 2 and info.last_failure.message == "once"
    assert not info.HasField("next_attempt_schedule_time")
    assert not raw.poll_activity(names("aq"), timeout=2.5).task_token
    _unpause(raw, names)
    again = raw.next_activity_task(names("aq"))
    assert again.attempt == 2
    raw.complete_activity(again)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert types(raw.history(names())).count("ActivityTaskStarted") == 1


def test_non_retryable_failure_ends_a_paused_activity(raw: RawClient, names) -> None:
    _start(raw, names)
    task = raw.next_activity_task(names("aq"))
    _pause(raw, names)
    raw.fail_activity(task, failure("final", non_retryable=True))
    raw.next_workflow_task(names.task_queue)
    assert types(raw.history(names()))[6] == "ActivityTaskFailed"
    assert _paused_types(raw, names) == "", "nothing is paused any more"


def test_time_does_not_run_while_paused(raw: RawClient, names) -> None:
    _start(raw, names, schedule_to_close=1.0)
    _pause(raw, names)
    time.sleep(1.5)
    assert _pending(raw, names).state == State.PENDING_ACTIVITY_STATE_PAUSED
    _unpause(raw, names)
    raw.next_workflow_task(names.task_queue)
    assert types(raw.history(names()))[5] == "ActivityTaskTimedOut"


def test_paused_twice(raw: RawClient, names) -> None:
    _start(raw, names)
    request_id = str(uuid.uuid4())
    _pause(raw, names, request_id=request_id)
    _pause(raw, names, request_id=request_id)
    with expect_error("FAILED_PRECONDITION", match="activity is already paused"):
        _pause(raw, names, request_id=str(uuid.uuid4()))


def test_back_off_is_held(raw: RawClient, names) -> None:
    _start(raw, names, retry=RetryPolicy(initial_interval=seconds(1), backoff_coefficient=1.0))
    raw.fail_activity(raw.next_activity_task(names("aq")), failure("x"))
    info = _pending(raw, names)
    assert info.HasField("next_attempt_schedule_time")
    assert info.current_retry_interval.ToMilliseconds() == 1000
    _pause(raw, names)
    info = _pending(raw, names)
    assert not info.HasField("next_attempt_schedule_time")
    assert not info.HasField("current_retry_interval")
    assert not raw.poll_activity(names("aq"), timeout=3).task_token
    _unpause(raw, names)
    assert raw.next_activity_task(names("aq"), timeout=3).attempt == 2


def test_unpause_resets(raw: RawClient, names) -> None:
    _start(raw, names)
    task = raw.next_activity_task(names("aq"))
    raw.heartbeat(task, "seen")
    _pause(raw, names)
    raw.fail_activity(task, failure("x"))
    _unpause(raw, names, reset_attempts=True, reset_heartbeat=True)
    again = raw.next_activity_task(names("aq"))
    assert again.attempt == 1 and not again.heartbeat_details.payloads


def test_unpause_keeps_what_is_not_reset(raw: RawClient, names) -> None:
    _start(raw, names)
    task = raw.next_activity_task(names("aq"))
    raw.heartbeat(task, "seen")
    _pause(raw, names)
    raw.fail_activity(task, failure("x"))
    _unpause(raw, names)
    again = raw.next_activity_task(names("aq"))
    assert again.attempt == 2 and again.heartbeat_details.payloads[0].data == b'"seen"'


def test_unpause_with_jitter(raw: RawClient, names) -> None:
    _start(raw, names)
    _pause(raw, names)
    _unpause(raw, names, jitter=seconds(0.5))
    assert raw.next_activity_task(names("aq"), timeout=5).attempt == 1


def test_by_type(raw: RawClient, names) -> None:
    _start(raw, names, "One", "Two", "One")
    _pause(raw, names, type="One")
    states = [a.paused for a in raw.describe(names()).pending_activities]
    assert states == [True, False, True]
    assert raw.next_activity_task(names("aq")).activity_id == "a1"
    _unpause(raw, names, type="One")
    got = {raw.next_activity_task(names("aq")).activity_id for _ in range(2)}
    assert got == {"a0", "a2"}


def test_unpause_all(raw: RawClient, names) -> None:
    _start(raw, names, "One", "Two")
    _pause(raw, names, type="One")
    _pause(raw, names, type="Two")
    _unpause(raw, names, unpause_all=True)
    got = {raw.next_activity_task(names("aq")).activity_id for _ in range(2)}
    assert got == {"a0", "a1"}


def test_unpause_of_what_is_not_paused(raw: RawClient, names) -> None:
    _start(raw, names)
    _unpause(raw, names)
    task = raw.next_activity_task(names("aq"))
    raw.complete_activity(task)
    raw.next_workflow_task(names.task_queue)
    assert types(raw.history(names())).count("ActivityTaskCompleted") == 1


def test_pause_info_is_a_search_attribute(raw: RawClient, names) -> None:
    _start(raw, names, "Two", "One")
    events = len(raw.history(names()))
    _pause(raw, names, type="One")
    _pause(raw, names, type="Two")
    assert _paused_types(raw, names) == (
        '["property:activityType=One","property:activityType=Two"]')

    def listed() -> int:
        return raw.call(
            "CountWorkflowExecutions",
            query=f'WorkflowId = "{names()}" AND '
                  'TemporalPauseInfo = "property:activityType=One"').count

    assert listed() == 1
    _unpause(raw, names, type="One")
    assert _paused_types(raw, names) == '["property:activityType=Two"]' and listed() == 0
    _unpause(raw, names, type="Two")
    assert _paused_types(raw, names) == ""
    assert len(raw.history(names())) == events, "no event tells of it"


def test_cancelled_while_paused(raw: RawClient, names) -> None:
    from Support.raw import cancel_activity
    _start(raw, names)
    _pause(raw, names)
    raw.signal(names(), "go")
    raw.respond(raw.next_workflow_task(names.task_queue), cancel_activity(5))
    history = types(raw.history(names()))
    assert "ActivityTaskCanceled" in history
    assert _paused_types(raw, names) == ""


def test_what_cannot_be_paused(raw: RawClient, names) -> None:
    with expect_error("NOT_FOUND"):
        _pause(raw, names)
    _start(raw, names)
    with expect_error("NOT_FOUND", match="Can't find pending activity with such ID"):
        _pause(raw, names, id="other")
    with expect_error("NOT_FOUND", match="Can't find pending activity with such ID"):
        _pause(raw, names, type="Other")
    with expect_error("INVALID_ARGUMENT", match="Either Activity.Id or Activity.Type"):
        raw.call("PauseActivity", execution=execution(names()))
    with expect_error("INVALID_ARGUMENT", match="WorkflowId is not set"):
        raw.call("PauseActivity", id="a0")
    raw.terminate(names())
    with expect_error("NOT_FOUND", match="workflow execution already completed"):
        _pause(raw, names)


def test_newer_names(raw: RawClient, names) -> None:
    _start(raw, names)
    fields = {"workflow_id": names(), "activity_id": "a0", "identity": "op"}
    raw.call("PauseActivityExecution", reason="why", **fields)
    assert _pending(raw, names).pause_info.manual.reason == "why"
    raw.call("UnpauseActivityExecution", **fields)
    assert raw.next_activity_task(names("aq")).activity_id == "a0"
    with expect_error("INVALID_ARGUMENT", match="activity ID is required"):
        raw.call("PauseActivityExecution", workflow_id=names())
    with expect_error("INVALID_ARGUMENT", match="must be a valid UUID"):
        raw.call("PauseActivityExecution", run_id="x", **fields)
    with expect_error("UNIMPLEMENTED", match="Standalone activity operator commands"):
        raw.call("PauseActivityExecution", activity_id="a0")


def test_task_handed_to_matching_earlier_is_refused(raw: RawClient, names) -> None:
    """The task waits in the queue's backlog while the activity is paused and resumed."""
    _start(raw, names)
    time.sleep(0.3)
    _pause(raw, names)
    _unpause(raw, names)
    raw.next_activity_task(names("aq"))
    assert not raw.poll_activity(names("aq"), timeout=2.5).task_token, "there is one task, not two"
    assert eventually_sync(lambda: _pending(raw, names).attempt == 1)
    assert _pending(raw, names).activity_type == ActivityType(name="Work")
