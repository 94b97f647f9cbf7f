"""Resetting pending activities: attempts and heartbeats begin again."""

from __future__ import annotations

from temporalio.api.enums.v1 import PendingActivityState as State

from Support.errors import expect_error
from Support.histories import find, types
from Support.raw import RawClient, RetryPolicy, complete, execution, failure, schedule_activity, seconds

SLOW = RetryPolicy(initial_interval=seconds(60), backoff_coefficient=1.0)
FAST = RetryPolicy(initial_interval=seconds(0.05), backoff_coefficient=1.0)


def _start(raw: RawClient, names, *kinds: str, retry: RetryPolicy = FAST) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        *[schedule_activity(f"a{i}", names("aq"), kind=kind, retry=retry, start_to_close=30)
          for i, kind in enumerate(kinds or ("Work",))])


def _reset(raw: RawClient, names, **fields) -> None:
    if not {"id", "type", "match_all"} & set(fields):
        fields["id"] = "a0"
    raw.call("ResetActivity", execution=execution(names()), identity="op", **fields)


def _pending(raw: RawClient, names, index: int = 0):
    return raw.describe(names()).pending_activities[index]


def test_back_off_ends(raw: RawClient, names) -> None:
    _start(raw, names, retry=SLOW)
    raw.fail_activity(raw.next_activity_task(names("aq")), failure("x"))
    assert _pending(raw, names).attempt == 2
    _reset(raw, names)
    assert _pending(raw, names).attempt == 1
    task = raw.next_activity_task(names("aq"), timeout=5)
    assert task.attempt == 1
    raw.complete_activity(task)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert find(raw.history(names()), "ActivityTaskStarted")["attempt"] == 1


def test_running_activity_is_told(raw: RawClient, names) -> None:
    _start(raw, names)
    raw.fail_activity(raw.next_activity_task(names("aq")), failure("x"))
    task = raw.next_activity_task(names("aq"))
    assert task.attempt == 2 and not raw.heartbeat(task).activity_reset
    _reset(raw, names)
    reply = raw.heartbeat(task, "more")
    assert reply.activity_reset and not reply.activity_paused
    assert _pending(raw, names).state == State.PENDING_ACTIVITY_STATE_STARTED
    raw.fail_activity(task, failure("given up"))
    again = raw.next_activity_task(names("aq"))
    assert again.attempt == 2, "the attempt that ran while it was reset counts"
    assert again.heartbeat_details.payloads[0].data == b'"more"'
    assert not raw.heartbeat(again).activity_reset, "it was told once"


def test_running_activity_may_complete(raw: RawClient, names) -> None:
    _start(raw, names)
    raw.fail_activity(raw.next_activity_task(names("aq")), failure("x"))
    task = raw.next_activity_task(names("aq"))
    _reset(raw, names)
    raw.complete_activity(task, "fine")
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert find(raw.history(names()), "ActivityTaskCompleted")["result"] == ["fine"]


def test_heartbeat_is_forgotten(raw: RawClient, names) -> None:
    _start(raw, names, retry=SLOW)
    task = raw.next_activity_task(names("aq"))
    raw.heartbeat(task, "old")
    raw.fail_activity(task, failure("x"))
    _reset(raw, names, reset_heartbeat=True)
    assert not raw.next_activity_task(names("aq"), timeout=5).heartbeat_details.payloads


def test_running_heartbeat_is_forgotten_by_the_next_attempt(raw: RawClient, names) -> None:
    _start(raw, names)
    task = raw.next_activity_task(names("aq"))
    _reset(raw, names, reset_heartbeat=True)
    raw.heartbeat(task, "still mine")
    assert _pending(raw, names).heartbeat_details.payloads[0].data == b'"still mine"'
    raw.fail_activity(task, failure("x"))
    assert not raw.next_activity_task(names("aq")).heartbeat_details.payloads


def test_unpauses_unless_told_not_to(raw: RawClient, names) -> None:
    _start(raw, names)
    pause = {"execution": execution(names()), "id": "a0"}
    raw.call("PauseActivity", request_id="one", **pause)
    _reset(raw, names, keep_paused=True)
    assert _pending(raw, names).paused
    assert not raw.poll_activity(names("aq"), timeout=2.5).task_token
    _reset(raw, names)
    assert not _pending(raw, names).paused
    assert raw.next_activity_task(names("aq"), timeout=5).attempt == 1


def test_options_are_restored(raw: RawClient, names) -> None:
    _start(raw, names)
    raw.call(
        "UpdateActivityOptions", execution=execution(names()), id="a0",
        activity_options={"heartbeat_timeout": seconds(5)},
        update_mask={"paths": ["heartbeat_timeout"]})
    assert _pending(raw, names).activity_options.heartbeat_timeout.seconds == 5
    _reset(raw, names, restore_original_options=True)
    assert _pending(raw, names).activity_options.heartbeat_timeout.seconds == 0
    assert raw.next_activity_task(names("aq"), timeout=5).heartbeat_timeout.seconds == 0


def test_by_type_and_all(raw: RawClient, names) -> None:
    _start(raw, names, "One", "Two", retry=SLOW)
    for _ in range(2):
        raw.fail_activity(raw.next_activity_task(names("aq")), failure("x"))
    _reset(raw, names, type="Two")
    assert [a.attempt for a in raw.describe(names()).pending_activities] == [2, 1]
    _reset(raw, names, match_all=True, jitter=seconds(0.2))
    assert [a.attempt for a in raw.describe(names()).pending_activities] == [1, 1]
    got = {raw.next_activity_task(names("aq"), timeout=5).activity_id for _ in range(2)}
    assert got == {"a0", "a1"}


def test_newer_name(raw: RawClient, names) -> None:
    _start(raw, names, retry=SLOW)
    raw.fail_activity(raw.next_activity_task(names("aq")), failure("x"))
    raw.call("ResetActivityExecution", workflow_id=names(), activity_id="a0", identity="op")
    assert raw.next_activity_task(names("aq"), timeout=5).attempt == 1
    assert "ActivityTaskFailed" not in types(raw.history(names()))


def test_what_cannot_be_reset(raw: RawClient, names) -> None:
    _start(raw, names)
    with expect_error("NOT_FOUND", match="Can't find pending activity"):
        _reset(raw, names, id="other")
    with expect_error("INVALID_ARGUMENT", match="Either Activity.Id or Activity.Type"):
        raw.call("ResetActivity", execution=execution(names()))
