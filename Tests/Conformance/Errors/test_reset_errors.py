"""How requests to go back in a history are refused."""

from __future__ import annotations

import pytest

from Support.raw import RawClient, execution
from Support.refusals import (
    NO_SUCH_RUN, TOO_LONG, Refusal, invalid, not_found, unimplemented)

RPC = "ResetWorkflowExecution"


def of(workflow_id: str, run_id: str = "", **changes):
    """A good request to reset a workflow, but for `changes`."""
    return {
        "workflow_execution": execution(workflow_id, run_id), "request_id": "r",
        "workflow_task_finish_event_id": 3, **changes}


TABLE: list[Refusal] = [
    invalid(RPC, "no execution", {"request_id": "r"}, r"^Execution is not set on request\.$"),
    invalid(RPC, "no workflow id", {"request_id": "r", "workflow_execution": {}},
            r"^WorkflowId is not set on request\.$"),
    invalid(RPC, "long workflow id", of(TOO_LONG), r"^WorkflowId length exceeds limit\.$"),
    invalid(RPC, "malformed run id", of("w", "run-1"), r"^Invalid RunId\.$"),
    not_found(RPC, "unknown workflow", of("no-such-workflow"), "(?i)workflow.*not found"),
    not_found(RPC, "unknown run", lambda w: of(w.running, NO_SUCH_RUN),
              "(?i)workflow.*not found"),
    invalid(RPC, "no request id", of("w", request_id=""), r"^RequestId is not set on request\.$"),
    invalid(RPC, "long request id", of("w", request_id=TOO_LONG),
            r"^RequestId length exceeds limit\.$"),
    invalid(RPC, "long reason", of("w", reason=TOO_LONG), r"^Reason length exceeds limit\.$"),
    invalid(RPC, "long identity", of("w", identity=TOO_LONG),
            r"^Identity length exceeds limit\.$"),
    invalid(RPC, "unknown reapply type", of("w", reset_reapply_type=77),
            r"^unknown reset reapply type: 77$"),
    invalid(RPC, "first event", lambda w: of(w.running, workflow_task_finish_event_id=1),
            r"^Workflow task finish ID must be > 1 && <= workflow last event ID\.$"),
    invalid(RPC, "behind the last event",
            lambda w: of(w.running, workflow_task_finish_event_id=1000),
            r"^Workflow task finish ID must be > 1 && <= workflow last event ID\.$"),
    invalid(RPC, "no workflow task open",
            lambda w: of(w.running, workflow_task_finish_event_id=2),
            r"^Can only reset workflow to event ID in range "
            r"\[WorkflowTaskScheduled \+1, WorkflowTaskStarted \+ 1\]: 2$"),
    invalid(RPC, "signal after the reset",
            of("w", post_reset_operations=[{"signal_workflow": {}}]),
            "^unsupported post reset operation"),
    unimplemented(RPC, "options after the reset",
                  of("w", post_reset_operations=[{"update_workflow_options": {}}]),
                  "post-reset workflow options"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())
