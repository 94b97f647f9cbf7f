"""TLS of the public frontend, and clients that must show a certificate."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from temporalio.client import Client
from temporalio.service import TLSConfig

from Support.auth import Deployment, may_write
from Support.bearer import with_header
from Support.certificates import Authority, Certificate, client_credentials
from Support.configured import ConfiguredServer
from Support.programs import Collects
from Support.raw import RawClient
from Support.sdk import eventually_sync, make_worker
from Support.server import channel_options, open_channel, run_binary


def frontend(section: dict[str, Any]) -> dict[str, Any]:
    return {"global": {"tls": {"frontend": {"server": section}}}}


def channel(
    server: ConfiguredServer, trusted: Authority, own: Certificate | None = None
) -> grpc.Channel:
    return grpc.secure_channel(
        server.address, client_credentials(trusted, own), options=channel_options())


def is_answered(made: grpc.Channel) -> bool:
    """Whether there is a connection at all; whoever has none gets no answer of any kind."""
    client = RawClient("", channel=made)
    try:
        client.call("GetSystemInfo", timeout=5)
    except grpc.RpcError as error:
        assert error.code().name == "UNAVAILABLE", error
        return False
    finally:
        client.close()
    return True


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


def test_tls(launch, tmp_path, authority: Authority) -> None:
    server = launch(ConfiguredServer(tmp_path, frontend(authority.server_section())))
    assert is_answered(channel(server, authority))
    assert not is_answered(open_channel(server.address)), "plain text is not answered"
    other = Authority(tmp_path, "another")
    assert not is_answered(channel(server, other)), "the client does not trust this server"


def test_mutual_tls(launch, tmp_path, authority: Authority) -> None:
    server = launch(ConfiguredServer(
        tmp_path, frontend(authority.server_section(require_client=True))))
    other = Authority(tmp_path, "another")
    assert is_answered(channel(server, authority, authority.client("anna")))
    assert not is_answered(channel(server, authority)), "no certificate"
    assert not is_answered(channel(server, authority, other.client("anna"))), "another authority"
    expired = authority.client("berta", timedelta(days=-1))
    assert not is_answered(channel(server, authority, expired)), "expired"
    assert not is_answered(channel(server, authority, authority.server())), (
        "a certificate of a server is none of a client")
    assert not is_answered(open_channel(server.address)), "plain text"
    assert server.is_alive and is_answered(channel(server, authority, authority.client("anna")))


async def test_an_sdk_with_a_certificate(launch, tmp_path, authority: Authority, names) -> None:
    server = launch(ConfiguredServer(
        tmp_path, frontend(authority.server_section(require_client=True))))
    own = authority.client("worker")
    client = await Client.connect(server.address, tls=TLSConfig(
        server_root_ca_cert=authority.certificate.read_bytes(),
        client_cert=own.certificate.read_bytes(), client_private_key=own.key.read_bytes()))
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue, start_signal="stop_at",
            start_signal_args=[0])
        assert await handle.result() == []


def test_a_certificate_is_no_token(deploy, tmp_path, authority: Authority) -> None:
    """With both, a caller needs both."""
    deployment: Deployment = deploy(
        sections=frontend(authority.server_section(require_client=True)))
    deployment.grant("writers", "writer", "alpha")
    own = authority.client("anna")
    token = deployment.token("anna@example.com", "writers")
    for header, allowed in ((None, False), (f"Bearer {token}", True), ("Bearer x", False)):
        made = with_header(channel(deployment.server, authority, own), header)
        client = RawClient("", "alpha", made)
        assert may_write(client, "alpha") is allowed
        client.close()
    assert not is_answered(
        with_header(channel(deployment.server, authority), f"Bearer {token}"))


def test_certificates_as_text(launch, tmp_path, authority: Authority) -> None:
    """`certData`, `keyData` and `clientCaData` are base64 of what the files hold."""
    from base64 import b64encode

    def text(path: Path) -> str:
        return b64encode(path.read_bytes()).decode()

    own = authority.server()
    server = launch(ConfiguredServer(tmp_path, frontend({
        "certData": text(own.certificate), "keyData": text(own.key), "requireClientAuth": True,
        "clientCaData": [text(authority.certificate)]})))
    assert is_answered(channel(server, authority, authority.client("anna")))
    assert not is_answered(channel(server, authority))


def test_certificates_are_read_anew(launch, tmp_path, authority: Authority) -> None:
    """What is in the files counts for whoever connects from then on, if it can be used."""
    clients = tmp_path / "clients.pem"
    clients.write_bytes(authority.certificate.read_bytes())
    section = authority.server_section(require_client=True) | {"clientCaFiles": [str(clients)]}
    tls = {"refreshInterval": "100ms", "frontend": {"server": section}}
    server = launch(ConfiguredServer(tmp_path, {"global": {"tls": tls}}))
    other = Authority(tmp_path, "another")
    made, own, theirs = other.server(), authority.client("anna"), other.client("anna")
    before = RawClient("", channel=channel(server, authority, own))
    assert before.call("GetSystemInfo").server_version
    assert not is_answered(channel(server, other, theirs))
    # A certificate without its key is none.
    Path(section["certFile"]).write_bytes(made.certificate.read_bytes())
    eventually_sync(lambda: "cannot be read anew" in server.log)
    assert is_answered(channel(server, authority, own))
    Path(section["keyFile"]).write_bytes(made.key.read_bytes())
    clients.write_bytes(other.certificate.read_bytes())
    eventually_sync(lambda: is_answered(channel(server, other, theirs)))
    assert not is_answered(channel(server, authority, own))
    assert not is_answered(channel(server, other, own)), "of an authority that was"
    assert before.call("GetSystemInfo").server_version, "an open connection stays"
    before.close()
    assert "PRIVATE KEY" not in server.log


@pytest.mark.parametrize("change, named", [
    ({"certFile": "/no/such/file.pem"}, "/no/such/file.pem|certFile"),
    ({"keyFile": ""}, "keyFile"),
    ({"requireClientAuth": True}, "clientCaFiles|requireClientAuth"),
    ({"certData": "bm8="}, "certData"),
], ids=["no file", "no key", "no authority", "both"])
def test_settings_that_cannot_be(
    tmp_path, authority: Authority, change: dict[str, Any], named: str
) -> None:
    server = ConfiguredServer(tmp_path, frontend(authority.server_section() | change))
    done = run_binary("--config-file", str(server.config_path), "start")
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(word in done.stderr for word in named.split("|")), done.stderr
    assert "Fatal error" not in done.stderr
