"""Temporal's own authorization: JSON Web Tokens, and keys from a JWKS endpoint."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Iterator

import grpc
import pytest

from Auth.calls import Api
from Auth.decisions import ALWAYS, TABLE, Scope
from Support.auth import is_refusal, may_administer, may_read, may_write, refused, role_of
from Support.bearer import bearer_channel, with_header
from Support.configured import ConfiguredServer
from Support.errors import read_failure
from Support.jwks import Key, KeySet, claims_of, signed_with_public_key, unsigned
from Support.raw import RawClient
from Support.sdk import eventually_sync
from Support.server import open_channel

NAMESPACES = ("alpha", "beta")


def section(*sources: str, **more: Any) -> dict[str, Any]:
    """Temporal's section; a source is an URL of a set of keys."""
    provider = {"keySourceURIs": list(sources), "refreshInterval": more.pop("refresh", "1m")}
    return {"global": {"authorization": {
        "jwtKeyProvider": provider, "permissionsClaimName": "permissions",
        "authorizer": "default", "claimMapper": "default", **more}}}


class Issuer:
    """One server, two keys it believes, and clients with tokens."""

    def __init__(self, directory: Path, log_level: str = "info", **more: Any):
        self.rsa, self.ec = Key("RS256"), Key("ES256")
        self.keys = KeySet(self.rsa, self.ec)
        self.server = ConfiguredServer(
            directory, section(self.keys.endpoint, **more), namespaces=NAMESPACES,
            log_level=log_level)
        self._clients: list[RawClient] = []

    def client(self, token: str | None, namespace: str = "alpha") -> RawClient:
        return self._keep(RawClient(
            self.server.address, namespace, bearer_channel(self.server.address, token)))

    def holder(self, *permissions: str, key: Key | None = None, **claims: Any) -> RawClient:
        """Somebody with these permissions."""
        return self.client((key or self.rsa).sign(claims_of("anna", *permissions, **claims)))

    def with_header(self, value: str) -> RawClient:
        channel = with_header(open_channel(self.server.address), value)
        return self._keep(RawClient(self.server.address, "alpha", channel))

    def _keep(self, client: RawClient) -> RawClient:
        self._clients.append(client)
        return client

    def end(self) -> None:
        for client in self._clients:
            client.close()
        self.server.kill()
        self.keys.stop()


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    made = Issuer(tmp_path_factory.mktemp("jwt"))
    try:
        made.server.start()
        yield made
    finally:
        made.end()


