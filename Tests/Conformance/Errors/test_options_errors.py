"""How requests to change a workflow's options are refused."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from Support.raw import RawClient, execution
from Support.refusals import (
    NO_SUCH_RUN, Refusal, invalid, not_found, precondition, unimplemented)

UPDATE = "UpdateWorkflowExecutionOptions"


def _to(workflow_id: str, *paths: str, run_id: str = "", **options):
    return {
        "workflow_execution": execution(workflow_id, run_id),
        "workflow_execution_options": options, "update_mask": FieldMask(paths=paths)}


PINNED = {"behavior": "PINNED_OVERRIDE_BEHAVIOR_PINNED",
          "version": {"deployment_name": "d", "build_id": "b"}}

TABLE: list[Refusal] = [
    invalid(UPDATE, "no workflow id", {}, r"^WorkflowId is not set on request\.$"),
    invalid(UPDATE, "malformed run id", _to("w", run_id="run-1"), r"^Invalid RunId\.$"),
    invalid(UPDATE, "no mask", {"workflow_execution": execution("w")}, "^UpdateMask is required$"),
    invalid(UPDATE, "no options",
            {"workflow_execution": execution("w"), "update_mask": FieldMask()},
            "^WorkflowExecutionOptions is required$"),
    invalid(UPDATE, "unknown path", _to("w", "nothing"),
            '^error parsing UpdateMask: .*invalid path "nothing" for message '
            '"temporal.api.workflow.v1.WorkflowExecutionOptions"$'),
    invalid(UPDATE, "unknown part of a priority", _to("w", "priority.nothing"), "invalid path"),
    invalid(UPDATE, "part of an override", _to("w", "versioning_override.pinned"),
            "^error applying update_options: versioning_override doesn't support partial updates"),
    invalid(UPDATE, "half of an old override", _to("w", "versioning_override.behavior"),
            "^error applying update_options: versioning_override fields must be updated together"),
    invalid(UPDATE, "empty override", _to("w", "versioning_override", versioning_override={}),
            "^override behavior is required$"),
    invalid(UPDATE, "negative priority",
            _to("w", "priority", priority={"priority_key": -1}), "^priority key can't be negative"),
    unimplemented(UPDATE, "time skipping", _to("w", "time_skipping_config"),
                  "time_skipping_config"),
    not_found(UPDATE, "unknown workflow", _to("no-such-workflow"), "(?i)workflow.*not found"),
    not_found(UPDATE, "unknown run", lambda w: _to(w.running, run_id=NO_SUCH_RUN),
              "(?i)workflow.*not found"),
    not_found(UPDATE, "closed", lambda w: _to(w.closed),
              r"^workflow execution already completed$"),
    precondition(UPDATE, "version nobody has", lambda w: _to(
        w.running, "versioning_override", versioning_override={"pinned": PINNED}),
        "^Pinned version 'd:b' is not present in task queue"),
    precondition(UPDATE, "pinned to where it is", lambda w: _to(
        w.running, "versioning_override",
        versioning_override={"pinned": {"behavior": "PINNED_OVERRIDE_BEHAVIOR_PINNED"}}),
        "^must specify a specific pinned override version because workflow with id .+ has "
        "behavior Unspecified and is not yet pinned to any version"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())
