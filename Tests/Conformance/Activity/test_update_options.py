"""Changing the options of pending activities."""

from __future__ import annotations

import pytest

from Support.errors import expect_error
from Support.histories import find, types
from Support.raw import RawClient, RetryPolicy, complete, execution, failure, schedule_activity, seconds

SLOW = RetryPolicy(
    initial_interval=seconds(60), backoff_coefficient=1.0, non_retryable_error_types=["Never"])


def _start(raw: RawClient, names, *kinds: str) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        *[schedule_activity(
            f"a{i}", names("aq"), kind=kind, retry=SLOW, start_to_close=30,
            schedule_to_close=300) for i, kind in enumerate(kinds or ("Work",))])


def _update(raw: RawClient, names, options: dict, *paths: str, **fields):
    if not {"id", "type", "match_all"} & set(fields):
        fields["id"] = "a0"
    return raw.call(
        "UpdateActivityOptions", execution=execution(names()), identity="op",
        activity_options=options, update_mask={"paths": list(paths)}, **fields).activity_options


def _options(raw: RawClient, names, index: int = 0):
    return raw.describe(names()).pending_activities[index].activity_options


def test_only_what_the_mask_names(raw: RawClient, names) -> None:
    _start(raw, names)
    reply = _update(
        raw, names, {"start_to_close_timeout": seconds(10), "heartbeat_timeout": seconds(3)},
        "start_to_close_timeout")
    assert reply.start_to_close_timeout.seconds == 10 and reply.heartbeat_timeout.seconds == 0
    assert reply.schedule_to_close_timeout.seconds == 300
    assert _options(raw, names).start_to_close_timeout.seconds == 10
    task = raw.next_activity_task(names("aq"))
    assert task.start_to_close_timeout.seconds == 10


def test_camel_case_and_several_fields(raw: RawClient, names) -> None:
    _start(raw, names)
    reply = _update(
        raw, names,
        {"heartbeat_timeout": seconds(3), "retry_policy": {"maximum_attempts": 7},
         "priority": {"priority_key": 2}},
        "heartbeatTimeout", "retryPolicy.maximumAttempts", "priority.priority_key")
    assert reply.heartbeat_timeout.seconds == 3
    assert reply.retry_policy.maximum_attempts == 7
    assert reply.retry_policy.initial_interval.seconds == 60, "the rest of the policy stays"
    assert reply.priority.priority_key == 2
    assert raw.describe(names()).pending_activities[0].maximum_attempts == 7


def test_moves_to_another_queue(raw: RawClient, names) -> None:
    _start(raw, names)
    _update(raw, names, {"task_queue": {"name": names("other")}}, "task_queue.name")
    assert not raw.poll_activity(names("aq"), timeout=2.5).task_token, "the old task is refused"
    task = raw.next_activity_task(names("other"))
    raw.complete_activity(task, "moved")
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    history = raw.history(names())
    assert find(history, "ActivityTaskCompleted")["result"] == ["moved"]
    assert find(history, "ActivityTaskScheduled")["taskQueue"]["name"] == names("aq")


def test_shortens_a_back_off(raw: RawClient, names) -> None:
    _start(raw, names)
    raw.fail_activity(raw.next_activity_task(names("aq")), failure("x"))
    _update(
        raw, names, {"retry_policy": {"initial_interval": seconds(0.1)}},
        "retry_policy.initial_interval")
    assert raw.next_activity_task(names("aq"), timeout=5).attempt == 2


def test_running_attempt_times_out_by_the_new_timeout(raw: RawClient, names) -> None:
    _start(raw, names)
    raw.next_activity_task(names("aq"))
    _update(
        raw, names,
        {"start_to_close_timeout": seconds(0.5), "retry_policy": {"maximum_attempts": 1}},
        "start_to_close_timeout", "retry_policy.maximum_attempts")
    raw.next_workflow_task(names.task_queue)
    ended = find(raw.history(names()), "ActivityTaskTimedOut")
    assert ended["retryState"] == "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED"


