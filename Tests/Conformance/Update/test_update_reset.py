"""Resets and updates: what was accepted after the reset point is asked again on the new run."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from temporalio.api.enums.v1 import ResetReapplyExcludeType, ResetReapplyType
from temporalio.api.protocol.v1 import Message
from temporalio.client import Client, WorkflowUpdateStage

from Support.histories import assert_history, find, story, types
from Support.programs import Updatable
from Support.raw import RawClient, execution, payloads
from Support.sdk import events_of, make_worker, replayed
from Support.updates import (
    ADMITTED, COMPLETED, accept_update, acceptance, answer, begin_update, complete_update,
    completion, idle, poll_update, rejection, update)

BEGINNING = ["WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
             "WorkflowTaskFailed"]


def reset(raw: RawClient, workflow_id: str, event_id: int = 4, **fields: Any) -> str:
    """Resets, and returns the new run's id."""
    return raw.call(
        "ResetWorkflowExecution", workflow_execution=execution(workflow_id), reason="again",
        workflow_task_finish_event_id=event_id, request_id=str(uuid.uuid4()), **fields).run_id


def from_history(update_id: str, event_id: int) -> Message:
    """How a worker finds an update that history holds and no message brings."""
    return Message(
        id=f"{update_id}/request", protocol_instance_id=update_id, event_id=event_id)


