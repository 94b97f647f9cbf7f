"""What is about several namespaces shows, and touches, only those the caller may."""

from __future__ import annotations

import grpc
import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ExecuteMultiOperationRequest

from Auth.decisions import MODES
from Support.auth import Deployment, may_read, refused
from Support.errors import read_failure
from Support.raw import (
    RawClient, cancel_external, complete, execution, signal_external, start_child,
)

NAMESPACES = ("alpha", "beta", "gamma", "public")


def listed(client: RawClient, page_size: int = 0) -> list[str]:
    """What ListNamespaces shows, page by page, without Temporal's own."""
    found, token = [], b""
    for _ in range(50):
        page = client.call("ListNamespaces", page_size=page_size, next_page_token=token)
        found += [n.namespace_info.name for n in page.namespaces]
        token = page.next_page_token
        if not token:
            return sorted(found)
    raise AssertionError("pages without end")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("page_size", [0, 1, 2])
def test_list_namespaces(deploy, mode: str, page_size: int) -> None:
    deployment: Deployment = deploy(
        namespaces=NAMESPACES, mode=mode, openAccessNamespaces="public")
    deployment.grant("some", "reader", "gamma", "never-registered")
    deployment.grant("other", "admin", "alpha")
    for groups, expected in (
        ((), ["public"]),
        (("some",), ["gamma", "public"]),
        (("some", "other"), ["alpha", "gamma", "public"]),
    ):
        token = deployment.token(f"{len(groups)}@example.com", *groups)
        assert listed(deployment.client(token), page_size) == expected
    operator = deployment.client(deployment.token("operator@example.com", "operators"))
    assert set(NAMESPACES) <= set(listed(operator, page_size))
    assert set(NAMESPACES) <= set(listed(deployment.inside(), page_size))


def test_list_namespaces_of_nobody(deploy) -> None:
    deployment: Deployment = deploy(namespaces=NAMESPACES)
    for client in (deployment.client(None), deployment.client(deployment.token("a@example.com"))):
        with refused():
            listed(client)


def test_a_namespace_by_its_id_is_the_namespace(deploy) -> None:
    deployment: Deployment = deploy(namespaces=NAMESPACES)
    deployment.grant("some", "reader", "alpha")
    client = deployment.client(deployment.token("anna@example.com", "some"))
    ids = {name: deployment.inside().call(
        "DescribeNamespace", namespace=name).namespace_info.id for name in ("alpha", "beta")}
    with refused():
        client.call("DescribeNamespace", namespace="", id=ids["beta"])
    with refused():
        client.call(
            "DescribeNamespace", namespace="", id="00000000-0000-4000-8000-000000000000")
    described = client.call("DescribeNamespace", namespace="", id=ids["alpha"])
    assert described.namespace_info.name == "alpha"
    # A name the caller may read does not cover the id of another one.
    with pytest.raises(grpc.RpcError):
        client.call("DescribeNamespace", namespace="alpha", id=ids["beta"])


# Commands.

ENABLED = {"system.enableCrossNamespaceCommands": True}


def command(kind: str, names) -> Command:
    if kind == "child":
        return start_child(names("child"), namespace="beta", task_queue=names("beta-tq"))
    if kind == "signal":
        return signal_external(names("target"), namespace="beta")
    return cancel_external(names("target"), namespace="beta")


def reached(inside: RawClient, kind: str, names) -> bool:
    """Whether the command had its effect in the other namespace."""
    if kind == "child":
        try:
            inside.describe(names("child"))
        except grpc.RpcError as error:
            assert read_failure(error).code == "NOT_FOUND", error
            return False
        return True
    wanted = {"signal": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
              "cancel": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED}[kind]
    return any(event.event_type == wanted for event in inside.history(names("target")))


DONE = {
    "child": EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
    "signal": EventType.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
    "cancel": EventType.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
}


@pytest.mark.parametrize("role", ["none", "reader", "writer"])
@pytest.mark.parametrize("kind", ["child", "signal", "cancel"])
def test_commands_to_another_namespace(deploy, names, kind: str, role: str) -> None:
    deployment: Deployment = deploy(dynamic=ENABLED)
    deployment.grant("writers", "writer", "alpha")
    if role != "none":
        deployment.grant("writers", role, "beta")
    client = deployment.client(deployment.token("anna@example.com", "writers"))
    inside = deployment.inside("beta")
    inside.start(names("target"), names("beta-tq"))
    client.start(names(), names.task_queue)
    task = client.next_workflow_task(names.task_queue)
    if role == "writer":
        client.respond(task, command(kind, names))
        client.wait_event(names(), DONE[kind])
        assert reached(inside, kind, names)
        return
    with refused():
        client.respond(task, command(kind, names), complete())
    assert not reached(inside, kind, names)
    # The task is still the worker's: nothing of the refused answer was done.
    client.respond(task, complete())
    client.wait_closed(names())


