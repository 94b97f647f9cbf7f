"""How starts are refused: StartWorkflowExecution and SignalWithStartWorkflowExecution."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration

from Support.raw import RawClient, payload, payloads
from Support.refusals import TOO_LARGE, TOO_LONG, Refusal, invalid

BOTH = ("StartWorkflowExecution", "SignalWithStartWorkflowExecution")


def good(rpc: str, **changes):
    """A request that would be accepted but for `changes`; None leaves a field out."""
    fields = dict(
        workflow_id="refused", workflow_type={"name": "T"}, task_queue={"name": "q"},
        request_id="r")
    if rpc == "SignalWithStartWorkflowExecution":
        fields["signal_name"] = "s"
    fields.update(changes)
    return {key: value for key, value in fields.items() if value is not None}


def both(name: str, message: str, **changes) -> list[Refusal]:
    return [invalid(rpc, name, good(rpc, **changes), message) for rpc in BOTH]


RUN = "WorkflowId: [^,]+, RunId: [0-9a-f-]{36}"
NEGATIVE = Duration(seconds=-1)
CROOKED = Duration(seconds=1, nanos=-5)

TABLE: list[Refusal] = [
    *both("no workflow id", r"^WorkflowId is not set on request\.$", workflow_id=None),
    *both("long workflow id", r"^WorkflowId length exceeds limit\.$", workflow_id=TOO_LONG),
    *both("no type", r"^WorkflowType is not set on request\.$", workflow_type=None),
    *both("long type", r"^WorkflowType length exceeds limit\.$", workflow_type={"name": TOO_LONG}),
    *both("no task queue", r"(?i)^taskQueue is not set", task_queue=None),
    *both("long task queue", r"(?i)^taskQueue length exceeds limit", task_queue={"name": TOO_LONG}),
    *both("reserved task queue", "reserved prefix /_sys/", task_queue={"name": "/_sys/q/1"}),
    *both("system's task queue", "internal per-namespace task queue",
          task_queue={"name": "temporal-sys-per-ns-tq"}),
    *both("long request id", r"^RequestId length exceeds limit\.$", request_id=TOO_LONG),
    *both("long identity", r"^Identity length exceeds limit\.$", identity=TOO_LONG),
    *both("negative run timeout", r"^An invalid WorkflowRunTimeoutSeconds is set on request\.",
          workflow_run_timeout=NEGATIVE),
    *both("crooked run timeout", r"^An invalid WorkflowRunTimeoutSeconds is set on request\.",
          workflow_run_timeout=CROOKED),
    *both("negative execution timeout", r"^An invalid WorkflowExecutionTimeoutSeconds is set",
          workflow_execution_timeout=NEGATIVE),
    *both("negative task timeout", r"^An invalid WorkflowTaskTimeoutSeconds is set on request\.",
          workflow_task_timeout=NEGATIVE),
    *both("negative start delay", r"^An invalid WorkflowStartDelaySeconds is set on request\.",
          workflow_start_delay=NEGATIVE),
    *both("cron and start delay", r"^CronSchedule and WorkflowStartDelay may not be used together",
          cron_schedule="* * * * *", workflow_start_delay=Duration(seconds=1)),
    *both("bad cron", r"^[Ii]nvalid CronSchedule", cron_schedule="every now and then"),
    *both("cron with six fields", r"^[Ii]nvalid CronSchedule", cron_schedule="0 0 * * * *"),
    *both("retry coefficient below one", "BackoffCoefficient cannot be less than 1",
          retry_policy={"backoff_coefficient": 0.5}),
    *both("retry interval negative", "InitialInterval", retry_policy={"initial_interval": NEGATIVE}),
    *both("retry maximum below initial", "MaximumInterval cannot be less than InitialInterval",
          retry_policy={"initial_interval": Duration(seconds=10),
                        "maximum_interval": Duration(seconds=1)}),
    *both("retry attempts negative", "MaximumAttempts cannot be negative",
          retry_policy={"maximum_attempts": -1}),
    *both("retry unknown timeout type", "Invalid timeout type value: Nonsense",
          retry_policy={"non_retryable_error_types": ["TemporalTimeout:Nonsense"]}),
    *both("terminate-if-running with a conflict policy",
          "WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used together",
          workflow_id_reuse_policy="WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING",
          workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING"),
    *both("reject-duplicate with terminate-existing",
          "^Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be "
          "used together with WorkflowIdConflictPolicy "
          "WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING$",
          workflow_id_reuse_policy="WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE",
          workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING"),
    *both("input too large", r"^Blob data size exceeds limit\.$", input=payloads(TOO_LARGE)),
    *both("memo too large", r"^Memo size exceeds limit\.$",
          memo={"fields": {"m": payload(TOO_LARGE)}}),
    *both("unknown search attribute",
          "^Namespace .+ has no mapping defined for search attribute NoSuchField$",
          search_attributes={"indexed_fields": {"NoSuchField": payload(1)}}),
    *both("system search attribute", "RunId.*can't be set",
          search_attributes={"indexed_fields": {"RunId": payload("x")}}),
    *both("search attribute of another type",
          "^invalid value for search attribute CustomIntField of type Int",
          search_attributes={"indexed_fields": {"CustomIntField": payload("five")}}),
    *both("search attribute too large", "exceeds size limit",
          search_attributes={"indexed_fields": {"CustomKeywordField": payload("x" * 2049)}}),
    *both("priority negative", "priority key can't be negative", priority={"priority_key": -1}),
    *both("fairness key too long", "fairness key length", priority={"fairness_key": "x" * 65}),
    *both("fairness weight negative", "must be greater than zero",
          priority={"fairness_weight": -1}),
    *both("summary too long", "UserMetadata.Summary exceeds",
          user_metadata={"summary": payload("x" * 400)}),
    *both("details too long", "UserMetadata.Details exceeds",
          user_metadata={"details": payload("x" * 20_000)}),
    *both("too many links", "cannot attach more than 10 links",
          links=[{"workflow_event": {"namespace": "n", "workflow_id": "w", "run_id": "r"}}] * 11),
    *both("link too large", "link exceeds allowed size",
          links=[{"workflow_event": {"namespace": "n", "workflow_id": "w" * 4000, "run_id": "r"}}]),
    *both("link without a run", "empty run ID",
          links=[{"workflow_event": {"namespace": "n", "workflow_id": "w"}}]),
    *both("link of no kind", "unsupported link variant", links=[{}]),
    invalid(BOTH[0], "callbacks without request id", good(
        BOTH[0], on_conflict_options={"attach_completion_callbacks": True}),
        "^attaching request ID is required for attaching completion callbacks$"),
    invalid(BOTH[1], "no signal name", good(BOTH[1], signal_name=None),
            r"^SignalName is not set on request\.$"),
    invalid(BOTH[1], "long signal name", good(BOTH[1], signal_name=TOO_LONG),
            r"^SignalName length exceeds limit\.$"),
    invalid(BOTH[1], "signal input too large", good(BOTH[1], signal_input=payloads(TOO_LARGE)),
            r"^Blob data size exceeds limit\.$"),
    invalid(BOTH[1], "conflict policy fail",
            good(BOTH[1], workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_FAIL"),
            "^Invalid WorkflowIDConflictPolicy: .*not supported for this operation"),
    Refusal(BOTH[0], "running already", lambda w: good(BOTH[0], workflow_id=w.running),
            "ALREADY_EXISTS", "^Workflow execution is already running",
            detail="WorkflowExecutionAlreadyStartedFailure",
            detail_fields={"run_id": "^[0-9a-f-]{36}$", "start_request_id": "."}),
    *[Refusal(rpc, "finished already", lambda w, rpc=rpc: good(
        rpc, workflow_id=w.completed,
        workflow_id_reuse_policy="WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE"),
        "ALREADY_EXISTS", rf"^Workflow execution already finished\. {RUN}\. Workflow Id reuse "
        r"policy: reject duplicate workflow Id\.$",
        detail="WorkflowExecutionAlreadyStartedFailure", detail_fields={"run_id": "^[0-9a-f-]{36}$"})
      for rpc in BOTH],
    *[Refusal(rpc, "finished well", lambda w, rpc=rpc: good(
        rpc, workflow_id=w.completed,
        workflow_id_reuse_policy="WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY"),
        "ALREADY_EXISTS", rf"^Workflow execution already finished successfully\. {RUN}\. Workflow "
        r"Id reuse policy: allow duplicate workflow Id if last run failed\.$",
        detail="WorkflowExecutionAlreadyStartedFailure") for rpc in BOTH],
    *[Refusal(rpc, "deprecated namespace", lambda w, rpc=rpc: good(
        rpc, namespace=w.namespace("deprecated")),
        "FAILED_PRECONDITION", "^Namespace has invalid state: Deprecated. Must be Registered",
        detail="NamespaceInvalidStateFailure", detail_fields={"namespace": "^ns-"})
      for rpc in BOTH],
    *both("empty versioning override", "^override behavior is required$", versioning_override={}),
    *[Refusal(rpc, "version nobody has", good(rpc, versioning_override={"pinned": {
        "behavior": "PINNED_OVERRIDE_BEHAVIOR_PINNED",
        "version": {"deployment_name": "d", "build_id": "b"}}}),
        "FAILED_PRECONDITION", "^Pinned version 'd:b' is not present in task queue 'q' of type 'Workflow'$") for rpc in BOTH],
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())
