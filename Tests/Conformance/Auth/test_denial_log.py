"""Who was refused what is in the log; what let somebody in, or would have, never is."""

from __future__ import annotations

import base64
import json
import urllib.parse
from typing import Any

import grpc
import pytest

from Support.auth import Deployment, may_read, may_write
from Support.raw import RawClient
from Support.sdk import eventually_sync

RPC = "SignalWorkflowExecution"


def entries(deployment: Deployment, *words: str) -> list[dict[str, Any]]:
    """The log's entries that have all of these words."""
    return [json.loads(line) for line in deployment.server.log.splitlines()
            if line.startswith("{") and all(word in line for word in words)]


def spellings(secret: str) -> set[str]:
    """A secret, and what it may look like in a log."""
    raw = secret.encode()
    return {secret, urllib.parse.quote(secret), base64.b64encode(raw).decode().rstrip("="),
            base64.urlsafe_b64encode(raw).decode().rstrip("="), raw.hex(), str(list(raw))}


def test_a_denial_names_method_namespace_and_principal(deploy) -> None:
    deployment: Deployment = deploy()
    deployment.grant("readers", "reader", "alpha")
    client = deployment.client(deployment.token("anna@example.com", "readers"))
    assert may_read(client, "alpha") and not entries(deployment, "anna@example.com", "enied")
    assert not may_write(client, "alpha")
    found = eventually_sync(
        lambda: entries(deployment, RPC, "alpha", "anna@example.com"), timeout=5)
    assert len(found) == 1, found
    values = [str(value) for value in found[0].values()]
    assert any(RPC in v for v in values) and "alpha" in values and "anna@example.com" in values


@pytest.mark.parametrize("header", [None, "Basic abc", "Bearer ", "Bearer ya29.unknown"])
def test_a_denial_of_somebody_unknown(deploy, header: str | None) -> None:
    deployment: Deployment = deploy()
    client = RawClient(deployment.server.address, "alpha")
    with pytest.raises(grpc.RpcError):
        client.stub.DescribeNamespace(
            client.request("DescribeNamespace"), timeout=10,
            metadata=[("authorization", header)] if header is not None else [])
    client.close()
    eventually_sync(lambda: entries(deployment, "DescribeNamespace", "alpha"), timeout=5)


def test_a_flood_of_denials_does_not_flood_the_log(deploy) -> None:
    """A caller must not be able to fill the disk."""
    deployment: Deployment = deploy()
    client = deployment.client(None)
    for _ in range(2000):
        assert not may_read(client, "alpha")
    assert entries(deployment, "DescribeNamespace", "alpha")
    assert len(deployment.server.log) < 1_000_000


def test_no_token_in_the_log_at_any_level(deploy) -> None:
    deployment: Deployment = deploy(log_level="debug", timeout="1s", openfga_key="key-of-openfga")
    deployment.grant("writers", "writer", "alpha")
    good = deployment.token("anna@example.com", "writers")
    unverified = deployment.token("berta@example.com", email_verified="false")
    gone = deployment.token("carla@example.com")
    deployment.google.revoke(gone)
    for token in (good, unverified, gone):
        may_write(deployment.client(token), "alpha")
        may_write(deployment.client(token), "beta")
    broken = []
    for which in (deployment.google, deployment.openfga):
        for fault in ("error", "garbage", "close", "hang"):
            which.break_with(fault)
            broken.append(deployment.token(f"{fault}@example.com", "writers"))
            with pytest.raises(grpc.RpcError):
                deployment.client(broken[-1]).call("DescribeNamespace", namespace="alpha")
        which.repair()
    log = deployment.server.log
    for secret in (good, unverified, gone, *broken, "key-of-openfga"):
        leaked = [spelling for spelling in spellings(secret) if spelling in log]
        assert not leaked, f"in the log: {leaked}"


def test_headers_that_look_like_log_entries(deploy) -> None:
    """What a caller writes is a value in an entry, never an entry."""
    deployment: Deployment = deploy()
    client = deployment.client(None)
    name = 'x","level":"info","msg":"forged'
    assert not may_read(client, name)
    eventually_sync(lambda: entries(deployment, "forged"), timeout=5)
    for entry in entries(deployment, "forged"):
        assert entry.get("msg") != "forged"


def test_the_refusal_says_nothing_more(deploy) -> None:
    """No reason, no detail of the tuples, no name of anybody else's groups."""
    deployment: Deployment = deploy()
    deployment.grant("secret-group", "reader", "alpha")
    client = deployment.client(deployment.token("anna@example.com", "secret-group"))
    with pytest.raises(grpc.RpcError) as caught:
        client.call("SignalWorkflowExecution", signal_name="s")
    assert caught.value.details() == "Request unauthorized."
    assert "secret-group" not in str(caught.value.trailing_metadata())
