"""Namespaces: register, describe, isolation, and what is said about unknown ones."""

from __future__ import annotations

import pytest
from temporalio.client import Client

from Support.errors import expect_error, skip_if_unimplemented
from Support.histories import IDLE, types
from Support.programs import Collects
from Support.raw import RawClient, complete, seconds
from Support.sdk import make_worker, replayed
from Support.server import TargetServer


def _register(raw: RawClient, name: str, **fields) -> None:
    fields.setdefault("workflow_execution_retention_period", seconds(86_400))
    raw.call("RegisterNamespace", namespace=name, **fields)


def test_register_and_describe(raw: RawClient, names) -> None:
    _register(
        raw, names("ns"), description="what it is", owner_email="me@example.com",
        data={"k": "v"})
    by_name = raw.call("DescribeNamespace", namespace=names("ns"))
    info = by_name.namespace_info
    assert (info.name, info.state) == (names("ns"), 1), "REGISTERED"
    assert (info.description, info.owner_email) == ("what it is", "me@example.com")
    assert dict(info.data) == {"k": "v"} and info.id
    assert by_name.config.workflow_execution_retention_ttl.ToSeconds() == 86_400
    assert not by_name.is_global_namespace
    by_id = raw.call("DescribeNamespace", namespace="", id=info.id)
    assert by_id.namespace_info.name == names("ns")


def test_capabilities_and_limits(raw: RawClient) -> None:
    info = raw.call("DescribeNamespace", namespace="default").namespace_info
    assert info.capabilities.eager_workflow_start
    assert info.limits.blob_size_limit_error == 2 * 1024 * 1024
    assert info.limits.memo_size_limit_error == 2 * 1024 * 1024


def test_namespace_exists(raw: RawClient, names) -> None:
    _register(raw, names("ns"))
    with expect_error("ALREADY_EXISTS", detail="NamespaceAlreadyExistsFailure"):
        _register(raw, names("ns"))
    with expect_error("ALREADY_EXISTS", detail="NamespaceAlreadyExistsFailure"):
        _register(raw, "default")


@pytest.mark.parametrize("fields", [
    {"workflow_execution_retention_period": seconds(0)},
    {"workflow_execution_retention_period": seconds(60)},
    {"workflow_execution_retention_period": seconds(-86_400)},
], ids=["none", "short", "negative"])
def test_retention_is_required(raw: RawClient, names, fields) -> None:
    with expect_error("INVALID_ARGUMENT"):
        _register(raw, names("ns"), **fields)


def test_wrong_names(raw: RawClient) -> None:
    for name in ("", "n" * 1001):
        with expect_error("INVALID_ARGUMENT"):
            _register(raw, name)


def test_describe_needs_one_key(raw: RawClient) -> None:
    with expect_error("INVALID_ARGUMENT"):
        raw.call("DescribeNamespace", namespace="")


def test_describe_unknown(raw: RawClient, names) -> None:
    with expect_error("NOT_FOUND", detail="NamespaceNotFoundFailure") as error:
        raw.call("DescribeNamespace", namespace=names("none"))
    assert error.detail.namespace == names("none")


def test_unknown_namespace_everywhere(server: TargetServer, names) -> None:
    lost = RawClient(server.address, names("none"))
    for call in (
        lambda: lost.start("w", "q"),
        lambda: lost.signal("w", "s"),
        lambda: lost.signal_with_start("w", "q", "s"),
        lambda: lost.describe("w"),
        lambda: lost.query("w", "q"),
        lambda: lost.terminate("w"),
        lambda: lost.request_cancel("w"),
        lambda: lost.history_page("w"),
        lambda: lost.poll_workflow("q", timeout=5),
        lambda: lost.poll_activity("q", timeout=5),
        lambda: lost.call("ListWorkflowExecutions"),
        lambda: lost.call("CountWorkflowExecutions"),
    ):
        with expect_error("NOT_FOUND", detail="NamespaceNotFoundFailure") as error:
            call()
        assert error.detail.namespace == names("none")
    lost.close()


def test_no_namespace(server: TargetServer) -> None:
    lost = RawClient(server.address, "")
    for call in (lambda: lost.start("w", "q"), lambda: lost.describe("w")):
        with expect_error("INVALID_ARGUMENT"):
            call()
    lost.close()


def test_namespaces_are_apart(raw: RawClient, server: TargetServer, names) -> None:
    _register(raw, names("ns"))
    other = RawClient(server.address, names("ns"))
    mine, theirs = raw.start(names(), names.task_queue), other.start(names(), names.task_queue)
    assert mine.run_id != theirs.run_id
    with expect_error("NOT_FOUND"):
        other.describe(names(), mine.run_id)
    raw.terminate(names())
    assert other.describe(names()).workflow_execution_info.status == 1
    task = other.next_workflow_task(names.task_queue)
    assert task.workflow_execution.run_id == theirs.run_id
    other.respond(task, complete())
    listed = other.call("ListWorkflowExecutions", query="").executions
    assert [e.execution.run_id for e in listed] == [theirs.run_id]
    other.close()


def test_token_of_another_namespace(raw: RawClient, server: TargetServer, names) -> None:
    _register(raw, names("ns"))
    other = RawClient(server.address, names("ns"))
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT", match=(
            "^Operation requested with a token from a different namespace.$")):
        other.respond(task, complete())
    raw.respond(task, complete())
    other.close()


async def test_worker_in_a_new_namespace(raw: RawClient, server: TargetServer, names) -> None:
    _register(raw, names("ns"))
    client = await Client.connect(server.address, namespace=names("ns"))
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue, start_signal="stop_at",
            start_signal_args=[0])
        assert await handle.result() == []
    assert types(await replayed(handle, Collects)) == [
        IDLE[0], "WorkflowExecutionSignaled", *IDLE[1:], "WorkflowExecutionCompleted"]


def test_list_namespaces(raw: RawClient, names) -> None:
    _register(raw, names("ns"))
    with skip_if_unimplemented():
        listed = raw.call("ListNamespaces", page_size=1000).namespaces
    assert {"default", names("ns")} <= {n.namespace_info.name for n in listed}
