"""SIGKILL while runs tell each other something: it arrives after the restart, and counts once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import grpc
import pytest
from temporalio.api.enums.v1 import EventType

from Support.histories import assert_well_formed, types
from Support.raw import RawClient, complete, signal_external, start_child
from Support.sdk import eventually_sync
from Support.server import TargetServer

CHILDREN = 20


@pytest.fixture
def stored(own_server, tmp_path: Path) -> TargetServer:
    """A server on a file, running."""
    return own_server(db_filename=tmp_path / "server.sqlite").start()


def _kill_soon(server: TargetServer, delay: float) -> threading.Thread:
    def kill() -> None:
        time.sleep(delay)
        server.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02, 0.06])
def test_children_that_are_being_started(stored: TargetServer, delay: float) -> None:
    raw = RawClient(stored.address)
    run_id = raw.start("p", "q").run_id
    task = raw.next_workflow_task("q")
    killer = _kill_soon(stored, delay)
    commands = [start_child(f"c{n}", task_queue="cq") for n in range(CHILDREN)]
    try:
        raw.respond(task, *commands)
    except grpc.RpcError:
        pass
    killer.join()
    stored.start()
    raw = RawClient(stored.address)
    if "StartChildWorkflowExecutionInitiated" not in types(raw.history("p", run_id)):
        raw.respond(raw.next_workflow_task("q", timeout=30), *commands)
    started = eventually_sync(lambda: _has(raw, "ChildWorkflowExecutionStarted", CHILDREN))
    assert len(started) == CHILDREN
    for _ in range(CHILDREN):
        raw.respond(raw.next_workflow_task("cq"), complete("done"))
    eventually_sync(lambda: _has(raw, "ChildWorkflowExecutionCompleted", CHILDREN))
    events = raw.history("p", run_id)
    assert types(events).count("StartChildWorkflowExecutionInitiated") == CHILDREN
    assert types(events).count("ChildWorkflowExecutionStarted") == CHILDREN
    assert "StartChildWorkflowExecutionFailed" not in types(events)
    assert_well_formed(events)
    count = raw.call("CountWorkflowExecutions", query="ParentWorkflowId = 'p'").count
    assert count == CHILDREN, "no child was started twice"
    stored.stop()


def _has(raw: RawClient, name: str, count: int) -> list[str] | None:
    """The events of a type, once there are as many."""
    found = [event for event in types(raw.history("p")) if event == name]
    return found if len(found) >= count else None


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.04])
def test_children_that_are_being_closed(stored: TargetServer, delay: float) -> None:
    raw = RawClient(stored.address)
    raw.start("p", "q")
    raw.respond(
        raw.next_workflow_task("q"),
        *[start_child(f"c{n}", task_queue="cq") for n in range(CHILDREN)])
    eventually_sync(lambda: _has(raw, "ChildWorkflowExecutionStarted", CHILDREN))
    killer = _kill_soon(stored, delay)
    try:
        raw.terminate("p")
    except grpc.RpcError:
        pass
    killer.join()
    stored.start()
    raw = RawClient(stored.address)
    if raw.describe("p").workflow_execution_info.status == 1:
        raw.terminate("p")
    query = "ParentWorkflowId = 'p' AND ExecutionStatus = 'Terminated'"
    eventually_sync(
        lambda: raw.call("CountWorkflowExecutions", query=query).count == CHILDREN)
    stored.stop()


def test_child_that_ended_unheard(stored: TargetServer) -> None:
    """The child's end is acknowledged, then the process is killed at once."""
    raw = RawClient(stored.address)
    raw.start("p", "q")
    raw.respond(raw.next_workflow_task("q"), start_child("c", task_queue="cq"))
    task = raw.next_workflow_task("cq")
    raw.respond(task, complete("heard"))
    stored.kill()
    stored.start()
    raw = RawClient(stored.address)
    raw.wait_event("p", EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)
    assert types(raw.history("p")).count("ChildWorkflowExecutionCompleted") == 1
    stored.stop()


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02])
def test_signals_on_their_way(stored: TargetServer, delay: float) -> None:
    raw = RawClient(stored.address)
    raw.start("x", "xq")
    raw.start("p", "q")
    task = raw.next_workflow_task("q")
    killer = _kill_soon(stored, delay)
    commands = [signal_external("x", f"s{n}") for n in range(CHILDREN)]
    try:
        raw.respond(task, *commands)
    except grpc.RpcError:
        pass
    killer.join()
    stored.start()
    raw = RawClient(stored.address)
    if "SignalExternalWorkflowExecutionInitiated" not in types(raw.history("p")):
        raw.respond(raw.next_workflow_task("q", timeout=30), *commands)
    eventually_sync(lambda: _has(raw, "ExternalWorkflowExecutionSignaled", CHILDREN))
    signals = [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in raw.history("x")
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED]
    assert sorted(signals) == sorted(f"s{n}" for n in range(CHILDREN))
    stored.stop()
