"""How what operators do to pending activities is refused."""

from __future__ import annotations

import pytest

from Support.raw import RawClient
from Support.refusals import NO_SUCH_RUN, TOO_LONG, Refusal, invalid, not_found, unimplemented

BY_EXECUTION = ("PauseActivity", "UnpauseActivity", "ResetActivity", "UpdateActivityOptions")
BY_ACTIVITY = (
    "PauseActivityExecution", "UnpauseActivityExecution", "ResetActivityExecution",
    "UpdateActivityExecutionOptions")
NOT_PENDING = "^Can't find pending activity with such ID"
NO_OPTIONS = {"restore_original": True}


def more(rpc: str) -> dict:
    """What an update of options needs beside the activity."""
    return NO_OPTIONS if rpc.startswith("Update") else {}


def by_execution(rpc: str) -> list[Refusal]:
    def named(workflow_id: str, run_id: str = "", **fields):
        return {
            "execution": {"workflow_id": workflow_id, "run_id": run_id}, "id": "a", **more(rpc),
            **fields}

    return [
        invalid(rpc, "no execution", {"id": "a", **more(rpc)}, "^WorkflowId is not set"),
        invalid(rpc, "no activity", {"execution": {"workflow_id": "w"}, **more(rpc)},
                r"^Either Activity\.Id or Activity\.Type should be set on request\.$"),
        invalid(rpc, "long workflow id", named(TOO_LONG), "WorkflowId length exceeds"),
        invalid(rpc, "malformed run id", named("w", "run-1"), r"^Invalid RunId\.$"),
        invalid(rpc, "long identity", named("w", identity=TOO_LONG), "Identity length exceeds"),
        not_found(rpc, "unknown workflow", named("no-such-workflow"), "not found"),
        not_found(rpc, "unknown run", lambda w: named(w.running, NO_SUCH_RUN), "not found"),
        not_found(rpc, "unknown activity", lambda w: named(w.running), NOT_PENDING),
        not_found(rpc, "workflow closed", lambda w: named(w.closed),
                  "^workflow execution already completed$"),
    ]


def by_activity(rpc: str) -> list[Refusal]:
    def named(workflow_id: str, activity_id: str = "a", run_id: str = "", **fields):
        return {
            "workflow_id": workflow_id, "activity_id": activity_id, "run_id": run_id, **more(rpc),
            **fields}

    return [
        unimplemented(rpc, "no workflow", named(""),
                      "^Standalone activity operator commands are disabled$"),
        invalid(rpc, "no activity id", named("w", ""), "^activity ID is required$"),
        invalid(rpc, "long activity id", named("w", TOO_LONG), "^activity ID exceeds length limit"),
        invalid(rpc, "long identity", named("w", identity=TOO_LONG), "^identity exceeds length"),
        invalid(rpc, "long request id", named("w", request_id=TOO_LONG),
                "RequestId length exceeds"),
        invalid(rpc, "malformed run id", named("w", "a", "run-1"),
                "^invalid run id: must be a valid UUID$"),
        not_found(rpc, "unknown activity", lambda w: named(w.running), NOT_PENDING),
        not_found(rpc, "workflow closed", lambda w: named(w.closed),
                  "^workflow execution already completed$"),
    ]


TABLE: list[Refusal] = [
    *[row for rpc in BY_EXECUTION for row in by_execution(rpc)],
    *[row for rpc in BY_ACTIVITY for row in by_activity(rpc)],
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())
