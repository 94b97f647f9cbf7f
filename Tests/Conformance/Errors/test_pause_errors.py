"""How requests to pause and to read backwards are refused."""

from __future__ import annotations

import pytest

from Support.raw import RawClient, execution
from Support.refusals import (
    NO_SUCH_RUN, TOO_LONG, Refusal, invalid, not_found, precondition, unimplemented)

UNPAUSE = "UnpauseWorkflowExecution"
REVERSE = "GetWorkflowExecutionHistoryReverse"

TABLE: list[Refusal] = [
    unimplemented("PauseWorkflowExecution", "not enabled", lambda w: {"workflow_id": w.running},
                  r"^workflow pause is not enabled for namespace: \S+$"),

    invalid(UNPAUSE, "no workflow id", {}, r"^WorkflowId is not set on request\.$"),
    invalid(UNPAUSE, "malformed run id", {"workflow_id": "w", "run_id": "run-1"},
            r"^Invalid RunId\.$"),
    invalid(UNPAUSE, "long reason", {"workflow_id": "w", "reason": TOO_LONG},
            r"^reason is too long\.$"),
    invalid(UNPAUSE, "long request id", {"workflow_id": "w", "request_id": TOO_LONG},
            r"^request id is too long\.$"),
    invalid(UNPAUSE, "long identity", {"workflow_id": "w", "identity": TOO_LONG},
            r"^identity is too long\.$"),
    not_found(UNPAUSE, "unknown workflow", {"workflow_id": "no-such-workflow"},
              "(?i)workflow.*not found"),
    not_found(UNPAUSE, "closed", lambda w: {"workflow_id": w.closed},
              r"^workflow execution already completed$"),
    precondition(UNPAUSE, "not paused", lambda w: {"workflow_id": w.running},
                 r"^workflow is not paused\.$"),

    invalid(REVERSE, "no execution", {}, r"^Execution is not set on request\.$"),
    invalid(REVERSE, "no workflow id", {"execution": {}}, r"^WorkflowId is not set on request\.$"),
    invalid(REVERSE, "malformed run id", {"execution": execution("w", "run-1")},
            r"^Invalid RunId\.$"),
    not_found(REVERSE, "unknown workflow", {"execution": execution("no-such-workflow")},
              "(?i)workflow.*not found"),
    not_found(REVERSE, "unknown run", lambda w: {"execution": execution(w.running, NO_SUCH_RUN)},
              "(?i)workflow.*not found"),
    invalid(REVERSE, "bad page token",
            lambda w: {"execution": execution(w.running), "next_page_token": b"junk"},
            r"^Invalid NextPageToken\.$"),
    invalid(REVERSE, "page token of the other direction", lambda w: {
        "execution": execution(w.completed),
        "next_page_token": w.raw.history_page(
            w.completed, wait=True, page_size=1).next_page_token},
        r"^Invalid NextPageToken\.$"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())