@pytest.fixture
def own_issuer(tmp_path: Path) -> Iterator[Any]:
    made: list[Issuer] = []

    def make(**more: Any) -> Issuer:
        made.append(Issuer(tmp_path, **more))
        made[-1].server.start()
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.mark.parametrize("permissions, alpha, beta", [
    ((), "none", "none"),
    (("alpha:read",), "reader", "none"),
    (("alpha:write",), "writer", "none"),
    (("alpha:admin",), "admin", "none"),
    (("alpha:worker",), "none", "none"),
    (("alpha:worker", "alpha:write"), "writer", "none"),
    (("alpha:write", "alpha:read"), "writer", "none"),
    (("alpha:ADMIN", "beta:Read"), "admin", "reader"),
    (("temporal-system:read",), "reader", "reader"),
    (("temporal-system:write",), "writer", "writer"),
    (("temporal-system:admin",), "admin", "admin"),
    (("temporal-system:read", "alpha:write"), "writer", "reader"),
    (("alpha", "alpha:", ":read", "alpha:read:write", "alpha:owner", "*:admin"), "none", "none"),
    (("alph:admin", "alphabet:admin", "Alpha:admin"), "none", "none"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else value)
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_permissions(
    issuer: Issuer, algorithm: str, permissions: tuple[str, ...], alpha: str, beta: str
) -> None:
    key = issuer.rsa if algorithm == "RS256" else issuer.ec
    client = issuer.holder(*permissions, key=key)
    assert role_of(client, "alpha") == alpha and role_of(client, "beta") == beta


def test_system_roles_and_the_cluster(issuer: Issuer) -> None:
    for permission, may in (
        ("temporal-system:read", True), ("temporal-system:admin", True),
        ("temporal-system:worker", False), ("nonsense", False),
    ):
        for rpc in ("GetClusterInfo", "ListNamespaces"):
            client = issuer.holder(permission)
            if may:
                client.call(rpc)
            else:
                with refused():
                    client.call(rpc)


STRENGTH = {"read": 1, "write": 2, "admin": 3}
DESTRUCTIVE = ("DeprecateNamespace", "DeleteNamespace")


@pytest.fixture(scope="module")
def api(issuer: Issuer) -> Api:
    with issuer.server.open_internal() as channel:
        return Api(channel)


@pytest.mark.parametrize("permission", [
    f"{scope}:{role}" for scope in ("alpha", "temporal-system") for role in STRENGTH])
def test_every_rpc(issuer: Issuer, api: Api, permission: str) -> None:
    """As in Temporal, what is about the cluster takes a role in the system."""
    scope, _, role = permission.partition(":")
    client, wrong = issuer.holder(permission), []
    for path, (about, access) in TABLE.items():
        name = "ghost" if path.endswith(DESTRUCTIVE) else "alpha"
        holder = client if name == "alpha" else issuer.holder(permission.replace("alpha", name))
        covered = scope == "temporal-system" or about is Scope.NAMESPACE
        allowed = path in ALWAYS or (covered and STRENGTH[role] >= access)
        answer = api.call(holder.channel, path, api.request(path, name))
        if is_refusal(answer) is allowed or answer.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            wrong.append(f"{path}: {answer}")
    assert not wrong, "\n".join(wrong)


def test_permissions_that_are_no_texts_are_passed_over(issuer: Issuer) -> None:
    mixed = issuer.client(issuer.rsa.sign(
        claims_of("anna", permissions=[7, None, {"alpha": "admin"}, "alpha:read"])))
    assert role_of(mixed, "alpha") == "reader"
    for wrong in ("alpha:admin", {"alpha": "admin"}, None):
        client = issuer.client(issuer.rsa.sign(claims_of("anna", permissions=wrong)))
        assert role_of(client, "alpha") == "none"


def test_nobody(issuer: Issuer) -> None:
    client = issuer.client(None)
    for namespace in NAMESPACES:
        assert role_of(client, namespace) == "none"
    assert client.call("GetSystemInfo").server_version
    with refused():
        client.call("ListNamespaces")


ADMIN = "temporal-system:admin"


def bad_tokens(issuer: Issuer) -> dict[str, str]:
    """Tokens of somebody who would be the system's admin."""
    claims = claims_of("anna", ADMIN)
    good = issuer.rsa.sign(claims)
    head, body, signature = good.split(".")
    other = issuer.rsa.sign(claims_of("berta", ADMIN)).split(".")[1]
    return {
        "expired": issuer.rsa.sign(claims_of("anna", ADMIN, lifetime=-1)),
        "not yet valid": issuer.rsa.sign(claims_of("anna", ADMIN, nbf=int(time.time()) + 600)),
        "unknown key": Key("RS256").sign(claims),
        "another key by that name": Key("RS256", issuer.rsa.kid).sign(claims),
        "another key by that name, ES256": Key("ES256", issuer.ec.kid).sign(claims),
        "no key named": issuer.rsa.sign(claims, kid=None),
        "key of another kind": issuer.ec.sign(claims, kid=issuer.rsa.kid),
        "algorithm of another kind": issuer.rsa.sign(claims, alg="ES256"),
        "RS512 says the header": issuer.rsa.sign(claims, alg="RS512"),
        "unsigned": unsigned(claims),
        "public key as a secret": signed_with_public_key(issuer.rsa, claims),
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.{signature}",
        "another body": f"{head}.{other}.{signature}",
        "no subject": issuer.rsa.sign(claims_of("anna", ADMIN, sub=None)),
        "subject is a number": issuer.rsa.sign(claims_of("anna", ADMIN, sub=7)),
        "expiry is a text": issuer.rsa.sign(claims_of("anna", ADMIN, exp="tomorrow")),
        "garbage": "garbage",
        "dots": "..",
        "empty": "",
    }


def test_tokens_that_are_not_believed(issuer: Issuer) -> None:
    assert may_administer(issuer.holder(ADMIN), "alpha"), "a good one is"
    let_in = []
    for name, token in bad_tokens(issuer).items():
        client = issuer.client(token)
        if may_read(client, "alpha"):
            let_in.append(name)
    assert not let_in, let_in


@pytest.mark.parametrize("form, may", [
    ("Bearer {}", True), ("bearer {}", True), ("Basic {}", False), ("{}", False),
    ("Bearer{}", False)])
def test_the_header(issuer: Issuer, form: str, may: bool) -> None:
    token = issuer.rsa.sign(claims_of("anna", "alpha:read"))
    assert may_read(issuer.with_header(form.format(token)), "alpha") is may


def test_a_token_ends_while_it_is_used(issuer: Issuer) -> None:
    client = issuer.holder("alpha:read", lifetime=2)
    assert may_read(client, "alpha")
    eventually_sync(lambda: not may_read(client, "alpha"), timeout=5)


# Keys.


def test_keys_are_refreshed(own_issuer) -> None:
    issuer: Issuer = own_issuer(refresh="1s")
    old, new = issuer.holder("alpha:read"), Key("ES256")
    later = issuer.holder("alpha:read", key=new)
    assert may_read(old, "alpha") and not may_read(later, "alpha")
    issuer.keys.keys.append(new)
    eventually_sync(lambda: may_read(later, "alpha"), timeout=10)
    assert may_read(old, "alpha")
    issuer.keys.keys.remove(issuer.rsa)
    eventually_sync(lambda: not may_read(old, "alpha"), timeout=10)
    assert may_read(later, "alpha")


@pytest.mark.parametrize("fault", ["error", "garbage", "hang", "close"])
def test_keys_outlive_an_outage_of_their_source(own_issuer, fault: str) -> None:
    issuer: Issuer = own_issuer(refresh="1s")
    client = issuer.holder("alpha:read")
    assert may_read(client, "alpha")
    before = issuer.keys.count()
    issuer.keys.break_with(fault)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        begin = time.monotonic()
        assert may_read(client, "alpha") and time.monotonic() - begin < 1
    assert issuer.keys.count() > before, "it tried"


def test_no_call_to_the_source_for_a_request(issuer: Issuer) -> None:
    before = issuer.keys.count()
    for _ in range(20):
        assert may_read(issuer.holder("alpha:read"), "alpha")
        assert not may_read(issuer.holder("alpha:read", key=Key("ES256")), "alpha")
    assert issuer.keys.count() - before <= 2, "unknown keys do not make it ask again and again"


def test_several_sources_and_files(launch, tmp_path: Path) -> None:
    first, second = Key("RS256"), Key("ES256")
    keys = KeySet(first)
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [second.jwk, {"kty": "oct", "k": "c2VjcmV0"}]}))
    try:
        server = launch(ConfiguredServer(
            tmp_path, section(keys.endpoint, f"file://{path}"), namespaces=NAMESPACES))
        for key, may in ((first, True), (second, True), (Key("ES256"), False)):
            token = key.sign(claims_of("anna", "alpha:read"))
            client = RawClient("", "alpha", bearer_channel(server.address, token))
            assert may_read(client, "alpha") is may
            client.close()
    finally:
        keys.stop()