def test_running_attempt_goes_on(raw: RawClient, names) -> None:
    _start(raw, names)
    task = raw.next_activity_task(names("aq"))
    _update(raw, names, {"heartbeat_timeout": seconds(20)}, "heartbeat_timeout")
    raw.complete_activity(task)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert types(raw.history(names()))[5:7] == ["ActivityTaskStarted", "ActivityTaskCompleted"]


def test_non_retryable_types_stay(raw: RawClient, names) -> None:
    _start(raw, names)
    _update(
        raw, names, {"retry_policy": {"initial_interval": seconds(1)}},
        "retry_policy.initial_interval")
    raw.fail_activity(raw.next_activity_task(names("aq")), failure("x", kind="Never"))
    raw.next_workflow_task(names.task_queue)
    assert find(raw.history(names()), "ActivityTaskFailed")["retryState"] == (
        "RETRY_STATE_NON_RETRYABLE_FAILURE")


def test_timeouts_are_normalised_again(raw: RawClient, names) -> None:
    _start(raw, names)
    reply = _update(
        raw, names, {"schedule_to_close_timeout": seconds(20)}, "schedule_to_close_timeout")
    assert reply.start_to_close_timeout.seconds == 20, "no longer than schedule to close"
    assert reply.schedule_to_start_timeout.seconds == 20


def test_by_type_and_all(raw: RawClient, names) -> None:
    _start(raw, names, "One", "Two")
    _update(raw, names, {"heartbeat_timeout": seconds(4)}, "heartbeat_timeout", type="Two")
    assert [_options(raw, names, i).heartbeat_timeout.seconds for i in (0, 1)] == [0, 4]
    _update(raw, names, {"heartbeat_timeout": seconds(6)}, "heartbeat_timeout", match_all=True)
    assert [_options(raw, names, i).heartbeat_timeout.seconds for i in (0, 1)] == [6, 6]


def test_restore_original(raw: RawClient, names) -> None:
    _start(raw, names)
    before = _options(raw, names)
    _update(
        raw, names, {"heartbeat_timeout": seconds(4), "task_queue": {"name": names("other")}},
        "heartbeat_timeout", "task_queue.name")
    reply = raw.call(
        "UpdateActivityOptions", execution=execution(names()), id="a0", restore_original=True)
    assert reply.activity_options.heartbeat_timeout.seconds == 0
    assert _options(raw, names) == before
    assert raw.next_activity_task(names("aq")).activity_id == "a0"


def test_newer_name(raw: RawClient, names) -> None:
    _start(raw, names)
    reply = raw.call(
        "UpdateActivityExecutionOptions", workflow_id=names(), activity_id="a0",
        activity_options={"heartbeat_timeout": seconds(4)},
        update_mask={"paths": ["heartbeat_timeout"]})
    assert reply.activity_options.heartbeat_timeout.seconds == 4


@pytest.mark.parametrize("fields, match", [
    ({"update_mask": {"paths": ["heartbeat_timeout"]}}, "ActivityOptions are not provided"),
    ({"activity_options": {}}, "UpdateMask is not provided"),
    ({"activity_options": {}, "update_mask": {"paths": ["start_to_close_timeout"]},
      "restore_original": True}, "Both UpdateMask and RestoreOriginal"),
    ({"activity_options": {}, "update_mask": {"paths": ["retry_policy.maximum_attempts"]}},
     "RetryPolicy is not provided"),
    ({"activity_options": {"heartbeat_timeout": {"seconds": -1}},
      "update_mask": {"paths": ["heartbeat_timeout"]}}, "invalid HeartbeatTimeout"),
    ({"activity_options": {"retry_policy": {"backoff_coefficient": 0.5}},
      "update_mask": {"paths": ["retry_policy.backoff_coefficient"]}},
     "BackoffCoefficient cannot be less than 1"),
    ({"activity_options": {}, "update_mask": {"paths": ["activity_id"]}},
     "unsupported update_mask path"),
])
def test_what_cannot_be_updated(raw: RawClient, names, fields, match: str) -> None:
    _start(raw, names)
    before = _options(raw, names)
    with expect_error("INVALID_ARGUMENT", match=match):
        raw.call("UpdateActivityOptions", execution=execution(names()), id="a0", **fields)
    assert _options(raw, names) == before
