"""Refusals of fields that few requests set: overrides, links, sizes of search attributes."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from Errors.test_start_errors import BOTH, good
from Support.raw import RawClient, complete, payload
from Support.refusals import Refusal, World, invalid, precondition, unimplemented

OPTIONS = "UpdateWorkflowExecutionOptions"
PINNED = "VERSIONING_BEHAVIOR_PINNED"
AUTO = "VERSIONING_BEHAVIOR_AUTO_UPGRADE"

# What is wrong with an override, the override, and the refusal.
OVERRIDES = [
    ("auto-upgrade false", {"auto_upgrade": False}, "^auto-upgrade override must be true$"),
    ("pinned without version", {"pinned": {"behavior": 1}},
     r"^must provide version if override is pinned\.$"),
    ("pinned without behavior", {"pinned": {"version": {
        "deployment_name": "d", "build_id": "b"}}},
     r"^must specify pinned override behavior if override is pinned\.$"),
    ("one-time without version", {"one_time": {}},
     r"^must provide target deployment version if override is one-time\.$"),
    ("old pinned without version", {"behavior": PINNED},
     r"^must provide deployment \(deprecated\) or pinned version if behavior is 'PINNED'$"),
    ("old auto-upgrade with deployment", {"behavior": AUTO, "deployment": {"series_name": "s"}},
     "^only provide deployment if behavior is 'PINNED'$"),
    ("old auto-upgrade with version", {"behavior": AUTO, "pinned_version": "d.b"},
     "^only provide pinned version if behavior is 'PINNED'$"),
    ("unknown behavior", {"behavior": 99}, "^override behavior 99 not recognized$"),
]
LINKS = [
    ("link without a namespace", {"workflow_event": {"workflow_id": "w", "run_id": "r"}},
     "^workflow event link must not have an empty namespace field$"),
    ("link without a workflow", {"workflow_event": {"namespace": "n", "run_id": "r"}},
     "^workflow event link must not have an empty workflow ID field$"),
    ("link to an event of no type", {"workflow_event": {
        "namespace": "n", "workflow_id": "w", "run_id": "r", "event_ref": {"event_id": 5}}},
     "^workflow event link ref cannot have an unspecified event type and a non-zero event ID$"),
    ("link to no batch job", {"batch_job": {}}, "^batch job link must not have an empty job ID$"),
    ("link to a callback", {"callback": {"namespace": "n"}}, "^unsupported link variant$"),
    *[(f"{kind} link without {field}", {kind: {name: "x" for name in fields if name != field}},
       f"^{kind.replace('_', ' ')} link must not have an empty {shown} field$")
      for kind, fields in {
          "workflow": {"namespace": "namespace", "workflow_id": "workflow ID", "run_id": "run ID"},
          "activity": {"namespace": "namespace", "activity_id": "activity ID", "run_id": "run ID"},
          "nexus_operation": {
              "namespace": "namespace", "operation_id": "operation ID", "run_id": "run ID"},
      }.items() for field, shown in fields.items()],
]
MANY = {f"Field{number}": payload(number) for number in range(101)}
BULKY = {f"Field{number}": payload("x" * 2000) for number in range(25)}


def changed(workflow_id: str, override: dict) -> dict:
    return {
        "workflow_execution": {"workflow_id": workflow_id},
        "workflow_execution_options": {"versioning_override": override},
        "update_mask": FieldMask(paths=["versioning_override"])}


def options_of(*paths: str):
    """A change of options of a pending activity, which has none of what `paths` name."""
    return lambda w: {
        "execution": {"workflow_id": w.scheduled_activity}, "id": "a", "activity_options": {},
        "update_mask": FieldMask(paths=paths)}


def linked_again(w: World) -> dict:
    """A start that is sent again after its activity is over, with links now."""
    w.raw.start_activity(w.base, w.queue, request_id="again")
    w.raw.complete_activity(w.raw.next_activity_task(w.queue))
    return {
        "activity_id": w.base, "activity_type": {"name": "Work"}, "task_queue": {"name": w.queue},
        "start_to_close_timeout": {"seconds": 60}, "request_id": "again",
        "id_conflict_policy": "ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING",
        "on_conflict_options": {"attach_request_id": True, "attach_links": True},
        "links": [{"workflow": {"namespace": "n", "workflow_id": "w", "run_id": "r"}}]}


TABLE: list[Refusal] = [
    *[invalid(rpc, name, good(rpc, versioning_override=override), text)
      for rpc in BOTH for name, override, text in OVERRIDES],
    *[invalid(OPTIONS, name, changed("w", override), text) for name, override, text in OVERRIDES
      if name != "pinned without version"],  # there it means the version the workflow is at
    *[invalid(rpc, name, good(rpc, links=[link]), text)
      for rpc in BOTH for name, link, text in LINKS],
    *[invalid(rpc, "many search attributes", good(
        rpc, search_attributes={"indexed_fields": MANY}),
        "^number of search attributes 101 exceeds limit 100$") for rpc in BOTH],
    *[invalid(rpc, "bulky search attributes", good(
        rpc, search_attributes={"indexed_fields": BULKY}),
        r"^total size of search attributes \d+ exceeds size limit 40960$") for rpc in BOTH],
    invalid("UpdateActivityOptions", "empty mask", options_of(),
            "^UpdateMask must specify at least one path$"),
    invalid("UpdateActivityOptions", "no queue", options_of("task_queue.name"),
            "^TaskQueue is not provided$"),
    invalid("UpdateActivityOptions", "no priority", options_of("priority.priority_key"),
            "^Priority is not provided$"),
    unimplemented("DescribeTaskQueue", "enhanced mode", {
        "task_queue": {"name": "q"}, "api_mode": "DESCRIBE_TASK_QUEUE_MODE_ENHANCED"},
        "(?i)enhanced"),
    unimplemented("DescribeTaskQueue", "nexus queue", {
        "task_queue": {"name": "q"}, "task_queue_type": "TASK_QUEUE_TYPE_NEXUS"}, "(?i)nexus"),
    invalid("UpdateNamespace", "many bad binaries", {
        "namespace": "default", "config": {"bad_binaries": {"binaries": {
            f"sum-{number}": {"reason": "bad"} for number in range(11)}}}},
        "^Total resetBinaries cannot exceed the max limit: 10$"),
    precondition("StartActivityExecution", "links to a closed activity", linked_again,
                 "^cannot attach links to a closed activity$"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())


@pytest.mark.parametrize("rpc", ["SignalWorkflowExecution", BOTH[1]])
def test_workflow_is_closing(raw: RawClient, names, rpc: str) -> None:
    """A worker wants to end it, and has not seen the signal that came before: no more of them."""
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "first")
    with pytest.raises(Exception, match="UnhandledCommand"):
        raw.respond(task, complete())
    raw.next_workflow_task(names.task_queue)
    fields = {
        "workflow_execution": {"workflow_id": names()}, "signal_name": "late", "request_id": "l"}
    if rpc == BOTH[1]:
        fields = good(rpc, workflow_id=names(), task_queue={"name": names.task_queue})
    Refusal(
        rpc, "closing", fields, "RESOURCE_EXHAUSTED",
        "^workflow operation can not be applied because workflow is closing$",
        detail="ResourceExhaustedFailure", detail_fields={"cause": 5}).check(raw, names())
