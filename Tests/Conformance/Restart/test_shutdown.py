"""SIGTERM: health turns, polls end empty, commits finish, the process exits with 0."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from temporalio.client import Client

from Support.histories import types
from Support.programs import Collects
from Support.raw import RawClient, complete
from Support.sdk import make_worker
from Support.server import TargetServer, open_channel

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_polls_end_empty(own_server) -> None:
    server: TargetServer = own_server().start()
    raw = RawClient(server.address)
    with ThreadPoolExecutor(8) as pool:
        polls = [pool.submit(raw.poll_workflow, "q", timeout=60) for _ in range(4)]
        polls += [pool.submit(raw.poll_activity, "q", timeout=60) for _ in range(4)]
        time.sleep(0.5)
        before = time.monotonic()
        server.terminate()
        for poll in polls:
            assert not poll.result(20).task_token
        assert server.wait_ended() == 0
        assert time.monotonic() - before < 15


def test_health_turns(own_server) -> None:
    server: TargetServer = own_server().start()
    seen: list[int] = []
    with open_channel(server.address) as channel:
        stream = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), timeout=30)
        seen.append(next(stream).status)

        def watch() -> None:
            try:
                for reply in stream:
                    seen.append(reply.status)
            except grpc.RpcError:
                pass

        watcher = threading.Thread(target=watch)
        watcher.start()
        server.terminate()
        assert server.wait_ended() == 0
        watcher.join(10)
    assert seen[0] == SERVING and seen[-1] == NOT_SERVING


def test_history_waits_end(own_server) -> None:
    server: TargetServer = own_server().start()
    raw = RawClient(server.address)
    raw.start("w", "q")
    token = raw.history_page("w", wait=True).next_page_token
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(raw.history_page, "w", wait=True, token=token, timeout=60)
        time.sleep(0.5)
        server.terminate()
        assert server.wait_ended() == 0
        error = waiting.exception(10)
    assert error is None or (
        isinstance(error, grpc.RpcError) and error.code().name in ("UNAVAILABLE", "CANCELLED"))


def test_what_was_acknowledged_is_on_file(own_server, tmp_path: Path) -> None:
    server: TargetServer = own_server(db_filename=tmp_path / "s.sqlite").start()
    raw = RawClient(server.address)
    acknowledged: list[str] = []

    def start_many() -> None:
        try:
            for index in range(100_000):
                raw.start(f"w{index}", "q", request_id=f"r{index}")
                acknowledged.append(f"w{index}")
        except grpc.RpcError:
            return

    starter = threading.Thread(target=start_many)
    starter.start()
    while len(acknowledged) < 100:
        time.sleep(0.005)
    server.terminate()
    assert server.wait_ended() == 0
    starter.join(20)
    server.start()
    raw = RawClient(server.address)
    count = raw.call("CountWorkflowExecutions", query="").count
    assert len(acknowledged) <= count <= len(acknowledged) + 1
    for workflow_id in acknowledged[-20:]:
        assert raw.describe(workflow_id).workflow_execution_info.status == 1
    task = raw.next_workflow_task("q")
    raw.respond(task, complete())
    server.stop()


async def test_under_a_running_worker(own_server, tmp_path: Path) -> None:
    server: TargetServer = own_server(db_filename=tmp_path / "s.sqlite").start()
    client = await Client.connect(server.address)
    async with make_worker(client, "q", workflows=[Collects]):
        handle = await client.start_workflow(Collects.run, id="w", task_queue="q")
        await handle.signal(Collects.add, "before")
        server.stop()
        server.start()
        await handle.signal(Collects.add, "after")
        await handle.signal(Collects.stop_at, 2)
        assert await handle.result() == ["before", "after"]
    events = list((await handle.fetch_history()).events)
    assert types(events).count("WorkflowExecutionSignaled") == 3
    server.stop()


@pytest.mark.sqlite_files
def test_ephemeral_means_ephemeral(own_server) -> None:
    server: TargetServer = own_server().start()
    RawClient(server.address).start("w", "q")
    server.stop()
    server.start()
    raw = RawClient(server.address)
    assert raw.call("CountWorkflowExecutions", query="").count == 0
    server.stop()


def test_second_sigterm_does_no_harm(own_server) -> None:
    server: TargetServer = own_server().start()
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(RawClient(server.address).poll_workflow, "q", timeout=60)
        time.sleep(0.3)
        server.terminate()
        server.terminate()
        assert server.wait_ended() == 0
        poll.exception(10)
