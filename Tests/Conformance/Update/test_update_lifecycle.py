"""Stages of an update, who may wait for them, and what the end of the workflow does to them."""

from __future__ import annotations

import time
import uuid

import pytest
from temporalio.api.enums.v1 import (
    EventType, ResourceExhaustedCause, ResourceExhaustedScope, WorkflowTaskFailedCause as Cause)

from Support.errors import expect_error
from Support.histories import assert_history, types
from Support.raw import (
    RawClient, cancel_workflow, complete, continue_as_new, execution, fail, payloads)
from Support.updates import (
    ACCEPTED, ADMITTED, CLOSING, COMPLETED, accept_update, acceptance, answer, begin_update,
    complete_update, completion, expect_closed_before_completion, idle, poll_fields, poll_update,
    rejection, update, update_fields)

CLOSES = {
    "completed": (complete, "WorkflowExecutionCompleted"),
    "failed": (lambda: fail("no more"), "WorkflowExecutionFailed"),
    "canceled": (cancel_workflow, "WorkflowExecutionCanceled"),
}


# Waiting.


def test_wait_for_acceptance(raw: RawClient, names) -> None:
    run_id = idle(raw, names)
    sent = begin_update(raw, names(), "u", stage=ACCEPTED)
    task = raw.next_workflow_task(names.task_queue)
    answer(raw, task, acceptance(task.messages[0]))
    result = sent.result()
    assert result.stage == ACCEPTED and not result.HasField("outcome")
    assert result.update_ref.workflow_execution == execution(names(), run_id)
    link = result.link.workflow_event
    assert (link.namespace, link.workflow_id, link.run_id) == ("default", names(), run_id)
    assert link.request_id_ref.event_type == (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
    assert types(raw.history(names()))[4:] == [
        "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted",
        "WorkflowExecutionUpdateAccepted"]


def test_link_of_a_rejection(raw: RawClient, names) -> None:
    run_id = idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    answer(raw, task, rejection(task.messages[0]))
    link = sent.result().link.workflow
    assert (link.namespace, link.workflow_id, link.run_id) == ("default", names(), run_id)
    assert link.reason == "Update rejected"
    assert len(raw.history(names())) == 4


@pytest.mark.parametrize("stage", [0, ACCEPTED, COMPLETED], ids=["none", "accepted", "completed"])
def test_completed_at_once_is_told_at_once(raw: RawClient, names, stage: int) -> None:
    """Who waits for less gets the outcome if it is there; no stage means completed."""
    idle(raw, names)
    sent = begin_update(raw, names(), "u", stage=stage)
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, 1))
    result = sent.result()
    assert result.stage == COMPLETED and result.outcome.success == payloads(1)
    assert types(raw.history(names()))[7:] == [
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]


