"""Waiting for an activity to change, or to end."""

from __future__ import annotations

import threading
import time

from Support.errors import expect_error
from Support.raw import RawClient, payloads


def in_background(call) -> tuple[threading.Thread, list]:
    """Calls in a thread; the list gets the reply."""
    replies: list = []
    thread = threading.Thread(target=lambda: replies.append(call()))
    thread.start()
    return thread, replies


def test_outcome_is_waited_for(raw: RawClient, names) -> None:
    run_id = raw.start_activity(names(), names.task_queue).run_id
    task = raw.next_activity_task(names.task_queue)
    waiting = [in_background(lambda: raw.activity_outcome(names(), run)) for run in ("", run_id)]
    time.sleep(0.3)
    assert all(not replies for _, replies in waiting)
    raw.complete_activity(task, "done")
    for thread, replies in waiting:
        thread.join(10)
        assert replies[0].outcome.result == payloads("done") and replies[0].run_id == run_id


def test_poll_that_ends_without_outcome(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue)
    begin = time.monotonic()
    reply = raw.activity_outcome(names(), timeout=2.5)
    assert 1 < time.monotonic() - begin < 2.5
    assert not reply.HasField("outcome") and not reply.run_id


def test_changes_are_waited_for(raw: RawClient, names) -> None:
    run_id = raw.start_activity(names(), names.task_queue).run_id
    token = raw.describe_activity(names()).long_poll_token
    changed = raw.describe_activity(names(), run_id, long_poll_token=token, timeout=2.5)
    assert not changed.HasField("info") and not changed.long_poll_token
    thread, replies = in_background(
        lambda: raw.describe_activity(names(), run_id, long_poll_token=token, timeout=20))
    time.sleep(0.3)
    assert not replies
    task = raw.next_activity_task(names.task_queue)
    thread.join(10)
    assert replies[0].info.HasField("last_started_time")
    raw.heartbeat(task)
    # What has changed since the token was made is answered at once.
    beat = raw.describe_activity(
        names(), run_id, long_poll_token=replies[0].long_poll_token, timeout=20)
    assert beat.info.total_heartbeat_count == 1


def test_tokens_are_checked(raw: RawClient, names) -> None:
    run_id = raw.start_activity(names(), names.task_queue).run_id
    other = raw.start_activity(names("other"), names.task_queue).run_id
    token = raw.describe_activity(names()).long_poll_token
    with expect_error("INVALID_ARGUMENT", match="^run id is required when long poll token is"):
        raw.describe_activity(names(), long_poll_token=token)
    with expect_error("INVALID_ARGUMENT", match="^invalid long poll token$"):
        raw.describe_activity(names(), run_id, long_poll_token=b"\xff\xff")
    with expect_error("INVALID_ARGUMENT", match="^long poll token does not match execution$"):
        raw.describe_activity(names("other"), other, long_poll_token=token)


def test_deleted_while_waited_for(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue)
    thread, replies = in_background(lambda: raw.activity_outcome(names()))
    time.sleep(0.3)
    raw.call("DeleteActivityExecution", activity_id=names())
    thread.join(10)
    assert replies[0].outcome.failure.message == "Delete activity execution"
