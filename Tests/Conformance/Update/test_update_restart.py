"""SIGKILL with updates in every stage: what was accepted goes on, what was not is sent again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowUpdateStage

from Support.errors import expect_error
from Support.histories import assert_history, story, types
from Support.raw import RawClient, complete, payloads
from Support.sdk import make_worker, replayed
from Support.server import TargetServer
from Support.updates import (
    ACCEPTED, COMPLETED, acceptance, answer, begin_update, completion,
    expect_closed_before_completion, poll_fields, poll_update, rejection, update)


@pytest.fixture
def stored(own_server, tmp_path: Path) -> TargetServer:
    """A server on a file, running."""
    return own_server(db_filename=tmp_path / "server.sqlite").start()


def _again(server: TargetServer) -> RawClient:
    """Kills the server, starts it on the same file and port, and connects to it."""
    server.kill()
    server.start()
    return RawClient(server.address)


def _idle(raw: RawClient) -> None:
    raw.start("w", "q")
    raw.respond(raw.next_workflow_task("q"))


def _accepted(raw: RawClient) -> None:
    """Update `u`, accepted and not completed."""
    _idle(raw)
    sent = begin_update(raw, "w", "u", stage=ACCEPTED)
    task = raw.next_workflow_task("q")
    answer(raw, task, acceptance(task.messages[0]))
    assert sent.result().stage == ACCEPTED


def test_accepted_update_is_completed_after_it(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    _idle(raw)
    sent = begin_update(raw, "w", "u", stage=ACCEPTED)
    task = raw.next_workflow_task("q")
    asked = task.messages[0]
    answer(raw, task, acceptance(asked))
    assert sent.result().stage == ACCEPTED
    raw = _again(stored)
    assert poll_update(raw, "w", "u").stage == ACCEPTED
    polling = raw.begin("PollWorkflowExecutionUpdate", **poll_fields("w", "u", stage=COMPLETED))
    raw.signal("w", "s")
    task = raw.next_workflow_task("q")
    assert not task.messages
    answer(raw, task, completion(asked, "after"))
    assert polling.result().outcome.success == payloads("after")
    assert update(raw, "w", "u").outcome.success == payloads("after")
    assert_history(raw.history("w")[7:], """
        8 WorkflowExecutionUpdateAccepted
        9 WorkflowExecutionSignaled
        10 WorkflowTaskScheduled
        11 WorkflowTaskStarted
        12 WorkflowTaskCompleted
        13 WorkflowExecutionUpdateCompleted {"acceptedEventId": "8"}
    """)
    stored.stop()


def test_outcome_is_kept(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    _idle(raw)
    sent = begin_update(raw, "w", "u")
    task = raw.next_workflow_task("q")
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, "kept"), then=(complete(),))
    result = sent.result()
    before = raw.history("w")
    raw = _again(stored)
    assert update(raw, "w", "u").outcome == result.outcome
    assert poll_update(raw, "w", "u", stage=COMPLETED).outcome == result.outcome
    assert raw.history("w") == before
    stored.stop()


def test_accepted_update_of_a_closed_run(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    _accepted(raw)
    raw.terminate("w")
    raw = _again(stored)
    expect_closed_before_completion(update(raw, "w", "u").outcome)
    expect_closed_before_completion(poll_update(raw, "w", "u").outcome)
    assert types(raw.history("w"))[7:] == [
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionTerminated"]
    stored.stop()


@pytest.mark.parametrize("taken", [False, True], ids=["waiting", "with-a-worker"])
def test_admitted_update_is_forgotten(stored: TargetServer, taken: bool) -> None:
    raw = RawClient(stored.address)
    _idle(raw)
    sent = begin_update(raw, "w", "u")
    lost = raw.next_workflow_task("q") if taken else None
    raw = _again(stored)
    with pytest.raises(grpc.RpcError):
        sent.result()
    assert len(raw.history("w")) == 4, "neither the update nor its task was written"
    with expect_error("NOT_FOUND", match='^update "u" not found$'):
        poll_update(raw, "w", "u")
    if lost is not None:
        with expect_error("NOT_FOUND"):
            answer(raw, lost, acceptance(lost.messages[0]))
    sent = begin_update(raw, "w", "u")
    task = raw.next_workflow_task("q")
    assert task.started_event_id == 6
    asked = task.messages[0]
    if lost is not None:
        with expect_error("NOT_FOUND", match=r"^Workflow task not found\.$"):
            answer(raw, lost, acceptance(lost.messages[0]))
    answer(raw, task, acceptance(asked), completion(asked, 1))
    assert sent.result().outcome.success == payloads(1)
    assert types(raw.history("w"))[4:] == [
        "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted",
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]
    stored.stop()


def test_task_that_was_written_outlives_its_update(stored: TargetServer) -> None:
    """A worker that still has the task brings the update back."""
    raw = RawClient(stored.address)
    raw.start("w", "q")
    sent = begin_update(raw, "w", "u", "word")
    task = raw.next_workflow_task("q")
    asked = task.messages[0]
    raw = _again(stored)
    with pytest.raises(grpc.RpcError):
        sent.result()
    answer(raw, task, acceptance(asked), completion(asked, 1))
    assert poll_update(raw, "w", "u").outcome.success == payloads(1)
    assert_history(raw.history("w")[3:], """
        4 WorkflowTaskCompleted
        5 WorkflowExecutionUpdateAccepted {"protocolInstanceId": "u", "acceptedRequest": {"input": {"args": ["word"]}}}
        6 WorkflowExecutionUpdateCompleted {"acceptedEventId": "5"}
    """)
    stored.stop()


def test_in_line_task_is_kept(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    raw.start("w", "q")
    task = raw.next_workflow_task("q")
    raw.signal("w", "s")
    inline = raw.respond(task, return_new_workflow_task=True).workflow_task
    assert inline.started_event_id == 7
    raw = _again(stored)
    raw.respond(inline, complete())
    assert types(raw.history("w"))[3:] == [
        "WorkflowTaskCompleted", "WorkflowExecutionSignaled", "WorkflowTaskScheduled",
        "WorkflowTaskStarted", "WorkflowTaskCompleted", "WorkflowExecutionCompleted"]
    stored.stop()


def test_reset_point_of_a_rejection_after_it(stored: TargetServer) -> None:
    raw = RawClient(stored.address)
    _accepted(raw)
    raw = _again(stored)
    sent = begin_update(raw, "w", "v")
    task = raw.next_workflow_task("q")
    assert task.previous_started_event_id == 6
    capable = {"discard_speculative_workflow_task_with_events": True}
    reply = answer(raw, task, rejection(task.messages[0]), capabilities=capable)
    assert reply.reset_history_event_id == 6
    assert sent.result().outcome.failure.message == "no"
    assert len(raw.history("w")) == 8
    stored.stop()


@workflow.defn
class Sleepy:
    """Updates that take a while."""

    def __init__(self) -> None:
        self.done = 0

    @workflow.run
    async def run(self, wanted: int) -> int:
        await workflow.wait_condition(lambda: self.done == wanted)
        return self.done

    @workflow.update
    async def nap(self, seconds: float) -> float:
        await workflow.sleep(seconds)
        self.done += 1
        return seconds


async def test_sdk_updates_go_on(stored: TargetServer) -> None:
    """A real worker and a real client keep running while the server dies under them."""
    client = await Client.connect(stored.address)
    async with make_worker(client, "q", workflows=[Sleepy]):
        handle = await client.start_workflow(
            Sleepy.run, 3, id="w", task_queue="q", task_timeout=timedelta(seconds=3))
        updates = [await handle.start_update(
            Sleepy.nap, 2.0, wait_for_stage=WorkflowUpdateStage.ACCEPTED) for _ in range(3)]
        waiting = [asyncio.create_task(one.result()) for one in updates]
        await asyncio.to_thread(stored.kill)
        await asyncio.to_thread(stored.start)
        assert await asyncio.wait_for(asyncio.gather(*waiting), 60) == [2.0] * 3
        assert await asyncio.wait_for(handle.result(), 60) == 3
    told = story(await replayed(handle, Sleepy))
    accepted, completed = "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"
    assert [name for name in told if name != "WorkflowTaskTimedOut"] == [
        "WorkflowExecutionStarted", *[accepted, "TimerStarted"] * 3,
        *["TimerFired", completed] * 3, "WorkflowExecutionCompleted"]
    stored.stop()