def test_no_stage_waits_for_completion(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u", stage=0)
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    answer(raw, task, acceptance(asked))
    raw.signal(names(), "s")
    task = raw.next_workflow_task(names.task_queue)
    assert not sent.done()
    answer(raw, task, completion(asked, 1))
    assert sent.result().stage == COMPLETED


def test_polls_of_every_stage(raw: RawClient, names) -> None:
    run_id = idle(raw, names)
    sent = begin_update(raw, names(), "u")
    seen = poll_update(raw, names(), "u")
    assert seen.stage == ADMITTED and not seen.HasField("outcome")
    assert seen.update_ref.update_id == "u"
    assert seen.update_ref.workflow_execution == execution(names(), run_id)
    waiting = {stage: raw.begin("PollWorkflowExecutionUpdate", **poll_fields(
        names(), "u", stage=stage)) for stage in (ACCEPTED, COMPLETED)}
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    assert poll_update(raw, names(), "u").stage == ADMITTED, "with a worker"
    assert not waiting[ACCEPTED].done()
    answer(raw, task, acceptance(asked))
    assert waiting[ACCEPTED].result().stage == ACCEPTED
    assert poll_update(raw, names(), "u").stage == ACCEPTED
    assert poll_update(raw, names(), "u", stage=ACCEPTED).stage == ACCEPTED
    assert not waiting[COMPLETED].done()
    raw.signal(names(), "s")
    answer(raw, raw.next_workflow_task(names.task_queue), completion(asked, 1))
    for reply in (
        waiting[COMPLETED].result(), sent.result(), poll_update(raw, names(), "u"),
        poll_update(raw, names(), "u", run_id=run_id, stage=ACCEPTED),
        poll_update(raw, names(), "u", stage=COMPLETED),
    ):
        assert reply.stage == COMPLETED and reply.outcome.success == payloads(1)
        assert reply.update_ref.workflow_execution == execution(names(), run_id)
    assert types(raw.history(names()))[-1] == "WorkflowExecutionUpdateCompleted"


def test_poll_without_a_policy(raw: RawClient, names) -> None:
    idle(raw, names)
    complete_update(raw, names, "u", result=1)
    fields = poll_fields(names(), "u")
    del fields["wait_policy"]
    assert raw.call("PollWorkflowExecutionUpdate", **fields).outcome.success == payloads(1)


def test_no_worker(raw: RawClient, names) -> None:
    """The server waits for 20 seconds, then says how far the update came."""
    run_id = idle(raw, names)
    began = time.monotonic()
    sent = begin_update(raw, names(), "u", timeout=40)
    accepting = begin_update(raw, names(), "v", stage=ACCEPTED, timeout=40)
    polling = raw.begin("PollWorkflowExecutionUpdate", timeout=40, **poll_fields(
        names(), "u", stage=COMPLETED))
    for future in (sent, accepting, polling):
        reply = future.result()
        assert 18 < time.monotonic() - began < 28
        assert reply.stage == ADMITTED and not reply.HasField("outcome")
        assert reply.update_ref.workflow_execution.run_id == run_id
    task = raw.next_workflow_task(names.task_queue)
    assert [m.protocol_instance_id for m in task.messages] == ["u", "v"]
    answer(raw, task, *(rejection(asked) for asked in task.messages))
    assert types(raw.history(names()))[4:] == [
        "WorkflowTaskScheduled", "WorkflowTaskTimedOut", "WorkflowTaskScheduled",
        "WorkflowTaskStarted", "WorkflowTaskCompleted"]


def test_client_that_waits_less(raw: RawClient, names) -> None:
    idle(raw, names)
    with expect_error("DEADLINE_EXCEEDED"):
        update(raw, names(), "u", timeout=1)
    assert poll_update(raw, names(), "u").stage == ADMITTED, "the update goes on"
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, 1))
    assert poll_update(raw, names(), "u").outcome.success == payloads(1)
    assert types(raw.history(names()))[7:] == [
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]


# Ids.


def test_same_id_while_it_is_admitted(raw: RawClient, names) -> None:
    idle(raw, names)
    first = begin_update(raw, names(), "u", 1)
    second = raw.begin("UpdateWorkflowExecution", **update_fields(names(), "u", 2))
    time.sleep(0.3)  # No call shows that a second one waits for the same update.
    task = raw.next_workflow_task(names.task_queue)
    [asked] = task.messages
    third = raw.begin("UpdateWorkflowExecution", **update_fields(names(), "u", 3))
    answer(raw, task, acceptance(asked), completion(asked, "once"))
    for sent in (first, second, third):
        assert sent.result().outcome.success == payloads("once")
    assert types(raw.history(names())).count("WorkflowExecutionUpdateAccepted") == 1


def test_same_id_afterwards(raw: RawClient, names) -> None:
    run_id = idle(raw, names)
    result = complete_update(raw, names, "u", result="once")
    before = types(raw.history(names()))
    again = update(raw, names(), "u")
    assert again == result
    assert update(raw, names(), "u", run_id=run_id, stage=ACCEPTED).outcome == result.outcome
    assert types(raw.history(names())) == before
    assert not raw.poll_workflow(names.task_queue, timeout=2.2).task_token


def test_same_id_while_it_is_accepted(raw: RawClient, names) -> None:
    idle(raw, names)
    asked = accept_update(raw, names, "u")
    assert update(raw, names(), "u", stage=ACCEPTED).stage == ACCEPTED
    sent = begin_update(raw, names(), "u")
    assert len(raw.history(names())) == 8, "no task for it"
    raw.signal(names(), "s")
    answer(raw, raw.next_workflow_task(names.task_queue), completion(asked, 1))
    assert sent.result().outcome.success == payloads(1)


