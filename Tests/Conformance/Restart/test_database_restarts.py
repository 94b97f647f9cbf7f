"""PostgreSQL ends under a running server: calls fail as unavailable, and work goes on afterwards."""

from __future__ import annotations

import threading
import time
import uuid
from pathlib import Path
from typing import Callable, Iterator

import grpc
import pytest

from Support.histories import types
from Support.postgresql import ON_POSTGRESQL, Cluster, persistence_config
from Support.raw import RawClient, complete, start_timer
from Support.server import TargetServer

pytestmark = pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite is part of the server")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.stop()


@pytest.fixture
def on_cluster(own_server, cluster: Cluster, tmp_path: Path) -> TargetServer:
    """A running server on a database server of its own."""
    server: TargetServer = own_server()
    server.persistence_config = persistence_config(tmp_path, None, cluster.address)
    return server.start()


def _until_it_works(call: Callable[[], object], timeout: float = 60) -> int:
    """Repeats a call for as long as it is unavailable. Returns how often it was."""
    failures, deadline = 0, time.monotonic() + timeout
    while True:
        try:
            call()
            return failures
        except grpc.RpcError as error:
            assert error.code() in (
                grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), error
            assert time.monotonic() < deadline, error
            failures += 1
            time.sleep(0.02)


def test_crash_under_load(on_cluster: TargetServer, cluster: Cluster) -> None:
    raw = RawClient(on_cluster.address)
    for number in range(4):
        raw.start(f"w{number}", "q")
    ended = threading.Event()
    sent: dict[str, int] = {}

    def signal(workflow: str) -> None:
        own, count = RawClient(on_cluster.address), 0
        while not ended.is_set():
            name, request_id = f"s{count}", str(uuid.uuid4())
            _until_it_works(lambda: own.signal(workflow, name, request_id=request_id))
            count += 1
        sent[workflow] = count

    threads = [threading.Thread(target=signal, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(1)
        cluster.restart()
    time.sleep(1)
    ended.set()
    for thread in threads:
        thread.join(60)
    assert on_cluster.is_alive and sorted(sent) == [f"w{number}" for number in range(4)]
    for workflow, count in sent.items():
        names = [
            event.workflow_execution_signaled_event_attributes.signal_name
            for event in raw.history(workflow)
            if event.HasField("workflow_execution_signaled_event_attributes")]
        assert names == [f"s{number}" for number in range(count)], "each one once"
        assert count > 10
    on_cluster.stop()


def test_database_that_is_away(on_cluster: TargetServer, cluster: Cluster) -> None:
    raw = RawClient(on_cluster.address)
    raw.start("w", "q")
    raw.respond(raw.next_workflow_task("q"), start_timer("t", 2))
    cluster.halt()
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        raw.call(
            "SignalWorkflowExecution", workflow_execution={"workflow_id": "w"}, signal_name="s",
            request_id="r", timeout=5)
    # A shard that is being acquired again keeps callers waiting, for as long as they can.
    assert caught.value.code() in (
        grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), caught.value
    assert time.monotonic() - begin < 10
    assert on_cluster.is_alive
    cluster.restart()
    _until_it_works(lambda: raw.signal("w", "after"))
    _until_it_works(lambda: raw.start("x", "q"))
    # The timer fired while nothing could be written, or does so now.
    closed = set()
    deadline = time.monotonic() + 60
    while closed != {"w", "x"}:
        assert time.monotonic() < deadline
        task = raw.next_workflow_task("q")
        workflow = task.workflow_execution.workflow_id
        if workflow == "w" and "TimerFired" not in types(raw.history("w")):
            raw.respond(task)
        else:
            raw.respond(task, complete())
            closed.add(workflow)
    assert types(raw.history("w")).count("TimerFired") == 1
    on_cluster.stop()