def test_a_permitted_command_does_not_cover_another(deploy, names) -> None:
    """Every command is looked at, not the first one only, and each for what it does."""
    deployment: Deployment = deploy(
        dynamic=ENABLED, namespaces=("alpha", "beta", "gamma"))
    deployment.grant("writers", "writer", "alpha", "gamma")
    client = deployment.client(deployment.token("anna@example.com", "writers"))
    for namespace in ("beta", "gamma"):
        deployment.inside(namespace).start(names("target"), names("other-tq"))
    client.start(names(), names.task_queue)
    task = client.next_workflow_task(names.task_queue)
    with refused():
        client.respond(
            task, signal_external(names("target"), namespace="gamma"),
            signal_external(names("target"), namespace="beta"))
    for namespace in ("beta", "gamma"):
        assert not reached(deployment.inside(namespace), "signal", names)


# Requests that speak of two namespaces.


@pytest.mark.parametrize("named", ["alpha", "beta", ""])
def test_a_task_of_another_namespace(deploy, names, named: str) -> None:
    """A token of a task is no key to the namespace it comes from."""
    deployment: Deployment = deploy()
    deployment.grant("writers", "writer", "alpha")
    client = deployment.client(deployment.token("anna@example.com", "writers"))
    inside = deployment.inside("beta")
    inside.start(names(), names.task_queue)
    task = inside.next_workflow_task(names.task_queue)
    with pytest.raises(grpc.RpcError) as caught:
        client.respond(task, complete(), namespace=named)
    assert caught.value.code().name in ("PERMISSION_DENIED", "INVALID_ARGUMENT")
    if named != "alpha":
        assert read_failure(caught.value).message == "Request unauthorized."
    assert inside.history(names())[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
    inside.respond(task, complete())


def test_an_operation_within_another_namespace(deploy, names) -> None:
    """The requests inside ExecuteMultiOperation name namespaces, too."""
    deployment: Deployment = deploy()
    deployment.grant("writers", "writer", "alpha")
    client = deployment.client(deployment.token("anna@example.com", "writers"))
    inside = deployment.inside("beta")
    start = inside.request(
        "StartWorkflowExecution", workflow_id=names(), workflow_type={"name": "Raw"},
        task_queue={"name": names.task_queue}, request_id=names("request"), identity="raw",
        workflow_id_conflict_policy=2)
    update = inside.request(
        "UpdateWorkflowExecution", workflow_execution=execution(names()),
        wait_policy={"lifecycle_stage": 2},
        request={"meta": {"update_id": names("u")}, "input": {"name": "u"}})
    operation = ExecuteMultiOperationRequest.Operation
    with pytest.raises(grpc.RpcError) as caught:
        client.call(
            "ExecuteMultiOperation", timeout=5,
            operations=[operation(start_workflow=start), operation(update_workflow=update)])
    assert caught.value.code().name in ("PERMISSION_DENIED", "INVALID_ARGUMENT")
    with pytest.raises(grpc.RpcError) as caught:
        inside.describe(names())
    assert caught.value.code().name == "NOT_FOUND", "it was started in the other namespace"


def test_a_new_namespace_is_for_those_who_were_given_it(deploy) -> None:
    deployment: Deployment = deploy(claimsMaxAge="1s")
    deployment.grant("owners", "admin", "new")
    deployment.grant("writers", "writer", "new", "alpha")
    fields = {"workflow_execution_retention_period": {"seconds": 86_400}}
    writer = deployment.client(deployment.token("w@example.com", "writers"))
    with refused():
        writer.call("RegisterNamespace", namespace="new", **fields)
    with refused():
        deployment.client(deployment.token("o@example.com", "owners")).call(
            "RegisterNamespace", namespace="another", **fields)
    deployment.client(deployment.token("p@example.com", "owners")).call(
        "RegisterNamespace", namespace="new", **fields)
    assert may_read(writer, "new")
