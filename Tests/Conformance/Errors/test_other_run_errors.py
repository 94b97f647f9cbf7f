"""How commands that reach other workflows are refused: the task fails with the command's cause."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Priority, RetryPolicy

from Support.errors import expect_error
from Support.histories import find, types
from Support.raw import (
    RawClient, cancel_external, signal_external, start_child,
)
from Support.refusals import TOO_LARGE, TOO_LONG, Refusal, invalid, not_found

RPC = "RespondWorkflowTaskCompleted"
CAUSES = {
    "child": "BAD_START_CHILD_EXECUTION_ATTRIBUTES",
    "signal": "BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES",
    "cancel": "BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES",
}
ACROSS = "cross namespace commands are not allowed$"
NEGATIVE = Duration(seconds=-1)


def refused(name: str, message: str, *commands: Command) -> Refusal:
    return invalid(
        RPC, name, lambda w: {"task_token": w.task.task_token, "commands": commands}, message)


CHILD = [
    refused("child without id", "Required field WorkflowId is not set on StartChild",
            start_child("")),
    refused("child without type", "Required field WorkflowType is not set on StartChild",
            start_child("c", kind="")),
    refused("child with a long id", "WorkflowId on StartChild.* exceeds length limit",
            start_child(TOO_LONG)),
    refused("child with a long type", "WorkflowType on StartChild.* exceeds length limit",
            start_child("c", kind=TOO_LONG)),
    refused("child on a long queue", "invalid TaskQueue on StartChild",
            start_child("c", task_queue=TOO_LONG)),
    refused("child on a reserved queue", "invalid TaskQueue on StartChild",
            start_child("c", task_queue="/_sys/q/1")),
    refused("child with a negative execution timeout",
            "Invalid WorkflowExecutionTimeout on StartChild",
            start_child("c", workflow_execution_timeout=NEGATIVE)),
    refused("child with a negative run timeout", "Invalid WorkflowRunTimeout on StartChild",
            start_child("c", workflow_run_timeout=NEGATIVE)),
    refused("child with a negative task timeout", "Invalid WorkflowTaskTimeout on StartChild",
            start_child("c", workflow_task_timeout=NEGATIVE)),
    refused("child with a bad retry policy", "invalid WorkflowRetryPolicy on StartChild",
            start_child("c", retry_policy=RetryPolicy(maximum_attempts=-1))),
    refused("child with a bad schedule", "invalid CronSchedule on StartChild",
            start_child("c", cron_schedule="often")),
    refused("child with a bad priority", "priority key can't be negative",
            start_child("c", priority=Priority(priority_key=-1))),
    refused("child with an unknown policy", "unknown ParentClosePolicy 77",
            start_child("c", policy=77)),
    refused("child elsewhere", ACROSS, start_child("c", namespace="temporal-system")),
]
SIGNAL = [
    refused("signal to nobody", "WorkflowId is not set on SignalExternal", signal_external("")),
    refused("signal to a long id", "WorkflowId on SignalExternal.* exceeds length limit",
            signal_external(TOO_LONG)),
    refused("signal to a malformed run", "Invalid RunId set on SignalExternal",
            signal_external("w", run_id="run-1")),
    refused("signal without a name", "SignalName is not set on SignalExternal",
            signal_external("w", "")),
    refused("signal elsewhere", ACROSS, signal_external("w", namespace="temporal-system")),
]
CANCEL = [
    refused("cancel of nobody", "WorkflowId is not set on RequestCancelExternal",
            cancel_external("")),
    refused("cancel of a long id", "WorkflowId on RequestCancelExternal.* exceeds length limit",
            cancel_external(TOO_LONG)),
    refused("cancel of a malformed run", "Invalid RunId set on RequestCancelExternal",
            cancel_external("w", run_id="run-1")),
    refused("cancel elsewhere", ACROSS, cancel_external("w", namespace="temporal-system")),
    refused("child that is cancelled at once",
            "Start and RequestCancel for child workflow is not allowed in same workflow task",
            start_child("c"), cancel_external("c")),
]
TABLE: list[Refusal] = [
    *CHILD, *SIGNAL, *CANCEL,
    not_found(
        RPC, "unknown namespace", lambda w: {
            "task_token": w.task.task_token,
            "commands": [start_child("c", namespace="no-such-namespace")]},
        "^Namespace no-such-namespace is not found", detail="NamespaceNotFoundFailure"),
]
ROWS = [
    *[(row, CAUSES["child"]) for row in CHILD], *[(row, CAUSES["signal"]) for row in SIGNAL],
    *[(row, CAUSES["cancel"]) for row in CANCEL],
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())


@pytest.mark.parametrize(("row", "cause"), ROWS, ids=[row.id for row, _ in ROWS])
def test_cause(raw: RawClient, names, row: Refusal, cause: str) -> None:
    """The failed workflow task says why, and none of its commands was carried out."""
    row.check(raw, names())
    events = raw.history(f"{names()}-task")
    # The next attempt is shown though it is not written.
    assert types(events)[3:] == ["WorkflowTaskFailed", "WorkflowTaskScheduled"]
    assert find(events, "WorkflowTaskFailed")["cause"] == f"WORKFLOW_TASK_FAILED_CAUSE_{cause}"


@pytest.mark.parametrize("command", [
    start_child("c", input={"payloads": [{"data": TOO_LARGE.encode()}]}),
    signal_external("w", "s", TOO_LARGE),
], ids=["child", "signal"])
def test_too_large(raw: RawClient, names, command: Command) -> None:
    """A payload nobody could keep ends the workflow."""
    raw.start(names(), names.task_queue)
    with expect_error("INVALID_ARGUMENT", match="exceeds size limit"):
        raw.respond(raw.next_workflow_task(names.task_queue), command)
    assert types(raw.history(names()))[-1] == "WorkflowExecutionTerminated"
