"""Oversized payloads: what each call does with them, by Temporal's rules."""

from __future__ import annotations

import pytest

from Support.errors import expect_error
from Support.histories import assert_history, find
from Support.raw import (
    Memo, RawClient, cancel_activity, complete, failure, payload, payloads, schedule_activity,
)

MIB = 1024 * 1024
BIG = "x" * (2 * MIB + 1000)
ALMOST = "x" * (2 * MIB - 2000)


def test_almost_the_limit_is_fine(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, input=payloads(ALMOST))
    raw.signal(names(), "s", ALMOST)
    task = raw.next_workflow_task(names.task_queue)
    raw.respond(task, complete(ALMOST))
    closed = raw.wait_closed(names())
    result = closed.workflow_execution_completed_event_attributes.result
    assert result == payloads(ALMOST)


def test_start_input(raw: RawClient, names) -> None:
    with expect_error("INVALID_ARGUMENT", match="Blob data size exceeds limit"):
        raw.start(names(), names.task_queue, input=payloads(BIG))
    with expect_error("NOT_FOUND"):
        raw.describe(names())


def test_start_memo(raw: RawClient, names) -> None:
    with expect_error("INVALID_ARGUMENT"):
        raw.start(names(), names.task_queue, memo=Memo(fields={"m": payload(BIG)}))


def test_signal_input(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    with expect_error("INVALID_ARGUMENT", match="Blob data size exceeds limit"):
        raw.signal(names(), "s", BIG)
    with expect_error("INVALID_ARGUMENT"):
        raw.signal_with_start(names(), names.task_queue, "s", BIG)
    assert len(raw.history(names())) == 2


def test_query_arguments(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        raw.query(names(), "q", BIG)


def test_message_beyond_what_grpc_takes(raw: RawClient, names) -> None:
    with expect_error("RESOURCE_EXHAUSTED"):
        raw.start(names(), names.task_queue, input=payloads("x" * (5 * MIB)))
    # The connection and the server live on.
    raw.start(names(), names.task_queue)


def _activity(raw: RawClient, names):
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names("aq"), start_to_close=30, heartbeat=30))
    return run_id, raw.next_activity_task(names("aq"))


def test_activity_result(raw: RawClient, names) -> None:
    run_id, task = _activity(raw, names)
    raw.complete_activity(task, BIG)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    failed = find(raw.history(names(), run_id), "ActivityTaskFailed")["failure"]
    assert failed["message"] == "Complete result exceeds size limit."
    assert failed["serverFailureInfo"]["nonRetryable"] is True


def test_heartbeat_details(raw: RawClient, names) -> None:
    run_id, task = _activity(raw, names)
    assert raw.heartbeat(task, BIG).cancel_requested
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    failed = find(raw.history(names(), run_id), "ActivityTaskFailed")["failure"]
    assert failed["message"] == "Heartbeat details exceed size limit."
    assert failed["serverFailureInfo"]["nonRetryable"] is True


def test_cancel_details(raw: RawClient, names) -> None:
    run_id, task = _activity(raw, names)
    raw.request_cancel(names())
    raw.respond(raw.next_workflow_task(names.task_queue), cancel_activity(5))
    raw.call("RespondActivityTaskCanceled", task_token=task.task_token, details=payloads(BIG))
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    failed = find(raw.history(names(), run_id), "ActivityTaskFailed")["failure"]
    assert failed["message"] == "Cancel details exceed size limit."
    assert failed["serverFailureInfo"]["nonRetryable"] is True


def test_activity_failure(raw: RawClient, names) -> None:
    run_id, task = _activity(raw, names)
    reply = raw.fail_activity(task, failure(BIG, non_retryable=True))
    assert len(reply.failures) == 1
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    failed = find(raw.history(names(), run_id), "ActivityTaskFailed")["failure"]
    assert "serverFailureInfo" in failed and failed.get("cause")


@pytest.mark.parametrize("where", ["result", "activity"])
def test_command_payload_terminates_the_workflow(raw: RawClient, names, where: str) -> None:
    """The task fails first; for a result, too, Temporal names an activity as the cause."""
    run_id = raw.start(names(), names.task_queue).run_id
    command = complete(BIG) if where == "result" else schedule_activity(
        "a", names("aq"), input=payloads(BIG), start_to_close=5)
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(task, command)
    events = raw.history(names(), run_id)
    assert_history(events, """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES"}
        5 WorkflowExecutionTerminated {"identity": "history-service"}
    """)
    assert "limit" in find(events, "WorkflowExecutionTerminated")["reason"]


def test_long_names(raw: RawClient, names) -> None:
    long = "n" * 1001
    raw.start(names(), names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        raw.signal(names(), long)
    with expect_error("INVALID_ARGUMENT"):
        raw.query(names(), long)
    with expect_error("INVALID_ARGUMENT"):
        raw.poll_workflow(long)
    raw.start("i" * 1000, names.task_queue)
    raw.terminate("i" * 1000)
