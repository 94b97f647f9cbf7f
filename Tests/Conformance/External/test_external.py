"""Signals and cancel requests from one workflow to another."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from Support.errors import expect_error
from Support.families import ALL, Child, Reaches
from Support.histories import find, story, types
from Support.raw import (
    RawClient, cancel_external, complete, schedule_activity, signal_external, start_child,
)
from Support.sdk import events_of, eventually_sync, make_worker, replayed

SIGNAL = ["SignalExternalWorkflowExecutionInitiated", "ExternalWorkflowExecutionSignaled"]
CANCEL = [
    "RequestCancelExternalWorkflowExecutionInitiated", "ExternalWorkflowExecutionCancelRequested"]
SIGNALED, COMPLETED = "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"
NOT_FOUND = "EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND"


async def _reach(
    client: Client, names, what: str, target: str, run_id: str | None = None
) -> tuple[str, WorkflowHandle[Any, Any]]:
    """What the sender says of it, and the sender."""
    handle = await client.start_workflow(
        Reaches.run, args=[what, target, run_id], id=names("sender"),
        task_queue=names.task_queue)
    return await handle.result(), handle


async def _target(client: Client, names, how: str = "signal") -> WorkflowHandle[Any, Any]:
    return await client.start_workflow(
        Child.run, how, id=names("target"), task_queue=names.task_queue)


async def _assert_story(handle: WorkflowHandle[Any, Any], *expected: str) -> None:
    """The handle's events without workflow tasks, which a worker must be able to run again."""
    assert story(await replayed(handle, *ALL)) == ["WorkflowExecutionStarted", *expected]