def test_another_claim(own_issuer) -> None:
    issuer: Issuer = own_issuer(permissionsClaimName="https://example.com/roles")
    mine = {"https://example.com/roles": ["alpha:write"]}
    client = issuer.client(issuer.rsa.sign(claims_of("anna", "beta:admin", **mine)))
    assert role_of(client, "alpha") == "writer" and role_of(client, "beta") == "none"


def test_denials_are_logged_without_the_token(own_issuer) -> None:
    issuer: Issuer = own_issuer(log_level="debug")
    token = issuer.rsa.sign(claims_of("anna-the-subject", "alpha:read"))
    client = issuer.client(token)
    assert not may_write(client, "alpha")

    def is_logged() -> bool:
        return any(
            "anna-the-subject" in line and "SignalWorkflowExecution" in line and "alpha" in line
            for line in issuer.server.log.splitlines())

    eventually_sync(is_logged, timeout=5)
    for part in (token, *token.split(".")[1:]):
        assert part not in issuer.server.log


def test_worker_polls_are_writes(issuer: Issuer, names) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        issuer.holder("alpha:read").poll_workflow(names.task_queue, timeout=5)
    assert read_failure(caught.value).message == "Request unauthorized."
    writer = issuer.holder("alpha:write")
    writer.start(names(), names.task_queue)
    writer.respond(writer.next_workflow_task(names.task_queue))
