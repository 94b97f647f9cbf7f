"""Every RPC is routed: it is built, or it says by name that it is not."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from temporalio.api.operatorservice.v1 import service_pb2 as operator_pb2
from temporalio.api.workflowservice.v1 import service_pb2 as workflow_pb2

from Support.errors import expect_error, read_failure
from Support.raw import RawClient
from Support.server import TargetServer, open_channel

WORKFLOW_SERVICE: ServiceDescriptor = workflow_pb2.DESCRIPTOR.services_by_name["WorkflowService"]
OPERATOR_SERVICE: ServiceDescriptor = operator_pb2.DESCRIPTOR.services_by_name["OperatorService"]

# What an ordinary program cannot do without.
BUILT = {
    "GetSystemInfo", "GetClusterInfo", "DescribeNamespace", "RegisterNamespace",
    "StartWorkflowExecution", "GetWorkflowExecutionHistory", "PollWorkflowTaskQueue",
    "RespondWorkflowTaskCompleted", "RespondWorkflowTaskFailed", "PollActivityTaskQueue",
    "RecordActivityTaskHeartbeat", "RespondActivityTaskCompleted", "RespondActivityTaskFailed",
    "RespondActivityTaskCanceled", "RequestCancelWorkflowExecution", "SignalWorkflowExecution",
    "SignalWithStartWorkflowExecution", "TerminateWorkflowExecution", "ListWorkflowExecutions",
    "CountWorkflowExecutions", "RespondQueryTaskCompleted", "QueryWorkflow",
    "DescribeWorkflowExecution",
}


@pytest.mark.parametrize("service", [WORKFLOW_SERVICE, OPERATOR_SERVICE], ids=lambda s: s.name)
def test_every_rpc_is_built_or_says_its_name(server: TargetServer, service) -> None:
    wrong = []
    with open_channel(server.address) as channel:
        for method in service.methods:
            call = channel.unary_unary(f"/{service.full_name}/{method.name}")
            try:
                call(b"", timeout=5)
                continue
            except grpc.RpcError as error:
                failure = read_failure(error)
            if failure.code == "UNIMPLEMENTED":
                if method.name in BUILT:
                    wrong.append(f"{method.name} is not built")
                if method.name not in failure.message:
                    wrong.append(f"{method.name} does not say its name: {failure.message!r}")
            elif failure.code not in (
                "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "PERMISSION_DENIED"
            ):
                wrong.append(f"{method.name} answers an empty request with {failure}")
    assert not wrong, "\n".join(wrong)


def test_unknown_method_and_service(server: TargetServer) -> None:
    with open_channel(server.address) as channel:
        for path in (f"/{WORKFLOW_SERVICE.full_name}/Nonsense", "/no.such.Service/Method"):
            with expect_error("UNIMPLEMENTED"):
                channel.unary_unary(path)(b"", timeout=5)


def test_empty_requests_are_told_what_is_missing(raw: RawClient) -> None:
    for rpc, fields in (
        ("StartWorkflowExecution", {}), ("SignalWorkflowExecution", {}),
        ("SignalWithStartWorkflowExecution", {}), ("TerminateWorkflowExecution", {}),
        ("RequestCancelWorkflowExecution", {}), ("DescribeWorkflowExecution", {}),
        ("GetWorkflowExecutionHistory", {}), ("QueryWorkflow", {}),
        ("RespondWorkflowTaskCompleted", {}), ("RespondWorkflowTaskFailed", {}),
        ("RespondActivityTaskCompleted", {}), ("RespondActivityTaskFailed", {}),
        ("RespondActivityTaskCanceled", {}), ("RecordActivityTaskHeartbeat", {}),
        ("RespondQueryTaskCompleted", {}), ("PollWorkflowTaskQueue", {}),
        ("PollActivityTaskQueue", {}),
    ):
        with expect_error("INVALID_ARGUMENT") as error:
            raw.call(rpc, **fields)
        assert error.message, f"{rpc} says nothing"


@pytest.mark.parametrize("rpc", [
    "RespondActivityTaskCompleted", "RespondActivityTaskFailed", "RespondActivityTaskCanceled",
    "RecordActivityTaskHeartbeat",
])
def test_malformed_activity_tokens(raw: RawClient, rpc: str) -> None:
    for token in (b"junk", b"\x00" * 40, b"\xff" * 100, b"\x0a\x04abcd"):
        with expect_error("INVALID_ARGUMENT"):
            raw.call(rpc, task_token=token)


def test_activity_token_for_a_workflow_task(raw: RawClient, names) -> None:
    """A workflow-task token answers no activity, and the workflow task stays as it was."""
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    with pytest.raises(grpc.RpcError) as caught:
        raw.call("RespondActivityTaskCompleted", task_token=task.task_token)
    assert caught.value.code().name in ("INVALID_ARGUMENT", "NOT_FOUND")
    raw.respond(task)


def test_system_info(raw: RawClient) -> None:
    info = raw.call("GetSystemInfo")
    assert info.server_version.startswith("1."), "SDKs compare it with a range"
    for capability in (
        "signal_and_query_header", "internal_error_differentiation",
        "activity_failure_include_heartbeat", "encoded_failure_attributes", "upsert_memo",
        "sdk_metadata",
    ):
        assert getattr(info.capabilities, capability), capability


def test_cluster_info(raw: RawClient) -> None:
    info = raw.call("GetClusterInfo")
    assert info.server_version.startswith("1.") and info.cluster_id
    assert info.history_shard_count > 0
    assert "temporal-go" in info.supported_clients
