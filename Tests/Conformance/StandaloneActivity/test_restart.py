"""SIGKILL: what was acknowledged of an activity is there after the restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from Support.errors import expect_error
from Support.raw import RawClient, failure, payloads
from Support.server import TargetServer


@pytest.fixture
def stored(own_server, tmp_path: Path) -> TargetServer:
    """A server on a file, running."""
    return own_server(db_filename=tmp_path / "server.sqlite").start()


def again(server: TargetServer) -> RawClient:
    """Kills the server, starts it on the same file and port, and connects to it."""
    server.kill()
    server.start()
    return RawClient(server.address)


def test_all_of_its_life(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    run_id = raw.start_activity(
        "a", "q", input=payloads("in"), retry={"initial_interval": {"seconds": 1}}).run_id
    raw = again(stored)
    task = raw.next_activity_task("q")
    assert task.activity_run_id == run_id and task.input == payloads("in")
    raw.heartbeat(task, "half")
    raw = again(stored)
    assert not raw.heartbeat(task, "more").cancel_requested
    raw.fail_activity(task, failure("once"))
    raw = again(stored)
    task = raw.next_activity_task("q")
    assert task.attempt == 2 and task.heartbeat_details == payloads("more")
    raw.complete_activity(task, "out")
    raw = again(stored)
    assert raw.activity_outcome("a").outcome.result == payloads("out")
    described = raw.describe_activity("a", include_input=True).info
    assert described.attempt == 2 and described.total_heartbeat_count == 2
    listed = raw.call("ListActivityExecutions", query="ExecutionStatus = 'Completed'").executions
    assert [row.run_id for row in listed] == [run_id]
    assert not raw.call("ListWorkflowExecutions").executions
    stored.stop()


def test_deadlines(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    raw.start_activity("delayed", "q", delay=2)
    raw.start_activity("late", "q-late", schedule_to_start=2)
    raw.start_activity("w", "q-w", start_to_close=2, retry={"maximum_attempts": 1})
    raw.next_activity_task("q-w")
    raw = again(stored)
    assert raw.next_activity_task("q").activity_id == "delayed"
    for activity_id in ("late", "w"):
        outcome = raw.activity_outcome(activity_id).outcome
        assert outcome.failure.HasField("timeout_failure_info"), activity_id
    stored.stop()


def test_ids_and_ends(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    run_id = raw.start_activity("a", "q", request_id="r").run_id
    raw.start_activity("gone", "q2")
    raw.call("DeleteActivityExecution", activity_id="gone")
    raw.start_activity("canceled", "q3")
    raw.next_activity_task("q3")
    raw.call("RequestCancelActivityExecution", activity_id="canceled", request_id="c")
    raw = again(stored)
    assert raw.start_activity("a", "q", request_id="r").run_id == run_id
    with expect_error("ALREADY_EXISTS", detail="ActivityExecutionAlreadyStartedFailure"):
        raw.start_activity("a", "q")
    with expect_error("NOT_FOUND"):
        raw.describe_activity("gone")
    assert not raw.poll_activity("q2", timeout=2.5).task_token
    with expect_error("FAILED_PRECONDITION", match="already requested with request ID c"):
        raw.call("RequestCancelActivityExecution", activity_id="canceled")
    stored.stop()
