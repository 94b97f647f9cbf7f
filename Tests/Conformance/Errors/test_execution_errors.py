"""How requests about a workflow are refused: signals, ends, queries, and what is read of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from Support.raw import RawClient, execution, payloads
from Support.refusals import (
    NO_SUCH_RUN, TOO_LARGE, TOO_LONG, Refusal, World, invalid, not_found, precondition)
from Support.sdk import eventually_sync

# The field that names the workflow, and what else a good request needs.
RPCS: dict[str, tuple[str, dict]] = {
    "SignalWorkflowExecution": ("workflow_execution", {"signal_name": "s"}),
    "RequestCancelWorkflowExecution": ("workflow_execution", {}),
    "TerminateWorkflowExecution": ("workflow_execution", {}),
    "DeleteWorkflowExecution": ("workflow_execution", {}),
    "DescribeWorkflowExecution": ("execution", {}),
    "GetWorkflowExecutionHistory": ("execution", {}),
    "QueryWorkflow": ("execution", {"query": {"query_type": "q"}}),
    "ResetStickyTaskQueue": ("execution", {}),
}
CLOSED = r"^workflow execution already completed$"


def of(rpc: str, workflow_id: str, run_id: str = "", **changes):
    """A good request about a workflow, but for `changes`."""
    name, others = RPCS[rpc]
    return {name: execution(workflow_id, run_id), **others, **changes}


def addressing(rpc: str) -> list[Refusal]:
    name, others = RPCS[rpc]
    return [
        invalid(rpc, "no execution", dict(others), r"^Execution is not set on request\.$"),
        invalid(rpc, "no workflow id", {name: {}, **others},
                r"^WorkflowId is not set on request\.$"),
        invalid(rpc, "long workflow id", of(rpc, TOO_LONG), r"^WorkflowId length exceeds limit\.$"),
        invalid(rpc, "malformed run id", of(rpc, "w", "run-1"), r"^Invalid RunId\.$"),
        not_found(rpc, "unknown workflow", of(rpc, "no-such-workflow"), "(?i)workflow.*not found"),
        not_found(rpc, "unknown run", lambda w: of(rpc, w.running, NO_SUCH_RUN),
                  "(?i)workflow.*not found"),
    ]


def first_run_mismatch(rpc: str) -> Refusal:
    return not_found(rpc, "another chain", lambda w: of(
        rpc, w.running, first_execution_run_id=NO_SUCH_RUN), ".")


def failing(w: World) -> str:
    """A workflow whose first task failed three times."""
    w.raw.start(f"{w.base}-failing", w.queue)
    for _ in range(3):
        w.raw.fail_workflow_task(w.raw.next_workflow_task(w.queue), 1)
    return f"{w.base}-failing"


def token(w: World) -> bytes:
    """A page token of another workflow."""
    return w.raw.history_page(w.completed, wait=True, page_size=1).next_page_token


def delayed(w: World) -> str:
    """A workflow whose first task is not scheduled yet."""
    w.raw.start(f"{w.base}-delayed", w.queue, delay=3600)
    return f"{w.base}-delayed"


TABLE: list[Refusal] = [
    *[row for rpc in RPCS for row in addressing(rpc)],

    not_found("SignalWorkflowExecution", "closed", lambda w: of(
        "SignalWorkflowExecution", w.closed), CLOSED),
    invalid("SignalWorkflowExecution", "no name",
            of("SignalWorkflowExecution", "w", signal_name=""),
            r"^SignalName is not set on request\.$"),
    invalid("SignalWorkflowExecution", "long name",
            of("SignalWorkflowExecution", "w", signal_name=TOO_LONG),
            r"^SignalName length exceeds limit\.$"),
    invalid("SignalWorkflowExecution", "long request id",
            of("SignalWorkflowExecution", "w", request_id=TOO_LONG),
            r"^RequestId length exceeds limit\.$"),
    invalid("SignalWorkflowExecution", "long identity",
            of("SignalWorkflowExecution", "w", identity=TOO_LONG),
            r"^Identity length exceeds limit\.$"),
    invalid("SignalWorkflowExecution", "input too large",
            of("SignalWorkflowExecution", "w", input=payloads(TOO_LARGE)),
            r"^Blob data size exceeds limit\.$"),
    invalid("SignalWorkflowExecution", "link of no kind",
            of("SignalWorkflowExecution", "w", links=[{}]), "unsupported link variant"),

    invalid("RequestCancelWorkflowExecution", "long request id",
            of("RequestCancelWorkflowExecution", "w", request_id=TOO_LONG),
            r"^RequestId length exceeds limit\.$"),
    invalid("RequestCancelWorkflowExecution", "long identity",
            of("RequestCancelWorkflowExecution", "w", identity=TOO_LONG),
            r"^Identity length exceeds limit\.$"),
    first_run_mismatch("RequestCancelWorkflowExecution"),

    not_found("TerminateWorkflowExecution", "closed", lambda w: of(
        "TerminateWorkflowExecution", w.closed), CLOSED),
    invalid("TerminateWorkflowExecution", "long identity",
            of("TerminateWorkflowExecution", "w", identity=TOO_LONG),
            r"^Identity length exceeds limit\.$"),
    invalid("TerminateWorkflowExecution", "details too large",
            of("TerminateWorkflowExecution", "w", details=payloads(TOO_LARGE)),
            r"^Blob data size exceeds limit\.$"),
    first_run_mismatch("TerminateWorkflowExecution"),

    invalid("GetWorkflowExecutionHistory", "bad page token", lambda w: of(
        "GetWorkflowExecutionHistory", w.running, next_page_token=b"junk"),
        r"^Invalid NextPageToken\.$"),
    not_found("GetWorkflowExecutionHistory", "page token of another workflow", lambda w: of(
        "GetWorkflowExecutionHistory", w.running, next_page_token=token(w)),
        "(?i)workflow.*not found"),
    invalid("GetWorkflowExecutionHistory", "page token of another run", lambda w: of(
        "GetWorkflowExecutionHistory", w.running,
        w.raw.describe(w.running).workflow_execution_info.execution.run_id,
        next_page_token=token(w)), "NextPageToken"),
    invalid("GetWorkflowExecutionHistory", "unknown filter",
            of("GetWorkflowExecutionHistory", "w", history_event_filter_type=99), "99"),

    invalid("QueryWorkflow", "no query", {"execution": execution("w")},
            r"^WorkflowQuery is not set on request\.$"),
    invalid("QueryWorkflow", "no type", of("QueryWorkflow", "w", query={}),
            r"^QueryType is not set on request\.$"),
    invalid("QueryWorkflow", "long type", of("QueryWorkflow", "w", query={"query_type": TOO_LONG}),
            r"^QueryType length exceeds limit\.$"),
    invalid("QueryWorkflow", "arguments too large", of(
        "QueryWorkflow", "w", query={"query_type": "q", "query_args": payloads(TOO_LARGE)}),
        r"^Blob data size exceeds limit\.$"),
    invalid("QueryWorkflow", "unknown reject condition",
            of("QueryWorkflow", "w", query_reject_condition=99),
            "^unknown QueryRejectCondition 99$"),
    precondition("QueryWorkflow", "closed before its first task", lambda w: of(
        "QueryWorkflow", w.closed),
        r"^Unable to query workflow: it closed before a workflow task completed\.$", detail="WorkflowNotReadyFailure"),
    precondition("QueryWorkflow", "task in failed state", lambda w: of(
        "QueryWorkflow", failing(w)),
        r"^Unable to query workflow due to Workflow Task in failed state\.$",
        detail="WorkflowNotReadyFailure"),
    precondition("QueryWorkflow", "no task yet", lambda w: of("QueryWorkflow", delayed(w)),
                 r"^Workflow task is not scheduled yet\.$", detail="WorkflowNotReadyFailure",
                 timeout=2),
    Refusal("QueryWorkflow", "nobody polls in time", lambda w: of("QueryWorkflow", w.running),
            "DEADLINE_EXCEEDED", "", timeout=1),

    not_found("ResetStickyTaskQueue", "closed", lambda w: of("ResetStickyTaskQueue", w.closed),
              CLOSED),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())


def test_second_query_finds_the_buffer_full(raw: RawClient, names) -> None:
    """One query waits for the workflow task; the next is refused as one too many."""
    raw.start(names(), names.task_queue)
    row = Refusal(
        "QueryWorkflow", "buffer full", of("QueryWorkflow", names()), "RESOURCE_EXHAUSTED",
        "^consistent query buffer is full, this may be caused by too many queries and workflow not "
        "able to process query fast enough$", detail="ResourceExhaustedFailure",
        detail_fields={"cause": 5, "scope": 1})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: raw.query(names(), "q", timeout=2))
        eventually_sync(lambda: _is_refused(raw, names(), row))
        assert waiting.exception().code().name == "DEADLINE_EXCEEDED"


def _is_refused(raw: RawClient, workflow_id: str, row: Refusal) -> bool:
    """Whether the first query waits by now; until then this one waits itself, and gives up."""
    try:
        raw.query(workflow_id, "q", timeout=0.2)
    except grpc.RpcError as error:
        if error.code().name == "DEADLINE_EXCEEDED":
            return False
    row.check(raw, workflow_id)
    return True
