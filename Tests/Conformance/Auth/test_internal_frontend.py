"""The internal frontend asks nobody, so nobody outside may reach it."""

from __future__ import annotations

import socket
from pathlib import Path

import grpc
import pytest

from Support.auth import may_administer
from Support.certificates import Authority, client_credentials
from Support.configured import ConfiguredServer
from Support.raw import RawClient
from Support.server import run_binary

LISTENING = "0A"
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
ANY = {"00000000", "0" * 32}


def listening(port: int) -> set[str]:
    """The local addresses that are listened on at a port, as the kernel writes them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        path = Path(table)
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            address, state = line.split()[1], line.split()[3]
            if state == LISTENING and int(address.partition(":")[2], 16) == port:
                found.add(address.partition(":")[0])
    return found


def test_it_binds_to_loopback_unless_it_is_told_otherwise(deploy, launch, tmp_path) -> None:
    server = launch(ConfiguredServer(tmp_path, {}, internal_rpc={}))
    assert listening(server.internal_port) and listening(server.internal_port) <= LOOPBACK
    told = launch(ConfiguredServer(tmp_path, {}, internal_rpc={"bindOnIP": "0.0.0.0"}))
    assert listening(told.internal_port) & ANY


def test_it_binds_to_loopback_when_authorization_is_on(deploy) -> None:
    deployment = deploy(start=False)
    text = deployment.server.config_path.read_text()
    head, found, tail = text.partition("internal-frontend:")
    assert found and tail.count("bindOnIP") == 1
    lines = [line for line in tail.splitlines() if "bindOnIP" not in line]
    deployment.server.config_path.write_text(head + found + "\n".join(lines) + "\n")
    deployment.start()
    assert listening(deployment.server.internal_port) <= LOOPBACK
    with socket.create_connection(("127.0.0.1", deployment.server.internal_port), timeout=5):
        pass


def test_it_asks_nobody(deploy) -> None:
    deployment = deploy()
    deployment.google.break_with("hang")
    for metadata in ([], [("authorization", "Bearer ya29.unknown")], [("authorization", "x")]):
        inside = deployment.inside()
        inside.stub.DescribeNamespace(
            inside.request("DescribeNamespace"), timeout=5, metadata=metadata)
        assert may_administer(inside, "alpha")
    assert deployment.google.count() == 0 and deployment.openfga.count() == 0


def test_it_does_not_open_the_public_one(deploy) -> None:
    """What somebody may inside says nothing about them outside, on whatever connection."""
    deployment = deploy()
    assert may_administer(deployment.inside(), "alpha")
    assert not may_administer(deployment.client(None), "alpha")


def test_mutual_tls_of_its_callers(launch, tmp_path) -> None:
    authority, stranger = Authority(tmp_path, "internode"), Authority(tmp_path, "stranger")
    server = ConfiguredServer(tmp_path, {"global": {"tls": {"internode": {
        "server": authority.server_section(require_client=True),
        "client": {"rootCaFiles": [str(authority.certificate)], "serverName": "localhost"}}}}})
    server.internal_credentials = client_credentials(authority, authority.client("temporal"))
    launch(server)
    assert server.health() == "SERVING"
    for credentials in (
        None,
        client_credentials(authority),
        client_credentials(authority, stranger.client("temporal")),
    ):
        server.internal_credentials = credentials
        client = RawClient(server.internal_address, channel=server.open_internal())
        with pytest.raises(grpc.RpcError) as caught:
            client.call("GetSystemInfo", timeout=5)
        assert caught.value.code().name == "UNAVAILABLE"
        client.close()


def test_authorization_without_an_internal_frontend(deploy) -> None:
    """It can be left out; the public one is the same then."""
    deployment = deploy(start=False)
    path = deployment.server.config_path
    head, _, tail = path.read_text().partition("  internal-frontend:")
    rest = tail.splitlines()
    end = next(i for i, line in enumerate(rest[1:], 1) if not line.startswith("    "))
    path.write_text(head + "\n".join(rest[end:]) + "\n")
    checked = run_binary("--config-file", str(path), "validate-config")
    assert checked.returncode == 0, checked.stderr + checked.stdout
    assert listening(deployment.server.internal_port) == set()