async def test_signal(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        target = await _target(client, names)
        said, sender = await _reach(client, names, "signal", names("target"))
        assert said == "reached"
        assert await target.result() == ["from afar"]
    arrived = find(await events_of(target), "WorkflowExecutionSignaled")
    assert arrived["externalWorkflowExecution"] == {
        "workflowId": names("sender"), "runId": sender.first_execution_run_id}
    await _assert_story(sender, *SIGNAL, COMPLETED)
    await _assert_story(target, SIGNALED, COMPLETED)


async def test_cancel(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        target = await _target(client, names, "wait")
        said, sender = await _reach(client, names, "cancel", names("target"))
        assert said == "reached"
        with pytest.raises(WorkflowFailureError):
            await target.result()
    arrived = find(await events_of(target), "WorkflowExecutionCancelRequested")
    assert arrived["externalWorkflowExecution"]["workflowId"] == names("sender")
    initiated = find(
        await events_of(sender), "RequestCancelExternalWorkflowExecutionInitiated")
    assert arrived["externalInitiatedEventId"] == "5" and not initiated.get("childWorkflowOnly")
    await _assert_story(sender, *CANCEL, COMPLETED)
    await _assert_story(target, "WorkflowExecutionCancelRequested", "WorkflowExecutionCanceled")


@pytest.mark.parametrize("what", ["signal", "cancel"])
async def test_missing(client: Client, names, what: str) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        said, sender = await _reach(client, names, what, names("nobody"))
    assert said != "reached"
    failed = {
        "signal": "SignalExternalWorkflowExecutionFailed",
        "cancel": "RequestCancelExternalWorkflowExecutionFailed"}[what]
    events = await events_of(sender)
    assert find(events, failed)["cause"].endswith(NOT_FOUND)
    await _assert_story(sender, failed.replace("Failed", "Initiated"), failed, COMPLETED)


@pytest.mark.parametrize("what", ["signal", "cancel"])
async def test_itself(client: Client, names, what: str) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        said, sender = await _reach(client, names, what, names("sender"))
    assert said != "reached"
    events = await events_of(sender)
    failed = [name for name in types(events) if name.endswith("ExternalWorkflowExecutionFailed")]
    assert len(failed) == 1 and find(events, failed[0])["cause"].endswith(NOT_FOUND)
    await _assert_story(
        sender, failed[0].replace("Failed", "Initiated"), failed[0], COMPLETED)


async def test_signal_to_a_closed_workflow(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        target = await _target(client, names, "result")
        await target.result()
        said, sender = await _reach(client, names, "signal", names("target"))
    assert said != "reached"
    failed = find(await events_of(sender), "SignalExternalWorkflowExecutionFailed")
    assert failed["cause"].endswith(NOT_FOUND)
    await _assert_story(
        sender, SIGNAL[0], "SignalExternalWorkflowExecutionFailed", COMPLETED)
    await _assert_story(target, COMPLETED)


async def test_cancel_of_a_closed_workflow(client: Client, names) -> None:
    """It has nothing against it."""
    async with make_worker(client, names.task_queue, workflows=ALL):
        target = await _target(client, names, "result")
        await target.result()
        said, sender = await _reach(client, names, "cancel", names("target"))
    assert said == "reached"
    await _assert_story(sender, *CANCEL, COMPLETED)
    await _assert_story(target, COMPLETED)


async def test_named_run(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        target = await _target(client, names)
        said, sender = await _reach(
            client, names, "signal", names("target"), target.first_execution_run_id)
        assert said == "reached"
        assert await target.result() == ["from afar"]
    await _assert_story(sender, *SIGNAL, COMPLETED)
    await _assert_story(target, SIGNALED, COMPLETED)
    initiated = find(await events_of(sender), SIGNAL[0])["workflowExecution"]
    assert initiated["runId"] == target.first_execution_run_id


async def test_another_run(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        target = await _target(client, names)
        said, sender = await _reach(
            client, names, "signal", names("target"), "00000000-0000-4000-8000-000000000000")
    assert said != "reached"
    await _assert_story(
        sender, SIGNAL[0], "SignalExternalWorkflowExecutionFailed", COMPLETED)
    failed = find(await events_of(sender), "SignalExternalWorkflowExecutionFailed")
    assert failed["cause"].endswith(NOT_FOUND)
    await _assert_story(target)


def test_children_only(raw: RawClient, names) -> None:
    raw.start(names("stranger"), names("sq"))
    raw.start(names("p"), names("pq"))
    raw.respond(
        raw.next_workflow_task(names("pq")),
        signal_external(names("stranger"), child_workflow_only=True),
        cancel_external(names("stranger"), child_workflow_only=True))
    eventually_sync(lambda: len(
        [n for n in types(raw.history(names("p"))) if n.endswith("ExternalWorkflowExecutionFailed")]
    ) == 2)
    assert len(raw.history(names("stranger"))) == 2


def test_signals_beyond_the_limit(own_server, names) -> None:
    server = own_server(
        extra=["--dynamic-config-value", "history.maximumSignalsPerExecution=1"]).start()
    raw = RawClient(server.address)
    raw.start("x", "xq")
    raw.signal("x", "one")
    raw.start("w", "q")
    raw.respond(raw.next_workflow_task("q"), signal_external("x"))
    events = eventually_sync(lambda: _with(raw, "SignalExternalWorkflowExecutionFailed"))
    failed = find(events, "SignalExternalWorkflowExecutionFailed")
    assert failed["cause"].endswith("SIGNAL_COUNT_LIMIT_EXCEEDED")
    server.stop()


def _with(raw: RawClient, name: str):
    events = raw.history("w")
    return events if name in types(events) else None


def test_pending_limits(own_server) -> None:
    server = own_server(extra=[
        "--dynamic-config-value", "limit.numPendingChildExecutions.error=1",
        "--dynamic-config-value", "limit.numPendingActivities.error=1",
        "--dynamic-config-value", "limit.numPendingSignals.error=1",
        "--dynamic-config-value", "limit.numPendingCancelRequests.error=1"]).start()
    raw = RawClient(server.address)
    commands = {
        "PENDING_CHILD_WORKFLOWS": (start_child, "pending child workflow executions"),
        "PENDING_ACTIVITIES": (
            lambda name: schedule_activity(name, "aq", start_to_close=5), "pending activities"),
        "PENDING_SIGNALS": (signal_external, "pending signals to external workflows"),
        "PENDING_REQUEST_CANCEL": (
            cancel_external, "pending requests to cancel external workflows")}
    for number, (cause, (command, what)) in enumerate(commands.items()):
        raw.start(f"w{number}", "q")
        task = raw.next_workflow_task("q")
        with expect_error("INVALID_ARGUMENT", match=(
                f"the number of {what}, 1, has reached the per-workflow limit of 1$")):
            raw.respond(task, command("a"), command("b"))
        failed = find(raw.history(f"w{number}"), "WorkflowTaskFailed")
        assert failed["cause"] == f"WORKFLOW_TASK_FAILED_CAUSE_{cause}_LIMIT_EXCEEDED"
        raw.terminate(f"w{number}")
    server.stop()


def test_other_namespaces(own_server) -> None:
    """Not reached unless the server allows it; then children report back."""
    server = own_server(extra=[
        "--namespace", "other",
        "--dynamic-config-value", "system.enableCrossNamespaceCommands=true"]).start()
    raw, other = RawClient(server.address), RawClient(server.address, "other")
    other.start("x", "xq")
    raw.start("w", "q")
    raw.respond(
        raw.next_workflow_task("q"), start_child("c", namespace="other", task_queue="cq"),
        signal_external("x", namespace="other"))
    other.respond(other.next_workflow_task("cq"), complete("from afar"))
    events = eventually_sync(lambda: _with(raw, "ChildWorkflowExecutionCompleted"))
    assert find(events, "ChildWorkflowExecutionCompleted")["namespace"] == "other"
    assert find(events, "ExternalWorkflowExecutionSignaled")["namespace"] == "other"
    parent = find(other.history("c"), "WorkflowExecutionStarted")["parentWorkflowNamespace"]
    assert parent == "default"
    assert "WorkflowExecutionSignaled" in types(other.history("x"))
    server.stop()
