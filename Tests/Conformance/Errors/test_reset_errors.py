"""How requests to go back in a history are refused."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from Support.raw import RawClient, execution
from Support.refusals import (
    NO_SUCH_RUN, TOO_LONG, Refusal, invalid, not_found, precondition, unimplemented)

RPC = "ResetWorkflowExecution"


def of(workflow_id: str, run_id: str = "", **changes):
    """A good request to reset a workflow, but for `changes`."""
    return {
        "workflow_execution": execution(workflow_id, run_id), "request_id": "r",
        "workflow_task_finish_event_id": 3, **changes}


def then(*paths: str, **options):
    """An operation that changes options of the new run."""
    return {"update_workflow_options": {
        "workflow_execution_options": options, "update_mask": FieldMask(paths=paths)}}


PINNED = {"behavior": "PINNED_OVERRIDE_BEHAVIOR_PINNED",
          "version": {"deployment_name": "d", "build_id": "b"}}

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
    invalid(RPC, "nothing after the reset", of("w", post_reset_operations=[{}]),
            "^unsupported post reset operation"),
    invalid(RPC, "unknown path after the reset", of("w", post_reset_operations=[
        then("nothing")]), 'invalid path "nothing" for message '
        '"temporal.api.workflow.v1.WorkflowExecutionOptions"$'),
    invalid(RPC, "unknown part of a priority after the reset", of("w", post_reset_operations=[
        then("priority.nothing")]), "invalid path"),
    invalid(RPC, "half of an old override after the reset", of("w", post_reset_operations=[
        then("versioning_override.behavior")]),
        "^error applying update_options: versioning_override fields must be updated together"),
    invalid(RPC, "empty override after the reset", of("w", post_reset_operations=[
        then("versioning_override", versioning_override={})]), "^override behavior is required$"),
    invalid(RPC, "second operation after the reset", of("w", post_reset_operations=[
        then("priority", priority={"priority_key": 1}), then("nothing")]), "invalid path"),
    unimplemented(RPC, "time skipping after the reset", of("w", post_reset_operations=[
        then("time_skipping_config")]), "time_skipping_config"),
    precondition(RPC, "version nobody has after the reset", lambda w: of(
        w.completed, workflow_task_finish_event_id=4, post_reset_operations=[
            then("versioning_override", versioning_override={"pinned": PINNED})]),
        "^Pinned version 'd:b' is not present in task queue"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())


def test_nothing_happens(raw: RawClient, names) -> None:
    """A reset whose operations cannot be done is none."""
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue))
    before = raw.history(names())
    for operation in (
        then("versioning_override", versioning_override={"pinned": PINNED}), then("nothing"), {}):
        with pytest.raises(grpc.RpcError):
            raw.call(RPC, **of(
                names(), workflow_task_finish_event_id=4,
                post_reset_operations=[then("priority", priority={"priority_key": 1}), operation]))
    assert raw.history(names()) == before
    assert raw.describe(names()).workflow_execution_info.execution.run_id == run_id
