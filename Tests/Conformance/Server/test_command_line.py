"""The command line: start-dev's flags, what is refused, how fast it starts, the version."""

from __future__ import annotations

import os
import re
import signal
import socket
import time

import grpc
import pytest
from temporalio.api.workflowservice import v1 as ws
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment

from Support.histories import IDLE, types
from Support.programs import Collects
from Support.raw import RawClient, complete
from Support.sdk import make_worker, replayed
from Support.server import TargetServer, binary_path, free_port, open_channel, run_binary

# A machine that does something else at the same time gets this much more time.
TIMING_FACTOR = float(os.environ.get("TEMPORAL_TIMING_FACTOR", "2"))


def test_version() -> None:
    done = run_binary("--version")
    assert done.returncode == 0
    assert re.search(r"\b\d+\.\d+\.\d+", done.stdout), done.stdout


def test_help_names_the_commands() -> None:
    done = run_binary("--help")
    assert done.returncode == 0 and "server" in done.stdout
    done = run_binary("server", "start-dev", "--help")
    assert done.returncode == 0
    for flag in ("--port", "--namespace", "--ip", "--db-filename", "--log-level", "--headless"):
        assert flag in done.stdout, flag


@pytest.mark.parametrize("arguments, named", [
    (["--no-such-flag"], "no-such-flag"),
    (["--headless", "--frobnicate", "7"], "frobnicate"),
    (["--port", "many"], "port"),
    (["--port", "99999"], "port"),
    (["--ip", "not an address"], "ip|address"),
    (["--log-level", "chatty"], "log-level|chatty"),
    (["--log-format", "runes"], "log-format|runes"),
    (["--search-attribute", "Name"], "search-attribute|Name"),
    (["--search-attribute", "Name=Rune"], "Rune"),
    (["--dynamic-config-value", "no equals sign"], "dynamic-config-value|no equals sign"),
    (["--dynamic-config-value", "limit.blobSize.error=many"], "limit.blobSize.error"),
], ids=lambda v: v[0].strip("-") if isinstance(v, list) else None)
def test_wrong_flags_are_named(arguments: list[str], named: str) -> None:
    if "--port" not in arguments:
        arguments = ["--port", str(free_port()), *arguments]
    done = run_binary("server", "start-dev", *arguments)
    assert done.returncode != 0, "it must not start"
    assert re.search(named, done.stderr + done.stdout), done.stderr + done.stdout
    assert "Fatal error" not in done.stderr, "an error message, not a crash"


def test_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_binary("server", "start-dev", "--port", str(port), "--headless")
    assert done.returncode != 0
    assert str(port) in done.stderr + done.stdout


def test_several_namespaces_and_dynamic_configuration(own_server) -> None:
    server: TargetServer = own_server(extra=[
        "--namespace", "second", "--dynamic-config-value", "limit.blobSize.error=1000"]).start()
    for namespace in ("default", "second"):
        raw = RawClient(server.address, namespace)
        raw.start("w", "q")
        with pytest.raises(grpc.RpcError) as caught:
            raw.signal("w", "s", "x" * 2000)
        assert caught.value.code().name == "INVALID_ARGUMENT"
        raw.close()
    server.stop()


async def test_as_the_sdk_starts_its_development_server() -> None:
    """The very flags an SDK test environment passes; see temporalio.testing."""
    key = SearchAttributeKey.for_keyword("MyKeyword")
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(binary_path()), search_attributes=[key])
    async with environment:
        async with make_worker(environment.client, "tq", workflows=[Collects]):
            handle = await environment.client.start_workflow(
                Collects.run, id="w", task_queue="tq", start_signal="stop_at",
                start_signal_args=[0])
            assert await handle.result() == []
            assert types(await replayed(handle, Collects)) == [
                IDLE[0], "WorkflowExecutionSignaled", *IDLE[1:], "WorkflowExecutionCompleted"]


def _time_to_first_rpc(server: TargetServer) -> float:
    begin = time.monotonic()
    server.launch()
    while True:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
            break
        except OSError:
            assert server.is_alive, server.log_tail()
            assert time.monotonic() - begin < 20, server.log_tail()
            time.sleep(0.001)
    with open_channel(server.address) as channel:
        stub = ws.WorkflowServiceStub(channel)
        stub.DescribeNamespace(
            ws.DescribeNamespaceRequest(namespace="default"), timeout=5, wait_for_ready=True)
    return time.monotonic() - begin


@pytest.mark.parametrize("stored", [False, True], ids=["ephemeral", "file"])
def test_first_rpc_within_half_a_second(own_server, tmp_path, stored: bool) -> None:
    times = []
    for attempt in range(3):
        path = tmp_path / f"{attempt}.sqlite" if stored else None
        server = own_server(db_filename=path)
        times.append(_time_to_first_rpc(server))
        server.stop()
    assert min(times) < 0.5 * TIMING_FACTOR, f"seconds to the first RPC: {times}"


def test_stops_by_interrupt_as_well(own_server) -> None:
    server: TargetServer = own_server().start()
    raw = RawClient(server.address)
    raw.start("w", "q")
    raw.respond(raw.next_workflow_task("q"), complete())
    assert server.process is not None
    server.process.send_signal(signal.SIGINT)
    assert server.wait_ended() == 0
