"""A deployment with authorization: Google, OpenFGA and the server between them."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import grpc

from .bearer import bearer_channel
from .configured import ConfiguredServer
from .errors import RPCFailure, read_failure
from .openfga import OpenFGA
from .openfga_model import Key
from .raw import RawClient
from .token_info import CLIENT_ID, TokenInfo

UNAUTHORIZED = "Request unauthorized."
ROLES = ("reader", "writer", "admin")
WHEN = "2026-01-01T00:00:00Z"


def _restriction(kind: str, relation: str = "") -> dict[str, Any]:
    allowed = {"type": kind, "relation": relation} if relation else {"type": kind}
    return {"directly_related_user_types": [allowed]}


def _this_or(relation: str) -> dict[str, Any]:
    return {"union": {"child": [{"this": {}}, {"computedUserset": {"relation": relation}}]}}


MODEL: dict[str, Any] = {
    "schema_version": "1.1",
    "type_definitions": [
        {"type": "user"},
        {"type": "group", "relations": {"member": {"this": {}}},
         "metadata": {"relations": {"member": _restriction("user")}}},
        {"type": "namespace",
         "relations": {
             "admin": {"this": {}}, "writer": _this_or("admin"), "reader": _this_or("writer")},
         "metadata": {"relations": {role: _restriction("group", "member") for role in ROLES}}},
    ],
}


class Deployment:
    """The stand-ins and one server; what the cases speak of is made through it.

    Options whose names are those of the section `auth` replace its values; None leaves one out.
    """

    def __init__(
        self, directory: Path, *, namespaces: tuple[str, ...] = ("alpha", "beta", "public"),
        log_level: str = "info", dynamic: dict[str, Any] | None = None, openfga_key: str = "",
        sections: dict[str, Any] | None = None, **auth: Any,
    ):
        self.google = TokenInfo()
        self.openfga = OpenFGA(openfga_key)
        self.store = self.openfga.make_store(MODEL, "temporal")
        self.issued: list[str] = []
        section: dict[str, Any] = {
            "enabled": True, "adminGroups": "operators", "openAccessNamespaces": "",
            "googleClientID": CLIENT_ID, "tokenInfoURL": self.google.endpoint, "mode": "strict",
            "claimsMaxAge": "60s", "timeout": "5s", "ofga": self.ofga_section(),
        }
        section.update(auth)
        section = {name: value for name, value in section.items() if value is not None}
        self.server = ConfiguredServer(
            directory, {"auth": section, **(sections or {})}, namespaces=namespaces,
            log_level=log_level, dynamic=dynamic)
        self._clients: list[RawClient] = []

    def ofga_section(self) -> dict[str, Any]:
        return {
            "apiScheme": "http", "apiHost": "127.0.0.1", "apiPort": str(self.openfga.port),
            "token": self.openfga.key, "storeID": self.store.id,
            "authModelID": self.store.models[-1].id}

    def start(self) -> Deployment:
        self.server.start()
        return self

    def end(self) -> None:
        """Ends everything; whatever happened, no token may be in the log."""
        for client in self._clients:
            client.close()
        self.server.kill()
        self.google.stop()
        self.openfga.stop()
        leaked = [token for token in self.issued if token in self.server.log]
        assert not leaked, f"{len(leaked)} tokens are in the log"

    # Who may do what.

    def join(self, email: str, *groups: str) -> None:
        """Makes somebody a member of groups, in this order."""
        with self.openfga.lock:
            for group in groups:
                self.store.tuples.add(Key(f"group:{group}", "member", f"user:{email}"), WHEN)

    def leave(self, email: str, group: str) -> None:
        with self.openfga.lock:
            self.store.tuples.remove(Key(f"group:{group}", "member", f"user:{email}"))

    def grant(self, group: str, role: str, *namespaces: str) -> None:
        """Gives a group a role in namespaces, in this order."""
        assert role in ROLES
        with self.openfga.lock:
            for name in namespaces:
                self.store.tuples.add(
                    Key(f"namespace:{name}", role, f"group:{group}#member"), WHEN)

    def withdraw(self, group: str, role: str, namespace: str) -> None:
        with self.openfga.lock:
            self.store.tuples.remove(Key(f"namespace:{namespace}", role, f"group:{group}#member"))

    def token(self, email: str, /, *groups: str, **about: Any) -> str:
        """A token of somebody who is a member of groups."""
        token = self.google.issue(email, **about)
        self.issued.append(token)
        self.join(email, *groups)
        return token

    # Callers.

    def client(self, token: str | None, namespace: str = "alpha") -> RawClient:
        """A client at the public frontend, with a bearer token or without."""
        return self._keep(RawClient(
            self.server.address, namespace, bearer_channel(self.server.address, token)))

    def inside(self, namespace: str = "alpha") -> RawClient:
        """A client at the internal frontend, where nobody is asked who they are."""
        return self._keep(RawClient(
            self.server.internal_address, namespace, self.server.open_internal()))

    def _keep(self, client: RawClient) -> RawClient:
        self._clients.append(client)
        return client


def may_read(client: RawClient, namespace: str, timeout: float = 10) -> bool:
    """Whether the caller is a reader: an answer, or exactly the refusal; nothing else will do."""
    return _may(client, "DescribeNamespace", timeout, namespace=namespace)


def may_write(client: RawClient, namespace: str, timeout: float = 10) -> bool:
    """Whether the caller is a writer; the signal reaches no workflow."""
    return _may(
        client, "SignalWorkflowExecution", timeout, "NOT_FOUND", namespace=namespace,
        workflow_execution={"workflow_id": "nobody"}, signal_name="s")


def may_administer(client: RawClient, namespace: str, timeout: float = 10) -> bool:
    """Whether the caller is an admin; the update changes nothing."""
    return _may(client, "UpdateNamespace", timeout, namespace=namespace)


def role_of(client: RawClient, namespace: str) -> str:
    """The strongest role of a caller, or `none`."""
    ladder = (may_read(client, namespace), may_write(client, namespace),
              may_administer(client, namespace))
    assert list(ladder) == sorted(ladder, reverse=True), f"holes in the roles: {ladder}"
    return ("none", *ROLES)[sum(ladder)]


def _may(
    client: RawClient, rpc: str, timeout: float, expected: str = "OK", **fields: Any
) -> bool:
    try:
        client.call(rpc, timeout=timeout, **fields)
    except grpc.RpcError as error:
        failure = read_failure(error)
        if is_refusal(failure):
            return False
        assert failure.code == expected, failure
    return True


def is_refusal(failure: RPCFailure) -> bool:
    """Whether it is the one answer of somebody who may not."""
    return failure.code == "PERMISSION_DENIED" and failure.message == UNAUTHORIZED


@contextmanager
def refused() -> Iterator[None]:
    """The block must be refused, in exactly the one way."""
    try:
        yield
    except grpc.RpcError as error:
        failure = read_failure(error)
        assert is_refusal(failure), failure
    else:
        raise AssertionError("it was allowed")