def test_completed_update_is_asked_again(raw: RawClient, names) -> None:
    base = idle(raw, names)
    complete_update(raw, names, "u", "word", result="old")
    run_id = reset(raw, names())
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"}
        5 WorkflowExecutionUpdateAdmitted {"origin": "UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY", "request": {"meta": {"updateId": "u", "identity": "raw-client"}, "input": {"name": "change", "args": ["word"]}}}
        6 WorkflowTaskScheduled
    """)
    assert poll_update(raw, names(), "u", run_id=run_id).stage == ADMITTED
    assert poll_update(raw, names(), "u", run_id=base).outcome.success == payloads("old")
    task = raw.next_workflow_task(names.task_queue)
    assert not task.messages, "the event holds the request"
    asked = from_history("u", 5)
    answer(raw, task, acceptance(asked), completion(asked, "new"))
    assert poll_update(raw, names(), "u", stage=COMPLETED).outcome.success == payloads("new")
    assert_history(raw.history(names(), run_id)[6:], """
        7 WorkflowTaskStarted
        8 WorkflowTaskCompleted
        9 WorkflowExecutionUpdateAccepted {"protocolInstanceId": "u", "acceptedRequestMessageId": "u/request", "acceptedRequestSequencingEventId": "5", "acceptedRequest": null}
        10 WorkflowExecutionUpdateCompleted {"acceptedEventId": "9", "outcome": {"success": ["new"]}}
    """)


def test_accepted_update_is_asked_again(raw: RawClient, names) -> None:
    idle(raw, names)
    accept_update(raw, names, "u")
    run_id = reset(raw, names())
    assert types(raw.history(names(), run_id)) == [
        *BEGINNING, "WorkflowExecutionUpdateAdmitted", "WorkflowTaskScheduled"]
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    asked = from_history("u", 5)
    answer(raw, task, acceptance(asked), completion(asked, 1))
    assert sent.result().outcome.success == payloads(1), "the same id is the same update"
    assert sent.result().update_ref.workflow_execution.run_id == run_id


def test_rejected_after_the_reset(raw: RawClient, names) -> None:
    idle(raw, names)
    complete_update(raw, names, "u", result="old")
    run_id = reset(raw, names())
    task = raw.next_workflow_task(names.task_queue)
    answer(raw, task, rejection(from_history("u", 5)))
    assert types(raw.history(names(), run_id)) == [
        *BEGINNING, "WorkflowExecutionUpdateAdmitted", "WorkflowTaskScheduled",
        "WorkflowTaskStarted", "WorkflowTaskCompleted"]


def test_order_of_signals_and_updates(raw: RawClient, names) -> None:
    idle(raw, names)
    raw.signal(names(), "one")
    raw.respond(raw.next_workflow_task(names.task_queue))
    complete_update(raw, names, "u")
    raw.signal(names(), "two")
    run_id = reset(raw, names())
    events = raw.history(names(), run_id)
    assert types(events) == [
        *BEGINNING, "WorkflowExecutionSignaled", "WorkflowExecutionUpdateAdmitted",
        "WorkflowExecutionSignaled", "WorkflowTaskScheduled"]
    assert find(events, "WorkflowExecutionSignaled", 1)["signalName"] == "two"


@pytest.mark.parametrize("fields", [
    {"reset_reapply_exclude_types": [
        ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE]},
    {"reset_reapply_type": ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL},
], ids=["excluded", "signals-only"])
def test_updates_left_out(raw: RawClient, names, fields: dict[str, Any]) -> None:
    idle(raw, names)
    complete_update(raw, names, "u", result="old")
    raw.signal(names(), "s")
    run_id = reset(raw, names(), **fields)
    assert types(raw.history(names(), run_id)) == [
        *BEGINNING, "WorkflowExecutionSignaled", "WorkflowTaskScheduled"]
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    [asked] = task.messages
    answer(raw, task, acceptance(asked), completion(asked, "new"))
    assert sent.result().outcome.success == payloads("new")


def test_nothing_reapplied(raw: RawClient, names) -> None:
    idle(raw, names)
    complete_update(raw, names, "u")
    raw.signal(names(), "s")
    run_id = reset(
        raw, names(), reset_reapply_type=ResetReapplyType.RESET_REAPPLY_TYPE_NONE)
    assert types(raw.history(names(), run_id)) == [*BEGINNING, "WorkflowTaskScheduled"]


def test_reset_again(raw: RawClient, names) -> None:
    """An update that history admitted and accepted is admitted once."""
    idle(raw, names)
    complete_update(raw, names, "u", "word")
    reset(raw, names())
    task = raw.next_workflow_task(names.task_queue)
    asked = from_history("u", 5)
    answer(raw, task, acceptance(asked), completion(asked, 1))
    run_id = reset(raw, names())
    assert_history(raw.history(names(), run_id)[4:], """
        5 WorkflowExecutionUpdateAdmitted {"origin": "UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY", "request": {"meta": {"updateId": "u"}, "input": {"args": ["word"]}}}
        6 WorkflowTaskScheduled
    """)


def test_update_before_the_reset_point_is_kept(raw: RawClient, names) -> None:
    idle(raw, names)
    complete_update(raw, names, "kept", result=1)
    complete_update(raw, names, "again", result=2)
    run_id = reset(raw, names(), 12)
    assert types(raw.history(names(), run_id)) == [
        "WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskCompleted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskCompleted", "WorkflowExecutionUpdateAccepted",
        "WorkflowExecutionUpdateCompleted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskFailed", "WorkflowExecutionUpdateAdmitted", "WorkflowTaskScheduled"]
    assert update(raw, names(), "kept").outcome.success == payloads(1)
    assert poll_update(raw, names(), "again").stage == ADMITTED


async def test_sdk_worker_runs_updates_again(client: Client, raw: RawClient, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await client.start_workflow(
            Updatable.run, id=names(), task_queue=names.task_queue)
        assert await handle.execute_update(Updatable.add, 1, id="u1") == 1
        assert await handle.execute_update(Updatable.add, 2, id="u2") == 3
        run_id = reset(raw, names(), _first_completed(await events_of(handle)))
        current = client.get_workflow_handle(names(), run_id=run_id)
        assert await current.get_update_handle_for(Updatable.add, "u2").result() == 3
        assert await current.query(Updatable.so_far) == 3
        later = await current.start_update(
            Updatable.add, 4, wait_for_stage=WorkflowUpdateStage.COMPLETED)
        assert await later.result() == 7
        await current.signal(Updatable.finish)
        assert await current.result() == 7
    assert story(await replayed(current, Updatable)) == [
        "WorkflowExecutionStarted", "WorkflowTaskFailed",
        *["WorkflowExecutionUpdateAdmitted"] * 2,
        *["WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"] * 3,
        "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"]


def _first_completed(events: list[Any]) -> int:
    return next(
        e.event_id for e in events if e.HasField("workflow_task_completed_event_attributes"))