def test_id_is_made_by_the_server(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    sent = raw.begin("UpdateWorkflowExecution", **update_fields(names(), ""))
    time.sleep(0.5)  # An update without an id cannot be asked for.
    task = raw.next_workflow_task(names.task_queue)
    [asked] = task.messages
    answer(raw, task, acceptance(asked), completion(asked, 1))
    update_id = sent.result().update_ref.update_id
    assert str(uuid.UUID(update_id)) == update_id == asked.protocol_instance_id
    assert poll_update(raw, names(), update_id).outcome.success == payloads(1)
    assert types(raw.history(names()))[4:] == [
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]


def test_first_run_id(raw: RawClient, names) -> None:
    run_id = idle(raw, names)
    with expect_error("NOT_FOUND", match="^workflow execution not found$"):
        update(raw, names(), "u", first_run_id=str(uuid.uuid4()))
    sent = begin_update(raw, names(), "u", first_run_id=run_id)
    task = raw.next_workflow_task(names.task_queue)
    answer(raw, task, rejection(task.messages[0]))
    assert sent.result().stage == COMPLETED
    assert len(raw.history(names())) == 4


# The end of the workflow.


@pytest.mark.parametrize("close", CLOSES)
def test_closed_while_admitted(raw: RawClient, names, close: str) -> None:
    command, event = CLOSES[close]
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    sent = begin_update(raw, names(), "u")
    raw.respond(task, command())
    with expect_error("NOT_FOUND", match=CLOSING):
        sent.result()
    assert types(raw.history(names()))[3:] == ["WorkflowTaskCompleted", event]
    with expect_error("NOT_FOUND", match="^workflow execution already completed$"):
        update(raw, names(), "u")


@pytest.mark.parametrize("close", CLOSES)
def test_closed_while_with_a_worker(raw: RawClient, names, close: str) -> None:
    """A worker that closes the workflow need not answer what it was asked."""
    command, event = CLOSES[close]
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    raw.respond(raw.next_workflow_task(names.task_queue), command())
    with expect_error("NOT_FOUND", match=CLOSING):
        sent.result()
    assert types(raw.history(names()))[6:] == ["WorkflowTaskCompleted", event]


@pytest.mark.parametrize("close", CLOSES)
def test_closed_with_the_acceptance(raw: RawClient, names, close: str) -> None:
    command, event = CLOSES[close]
    idle(raw, names)
    sent = begin_update(raw, names(), "u", stage=ACCEPTED)
    task = raw.next_workflow_task(names.task_queue)
    answer(raw, task, acceptance(task.messages[0]), then=(command(),))
    result = sent.result()
    assert result.stage == COMPLETED
    expect_closed_before_completion(result.outcome)
    expect_closed_before_completion(update(raw, names(), "u").outcome)
    assert poll_update(raw, names(), "u").outcome == result.outcome
    assert types(raw.history(names()))[6:] == [
        "WorkflowTaskCompleted", "WorkflowExecutionUpdateAccepted", event]


@pytest.mark.parametrize("how", ["terminated", "timed-out"])
def test_ended_while_accepted(raw: RawClient, names, how: str) -> None:
    raw.start(names(), names.task_queue, run_timeout=3 if how == "timed-out" else 0)
    raw.respond(raw.next_workflow_task(names.task_queue))
    accept_update(raw, names, "u")
    sent = begin_update(raw, names(), "u")
    if how == "terminated":
        raw.terminate(names())
    expect_closed_before_completion(sent.result().outcome)
    seen = poll_update(raw, names(), "u", stage=COMPLETED)
    assert seen.stage == COMPLETED
    expect_closed_before_completion(seen.outcome)
    assert types(raw.history(names()))[7:] == [
        "WorkflowExecutionUpdateAccepted",
        "WorkflowExecutionTerminated" if how == "terminated" else "WorkflowExecutionTimedOut"]


@pytest.mark.parametrize("close", CLOSES)
def test_completed_and_closed_together(raw: RawClient, names, close: str) -> None:
    command, event = CLOSES[close]
    run_id = idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, "last words"), then=(command(),))
    result = sent.result()
    assert result.outcome.success == payloads("last words")
    assert update(raw, names(), "u") == result
    assert poll_update(raw, names(), "u", run_id=run_id).outcome == result.outcome
    with expect_error("NOT_FOUND", match="^workflow execution already completed$"):
        update(raw, names(), "another")
    with expect_error("NOT_FOUND", match='^update "another" not found$'):
        poll_update(raw, names(), "another")
    assert types(raw.history(names()))[7:] == [
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted", event]


def test_rejected_and_closed_together(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    answer(raw, task, rejection(task.messages[0]), then=(complete(),))
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names()))[6:] == [
        "WorkflowTaskCompleted", "WorkflowExecutionCompleted"]


