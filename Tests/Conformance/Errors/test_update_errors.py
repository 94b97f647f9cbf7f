"""How updates and polls for them are refused."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy

from Support.raw import RawClient, execution
from Support.refusals import (
    NO_SUCH_RUN, TOO_LONG, Refusal, World, invalid, not_found, precondition)
from Support.updates import ADMITTED, poll_fields, update_fields

FAILURE = Cause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE
UPDATE = "UpdateWorkflowExecution"
POLL = "PollWorkflowExecutionUpdate"


def changed(**changes: Any) -> dict[str, Any]:
    """An update that would be good but for the fields that are changed; None leaves one out."""
    fields = {**update_fields("no-such-workflow", "u"), **changes}
    return {name: value for name, value in fields.items() if value is not None}


def failing(w: World) -> str:
    """A workflow whose task failed twice."""
    w.raw.start(f"{w.base}-failing", w.queue)
    for _ in range(2):
        w.raw.fail_workflow_task(w.raw.next_workflow_task(w.queue), FAILURE)
    return f"{w.base}-failing"


def denied(rpc: str, name: str, fields: Any, message: str) -> Refusal:
    return Refusal(
        rpc, name, fields, "PERMISSION_DENIED", message, detail="PermissionDeniedFailure")


TABLE: list[Refusal] = [
    # What is wrong with one of its operations is told for each: Update/test_update_with_start.py.
    invalid("ExecuteMultiOperation", "no operations", {},
            r"^Operations have to be exactly \[Start, Update\]\.$"),
    invalid(UPDATE, "no execution", changed(workflow_execution=None),
            r"^Execution is not set on request\.$"),
    invalid(UPDATE, "no workflow id", changed(workflow_execution={}),
            r"^WorkflowId is not set on request\.$"),
    invalid(UPDATE, "malformed run id", changed(workflow_execution=execution("w", "run-1")),
            r"^Invalid RunId\.$"),
    invalid(UPDATE, "no request", changed(request=None),
            r"^Update meta is not set on request\.$"),
    invalid(UPDATE, "no meta", changed(request=Request(input=Input(name="change"))),
            r"^Update meta is not set on request\.$"),
    invalid(UPDATE, "long update id", changed(request=Request(
        meta=Meta(update_id=TOO_LONG), input=Input(name="change"))),
        r"^UpdateId length exceeds limit\.$"),
    invalid(UPDATE, "no input", changed(request=Request(meta=Meta(update_id="u"))),
            r"^Update input is not set on request\.$"),
    invalid(UPDATE, "no name", changed(request=Request(
        meta=Meta(update_id="u"), input=Input())), r"^Update name is not set on request\.$"),
    denied(UPDATE, "waiting for admission", changed(wait_policy=WaitPolicy(
        lifecycle_stage=ADMITTED)),
        r"^UpdateWorkflowExecution issued asynchronously and waiting on update admitted is not "
        r"supported\.$"),
    Refusal(UPDATE, "unknown namespace", changed(namespace="no-such-namespace"), "NOT_FOUND",
            "no-such-namespace", detail="NamespaceNotFoundFailure"),
    not_found(UPDATE, "unknown workflow", changed(), "(?i)workflow.*not found"),
    not_found(UPDATE, "unknown run", lambda w: changed(
        workflow_execution=execution(w.running, NO_SUCH_RUN)), "(?i)workflow.*not found"),
    not_found(UPDATE, "another first run", lambda w: changed(
        workflow_execution=execution(w.running), first_execution_run_id=NO_SUCH_RUN),
        "^workflow execution not found$"),
    not_found(UPDATE, "another first run of a closed workflow", lambda w: changed(
        workflow_execution=execution(w.closed), first_execution_run_id=NO_SUCH_RUN),
        "^workflow execution not found$"),
    not_found(UPDATE, "closed", lambda w: changed(workflow_execution=execution(w.closed)),
              "^workflow execution already completed$"),
    not_found(UPDATE, "completed", lambda w: changed(workflow_execution=execution(w.completed)),
              "^workflow execution already completed$"),
    precondition(UPDATE, "failing workflow task", lambda w: changed(
        workflow_execution=execution(failing(w))),
        r"^Unable to perform workflow execution update due to Workflow Task in failed state\.$",
        detail="WorkflowNotReadyFailure"),
    Refusal(UPDATE, "nobody answers in time", lambda w: changed(
        workflow_execution=execution(w.running)), "DEADLINE_EXCEEDED", "", timeout=1),

    invalid(POLL, "no reference", {}, r"^UpdateRef is not set on request\.$"),
    Refusal(POLL, "unknown namespace", {
        "namespace": "no-such-namespace", **poll_fields("w", "u")}, "NOT_FOUND",
        "no-such-namespace", detail="NamespaceNotFoundFailure"),
    not_found(POLL, "unknown workflow", poll_fields("no-such-workflow", "u"),
              "(?i)workflow.*not found"),
    not_found(POLL, "unknown run", lambda w: poll_fields(w.running, "u", run_id=NO_SUCH_RUN),
              "(?i)workflow.*not found"),
    not_found(POLL, "unknown update", lambda w: poll_fields(w.running, "nobody's"),
              '^update "nobody\'s" not found$'),
    not_found(POLL, "unknown update of a closed workflow", lambda w: poll_fields(w.closed, "u"),
              '^update "u" not found$'),
    not_found(POLL, "no update id", lambda w: poll_fields(w.running, ""),
              '^update "" not found$'),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())
