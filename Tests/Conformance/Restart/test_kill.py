"""SIGKILL in the middle of everything: what was acknowledged is there after the restart."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy as SDKRetryPolicy
from temporalio.exceptions import ApplicationError

from Support.errors import expect_error
from Support.histories import assert_history, assert_well_formed, find, render, story, types
from Support.programs import Collects
from Support.raw import (
    Memo, RawClient, RetryPolicy, SearchAttributes, complete, failure, payload,
    schedule_activity, seconds, start_timer,
)
from Support.sdk import make_worker, replayed
from Support.server import TargetServer


@pytest.fixture
def stored(own_server, tmp_path: Path) -> TargetServer:
    """A server on a file, running."""
    return own_server(db_filename=tmp_path / "server.sqlite").start()


def _again(server: TargetServer) -> RawClient:
    """Kills the server, starts it on the same file and port, and connects to it."""
    server.kill()
    server.start()
    return RawClient(server.address)


def test_open_workflow_and_its_history(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    fields = {"CustomKeywordField": payload("kept")}
    run_id = raw.start(
        "w", "q", memo=Memo(fields={"m": payload("memo")}),
        search_attributes=SearchAttributes(indexed_fields=fields)).run_id
    raw.respond(raw.next_workflow_task("q"), start_timer("t", 3600))
    raw.signal("w", "s", 1)
    before = raw.history("w", run_id)
    raw = _again(stored)
    after = raw.history("w", run_id)
    assert [e.SerializeToString(deterministic=True) for e in after] == [
        e.SerializeToString(deterministic=True) for e in before]
    listed = raw.call("ListWorkflowExecutions", query="CustomKeywordField = 'kept'").executions
    assert [e.execution.run_id for e in listed] == [run_id]
    assert listed[0].memo.fields["m"] == payload("memo")
    raw.respond(raw.next_workflow_task("q"), complete())
    assert types(raw.history("w", run_id))[-1] == "WorkflowExecutionCompleted"
    stored.stop()


def test_timer_that_is_due_later(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    raw.start("w", "q")
    raw.respond(raw.next_workflow_task("q"), start_timer("t", 3))
    raw = _again(stored)
    raw.respond(raw.next_workflow_task("q"), complete())
    events = raw.history("w")
    gap = (
        next(e for e in events if e.HasField("timer_fired_event_attributes")).event_time
        .ToNanoseconds()
        - next(e for e in events if e.HasField("timer_started_event_attributes")).event_time
        .ToNanoseconds())
    assert gap >= 3e9
    assert types(events).count("TimerFired") == 1


def test_timer_that_came_due_while_the_server_was_down(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    raw.start("w", "q")
    raw.respond(raw.next_workflow_task("q"), start_timer("t", 0.7))
    stored.kill()
    time.sleep(1)
    stored.start()
    raw = RawClient(stored.address)
    raw.respond(raw.next_workflow_task("q"), complete())
    assert find(raw.history("w"), "TimerFired")["timerId"] == "t"


def test_activity_in_retry(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    raw.start("w", "q")
    raw.respond(
        raw.next_workflow_task("q"),
        schedule_activity(
            "a", "q", start_to_close=60, heartbeat=60,
            retry=RetryPolicy(initial_interval=seconds(2))))
    task = raw.next_activity_task("q")
    raw.heartbeat(task, "progress")
    raw.fail_activity(task, failure("first"))
    raw = _again(stored)
    second = raw.next_activity_task("q")
    assert second.attempt == 2
    assert second.heartbeat_details.payloads[0].data == b'"progress"'
    raw.complete_activity(second, "done")
    raw.respond(raw.next_workflow_task("q"), complete())


def test_running_activity_and_its_token(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    raw.start("w", "q")
    raw.respond(
        raw.next_workflow_task("q"), schedule_activity("a", "q", start_to_close=60, heartbeat=60))
    task = raw.next_activity_task("q")
    raw = _again(stored)
    assert not raw.heartbeat(task, "still here").cancel_requested
    raw.complete_activity(task, "by the old token")
    raw.respond(raw.next_workflow_task("q"), complete())
    assert find(raw.history("w"), "ActivityTaskCompleted")["result"] == ["by the old token"]


def test_activity_timeout_survives(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    raw.start("w", "q")
    raw.respond(
        raw.next_workflow_task("q"),
        schedule_activity("a", "q", start_to_close=2, retry=RetryPolicy(maximum_attempts=1)))
    raw.next_activity_task("q")
    raw = _again(stored)
    raw.respond(raw.next_workflow_task("q"), complete())
    timed_out = find(raw.history("w"), "ActivityTaskTimedOut")
    assert timed_out["failure"]["timeoutFailureInfo"]["timeoutType"] == (
        "TIMEOUT_TYPE_START_TO_CLOSE")


def test_started_workflow_task_and_buffered_signals(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    run_id = raw.start("w", "q").run_id
    task = raw.next_workflow_task("q")
    raw.signal("w", "one")
    raw.signal("w", "two")
    raw = _again(stored)
    raw.respond(task, start_timer("t", 60))
    raw.respond(raw.next_workflow_task("q"), complete())
    assert_history(raw.history("w", run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted
        6 WorkflowExecutionSignaled {"signalName": "one"}
        7 WorkflowExecutionSignaled {"signalName": "two"}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)


def test_workflow_task_timeout_survives(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    raw.start("w", "q", task_timeout=2)
    raw.next_workflow_task("q")
    raw = _again(stored)
    task = raw.next_workflow_task("q")
    assert task.attempt == 2
    raw.respond(task, complete())
    assert find(raw.history("w"), "WorkflowTaskTimedOut")


def test_backlog(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    for index in range(50):
        raw.start(f"w{index}", "q")
    raw.start("with-activities", "q2")
    raw.respond(
        raw.next_workflow_task("q2"),
        *[schedule_activity(f"a{i}", "aq", start_to_close=60) for i in range(20)])
    raw = _again(stored)
    seen = Counter()
    for _ in range(50):
        task = raw.next_workflow_task("q")
        seen[task.workflow_execution.workflow_id] += 1
        raw.respond(task, complete())
    assert seen == Counter({f"w{i}": 1 for i in range(50)})
    assert {raw.next_activity_task("aq").activity_id for _ in range(20)} == {
        f"a{i}" for i in range(20)}
    assert not raw.poll_workflow("q", timeout=2.5).task_token
    assert not raw.poll_activity("aq", timeout=2.5).task_token


def test_closed_workflows_stay_closed(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    run_id = raw.start("w", "q", request_id="r").run_id
    raw.respond(raw.next_workflow_task("q"), complete("result"))
    before = render(raw.history("w"))
    raw = _again(stored)
    assert render(raw.history("w")) == before
    assert raw.describe("w").workflow_execution_info.status == 2
    assert raw.start("w", "q", request_id="r").run_id == run_id, "the request is still known"
    with expect_error("NOT_FOUND"):
        raw.signal("w", "s")


def test_namespaces_survive(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    raw.call(
        "RegisterNamespace", namespace="mine",
        workflow_execution_retention_period=seconds(86_400))
    namespace_id = raw.call("DescribeNamespace", namespace="mine").namespace_info.id
    raw = _again(stored)
    assert raw.call("DescribeNamespace", namespace="mine").namespace_info.id == namespace_id
    with expect_error("ALREADY_EXISTS"):
        raw.call(
            "RegisterNamespace", namespace="mine",
            workflow_execution_retention_period=seconds(86_400))


def test_start_delay_and_run_timeout_survive(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    raw.start("delayed", "q", delay=2.5)
    raw.start("limited", "nobody", run_timeout=2.5)
    raw = _again(stored)
    task = raw.next_workflow_task("q")
    assert task.workflow_execution.workflow_id == "delayed"
    raw.respond(task, complete())
    raw.wait_closed("limited")
    assert types(raw.history("limited"))[-1] == "WorkflowExecutionTimedOut"


def test_acknowledged_signals_are_there_exactly_once(stored: TargetServer) -> None:
    """Signals rain on a few workflows; the server dies amid them, three times."""
    raw = RawClient(stored.address)
    workflows = [f"w{i}" for i in range(4)]
    for workflow_id in workflows:
        raw.start(workflow_id, "q")
    raw.close()
    acknowledged: dict[str, list[int]] = {w: [] for w in workflows}
    stop = threading.Event()

    def rain(workflow_id: str) -> None:
        sender = RawClient(stored.address)
        value = 0
        while not stop.is_set():
            request_id = str(uuid.uuid4())
            while True:
                try:
                    sender.signal(workflow_id, "s", value, request_id=request_id)
                    acknowledged[workflow_id].append(value)
                    break
                except grpc.RpcError as error:
                    assert error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), error
                    if stop.is_set():
                        return
                    time.sleep(0.01)
            value += 1
        sender.close()

    senders = [threading.Thread(target=rain, args=[w]) for w in workflows]
    for sender in senders:
        sender.start()
    for _ in range(3):
        count = sum(map(len, acknowledged.values()))
        deadline = time.monotonic() + 20
        while sum(map(len, acknowledged.values())) < count + 200:
            assert time.monotonic() < deadline, "signals do not get through"
            time.sleep(0.01)
        stored.kill()
        stored.start()
    stop.set()
    for sender in senders:
        sender.join(20)
    raw = RawClient(stored.address)
    for workflow_id in workflows:
        events = raw.history(workflow_id)
        assert_well_formed(events)
        values = [
            int(e.workflow_execution_signaled_event_attributes.input.payloads[0].data)
            for e in events if e.HasField("workflow_execution_signaled_event_attributes")
        ]
        sent = acknowledged[workflow_id]
        assert values == sorted(set(values)), "in order, none twice"
        assert set(sent) <= set(values), "none lost"
        assert len(values) - len(sent) <= 1, "at most the one whose answer never came"


_attempts: Counter[str] = Counter()


@activity.defn
async def unsteady(key: str) -> str:
    _attempts[key] += 1
    if _attempts[key] == 1:
        raise ApplicationError("first time")
    return key


@workflow.defn
class Everything:
    """Timers, activities with retries and signals, one after the other."""

    def __init__(self) -> None:
        self.signals = 0

    @workflow.run
    async def run(self, key: str, rounds: int) -> list[str]:
        done = []
        for index in range(rounds):
            await asyncio.gather(
                workflow.sleep(0.2),
                self._work(f"{key}-{index}", done))
        await workflow.wait_condition(lambda: self.signals >= 1)
        return sorted(done)

    async def _work(self, key: str, done: list[str]) -> None:
        done.append(await workflow.execute_activity(
            unsteady, key, start_to_close_timeout=timedelta(seconds=3),
            retry_policy=SDKRetryPolicy(
                initial_interval=timedelta(milliseconds=100), backoff_coefficient=1.0)))

    @workflow.signal
    def go(self) -> None:
        self.signals += 1


def _assert_everything(told: list[str]) -> None:
    """Activities and timers mix, and workflow tasks may time out; each is there once."""
    told = [name for name in told if name != "WorkflowTaskTimedOut"]
    assert [name for name in told if name.startswith("Activity")] == [
        "ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted"] * 4
    assert [name for name in told if name.startswith("Timer")] == ["TimerStarted", "TimerFired"] * 4
    assert [name for name in told if not name.startswith(("Activity", "Timer"))] == [
        "WorkflowExecutionStarted", "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"]


async def test_sdk_workflows_go_on(stored: TargetServer) -> None:
    """A real worker keeps running while the server dies twice under it."""
    client = await Client.connect(stored.address)
    worker = make_worker(
        client, "q", workflows=[Everything, Collects], activities=[unsteady])
    async with worker:
        handles = [
            await client.start_workflow(
                Everything.run, args=[f"w{i}", 4], id=f"w{i}", task_queue="q",
                task_timeout=timedelta(seconds=3))
            for i in range(15)
        ]
        for _ in range(2):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(stored.kill)
            await asyncio.to_thread(stored.start)
        for handle in handles:
            await handle.signal(Everything.go)
        for index, handle in enumerate(handles):
            result = await asyncio.wait_for(handle.result(), 60)
            assert result == [f"w{index}-{round}" for round in range(4)]
    for handle in handles:
        events = await replayed(handle, Everything)
        assert_well_formed(events)
        _assert_everything(story(events))
    stored.stop()
