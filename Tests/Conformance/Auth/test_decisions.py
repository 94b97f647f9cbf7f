"""Every RPC by everyone: allowed or denied exactly as the table says, in both modes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

import grpc
import pytest
from temporalio.api.operatorservice.v1 import service_pb2 as operator_pb2
from temporalio.api.workflowservice.v1 import service_pb2 as workflow_pb2

from Auth.calls import Api, admin_paths
from Auth.decisions import (
    ALWAYS, FOR_MEMBERS, GRANTS, MODES, OPEN, OPERATOR, SUBJECTS, TABLE, WORKFLOW, Scope, Subject,
    is_allowed,
)
from Support.auth import Deployment, is_refusal
from Support.bearer import with_header
from Support.errors import RPCFailure
from Support.server import REPOSITORY, open_channel

# These would end the namespace of all other cases if they were allowed there.
DESTRUCTIVE = {f"/{WORKFLOW}/DeprecateNamespace", f"/{OPERATOR}/DeleteNamespace"}
UNREGISTERED = "ghost"
NO_ANSWER = ("DEADLINE_EXCEEDED", "UNAVAILABLE", "CANCELLED", "UNKNOWN")


class World:
    """A deployment in one mode, and a channel for everyone who calls."""

    def __init__(self, mode: str, directory: Path):
        self.mode = mode
        self.deployment = Deployment(
            directory, mode=mode, openAccessNamespaces=OPEN, log_level="warn")
        for group, grants in GRANTS.items():
            for role, namespace in grants:
                self.deployment.grant(group, role, namespace)
        self._channels: dict[str, grpc.Channel] = {}

    def start(self) -> World:
        self.deployment.start()
        self.api = Api(self.deployment.inside().channel)
        for subject in SUBJECTS:
            self._channels[subject.name] = with_header(
                open_channel(self.deployment.server.address), self._header(subject))
        return self

    def _header(self, subject: Subject) -> str | None:
        about = dict(subject.about)
        email = f"{subject.name.replace(' ', '-')}@example.com"
        token = self.deployment.token(email, **about)
        self.deployment.join(str(about.get("email", email)), *subject.groups)
        if not subject.is_known:
            self.deployment.google.revoke(token)
        if subject.header == "":
            return None
        return (subject.header or "Bearer {token}").format(token=token)

    def end(self) -> None:
        for channel in self._channels.values():
            channel.close()
        self.deployment.end()

    def answer(self, subject: Subject, path: str, namespace: str) -> RPCFailure:
        return self.api.call(
            self._channels[subject.name], path, self.api.request(path, namespace))


@pytest.fixture(scope="module", params=MODES)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    made = World(request.param, tmp_path_factory.mktemp("decisions"))
    try:
        yield made.start()
    finally:
        made.end()


def cells(world: World, path: str) -> Iterator[tuple[Subject, str, bool]]:
    """Who calls an RPC, for which namespace, and whether they may."""
    namespaces = [""]
    if TABLE[path][0] is Scope.NAMESPACE:
        namespaces = ["alpha", "beta", OPEN] + ([""] if world.mode == "strict" else [])
    for subject in SUBJECTS:
        for namespace in namespaces:
            allowed = is_allowed(world.mode, path, subject.claims, namespace)
            if allowed and path in DESTRUCTIVE:
                continue
            yield subject, namespace, allowed
        if path in DESTRUCTIVE:
            yield subject, UNREGISTERED, is_allowed(
                world.mode, path, subject.claims, UNREGISTERED)


def why_wrong(answer: RPCFailure, allowed: bool) -> str | None:
    """What is wrong with an answer, if something is."""
    if not allowed:
        return None if is_refusal(answer) else "it should be refused"
    if is_refusal(answer) or answer.code == "UNAUTHENTICATED":
        return "it should be allowed"
    return "it was not answered" if answer.code in NO_ANSWER else None


@pytest.mark.parametrize("path", TABLE, ids=lambda path: path.rpartition(".")[2])
def test_decision(world: World, path: str) -> None:
    wrong = []
    for subject, namespace, allowed in cells(world, path):
        answer = world.answer(subject, path, namespace)
        if problem := why_wrong(answer, allowed):
            wrong.append(
                f"{subject.name} in {namespace or 'no namespace'}: {problem}, but got {answer}")
    assert not wrong, "\n".join(wrong)


def test_the_admin_service_is_for_operators(world: World) -> None:
    """Whatever of it is served: it is about the cluster, whatever its requests name."""
    wrong = []
    for path in admin_paths(world.api):
        for subject in SUBJECTS:
            answer = world.answer(subject, path, "")
            allowed = subject.claims is not None and subject.claims.is_operator
            if problem := why_wrong(answer, allowed):
                wrong.append(f"{path} by {subject.name}: {problem}, but got {answer}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", [f"/{WORKFLOW}/Nonsense", "/no.such.Service/Method"])
def test_what_nobody_knows_is_not_handled(world: World, path: str) -> None:
    for subject in SUBJECTS:
        channel = world._channels[subject.name]
        answer = world.api.call(channel, path, b"")
        assert is_refusal(answer) or answer.code == "UNIMPLEMENTED", (subject.name, answer)


def test_a_refusal_does_not_tell_which_namespaces_exist(world: World) -> None:
    for name in ("no header", "unknown token", "stranger", "reader"):
        subject = next(s for s in SUBJECTS if s.name == name)
        for path in (f"/{WORKFLOW}/StartWorkflowExecution", f"/{WORKFLOW}/DescribeNamespace"):
            there = world.answer(subject, path, "beta")
            nowhere = world.answer(subject, path, "there-is-no-such-namespace")
            assert there == nowhere and is_refusal(there), (name, path, there, nowhere)


# The table is whole.


def documented() -> set[str]:
    """What docs/rpc-status.md lists."""
    found, service = set(), ""
    for line in (REPOSITORY / "docs" / "rpc-status.md").read_text().splitlines():
        if line.startswith("## "):
            service = line[3:].strip()
        elif row := re.match(r"\| (\w+) \| \w+ \|$", line):
            found.add(f"/{service}/{row[1]}")
    return found


def in_the_sdk() -> set[str]:
    """What the SDK's own copy of the API has."""
    services = (workflow_pb2.DESCRIPTOR.services_by_name["WorkflowService"],
                operator_pb2.DESCRIPTOR.services_by_name["OperatorService"])
    return {f"/{service.full_name}/{m.name}" for service in services for m in service.methods}


def test_the_table_has_every_rpc_that_is_documented_and_no_other() -> None:
    assert len(TABLE) > 130 and documented() == set(TABLE)
    assert in_the_sdk() <= set(TABLE)
    assert ALWAYS | FOR_MEMBERS <= set(TABLE)


def test_the_table_has_every_rpc_the_server_serves(world: World) -> None:
    served = set(world.api.methods) - set(admin_paths(world.api))
    assert served == set(TABLE), f"missing: {served - set(TABLE)}; gone: {set(TABLE) - served}"


def test_what_needs_a_namespace_can_name_one(world: World) -> None:
    for path, (scope, _) in TABLE.items():
        names_one = "namespace" in world.api.methods[path].input_type.fields_by_name
        assert names_one is (scope is Scope.NAMESPACE), path