def test_close_command_before_the_acceptance(raw: RawClient, names) -> None:
    """Messages without a command come after the close, and a closed workflow accepts nothing."""
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    raw.respond(task, complete(), messages=[acceptance(task.messages[0])])
    with expect_error("NOT_FOUND", match=CLOSING):
        sent.result()
    assert types(raw.history(names()))[6:] == [
        "WorkflowTaskCompleted", "WorkflowExecutionCompleted"]


def test_continued_as_new(raw: RawClient, names) -> None:
    """An accepted update ends with its run; one that was only admitted is sent again."""
    first = idle(raw, names)
    accepted = begin_update(raw, names(), "accepted")
    task = raw.next_workflow_task(names.task_queue)
    admitted = begin_update(raw, names(), "admitted")
    answer(
        raw, task, acceptance(task.messages[0]), then=(continue_as_new("Raw", names.task_queue),))
    expect_closed_before_completion(accepted.result().outcome)
    with expect_error(
        "RESOURCE_EXHAUSTED", detail="ResourceExhaustedFailure",
        match="^workflow operation can not be applied because workflow is closing$") as caught:
        admitted.result()
    assert caught.detail.cause == ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW
    again = begin_update(raw, names(), "admitted", first_run_id=first)
    task = raw.next_workflow_task(names.task_queue)
    [asked] = task.messages
    assert asked.event_id == 2
    answer(raw, task, acceptance(asked), completion(asked, 1))
    result = again.result()
    assert result.outcome.success == payloads(1)
    assert result.update_ref.workflow_execution.run_id == task.workflow_execution.run_id != first
    assert types(raw.history(names(), first))[6:] == [
        "WorkflowTaskCompleted", "WorkflowExecutionUpdateAccepted",
        "WorkflowExecutionContinuedAsNew"]
    assert types(raw.history(names()))[3:] == [
        "WorkflowTaskCompleted", "WorkflowExecutionUpdateAccepted",
        "WorkflowExecutionUpdateCompleted"]
    expect_closed_before_completion(poll_update(raw, names(), "accepted", run_id=first).outcome)
    with expect_error("NOT_FOUND", match='^update "accepted" not found$'):
        poll_update(raw, names(), "accepted")


def test_workflow_that_tries_to_close(raw: RawClient, names) -> None:
    """After a close that a signal prevented, no update may come between it and the next one."""
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "s")
    with expect_error("INVALID_ARGUMENT", match="UnhandledCommand"):
        raw.respond(task, complete())
    task = raw.next_workflow_task(names.task_queue)
    with expect_error(
        "RESOURCE_EXHAUSTED", detail="ResourceExhaustedFailure",
        match="^workflow operation can not be applied because workflow is closing$") as caught:
        update(raw, names(), "u")
    assert caught.detail.cause == ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW
    assert caught.detail.scope == ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE
    raw.respond(task, complete())
    assert types(raw.history(names()))[-2:] == [
        "WorkflowTaskCompleted", "WorkflowExecutionCompleted"]


def test_workflow_whose_task_keeps_failing(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    for _ in range(2):
        raw.fail_workflow_task(
            raw.next_workflow_task(names.task_queue),
            Cause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE)
    text = (r"^Unable to perform workflow execution update due to Workflow Task in failed "
            r"state\.$")
    with expect_error("FAILED_PRECONDITION", detail="WorkflowNotReadyFailure", match=text):
        update(raw, names(), "u")
    with expect_error("NOT_FOUND", match='^update "u" not found$'):
        poll_update(raw, names(), "u")
    raw.respond(raw.next_workflow_task(names.task_queue))
    assert complete_update(raw, names, "u", result=1).outcome.success == payloads(1)
    assert types(raw.history(names()))[3] == "WorkflowTaskFailed"


def test_reported_in_the_history_as_it_grows(raw: RawClient, names) -> None:
    idle(raw, names)
    complete_update(raw, names, "u")
    completed = raw.wait_event(names(), EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED)
    assert completed.event_id == 9
    reverse = raw.call("GetWorkflowExecutionHistoryReverse", execution=execution(names()))
    assert_history(list(reversed(reverse.history.events))[7:], """
        8 WorkflowExecutionUpdateAccepted
        9 WorkflowExecutionUpdateCompleted
    """)
