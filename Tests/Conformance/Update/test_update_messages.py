"""What a worker answers an update with: the order of messages, and wrong ones."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.protocol.v1 import Message
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.update.v1 import Meta, Outcome, Response

from Support.errors import expect_error
from Support.histories import assert_history, find, types
from Support.raw import RawClient, complete, failure, marker, payloads
from Support.updates import (
    ACCEPTED, COMPLETED, acceptance, answer, begin_update, completion, expect_task_failed, idle,
    packed, poll_update, protocol_message, rejection, request_in)

BAD = "WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE"
FIRST_TASK = ["WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted"]
OK = Outcome(success=payloads(1))

Answer = Callable[[Message], tuple[list[Message], list[Command]]]


def given(*messages: Message, commands: list[Command] | None = None) -> Any:
    """Messages with their commands, or with those named."""
    if commands is None:
        commands = [protocol_message(message.id) for message in messages]
    return list(messages), commands


def with_body(asked: Message, body: AnyMessage) -> Message:
    return Message(id="m", protocol_instance_id=asked.protocol_instance_id, body=body)


WRONG: dict[str, tuple[Answer, str]] = {
    "unknown-update": (
        lambda m: given(acceptance(m, instance="other", accepted_request=None)),
        "update other wasn't found on the server. This is most likely a transient error which "
        "will be resolved automatically by retries"),
    "absent-message": (
        lambda m: given(commands=[protocol_message("nowhere")]),
        "ProtocolMessageCommand referenced absent message ID nowhere"),
    "same-message-twice": (
        lambda m: given(acceptance(m, id="x"), commands=[protocol_message("x")] * 2),
        "ProtocolMessageCommand referenced absent message ID x"),
    "command-without-an-id": (
        lambda m: given(commands=[protocol_message("")]),
        r"MessageID is not set on ProtocolMessageCommand\."),
    "completed-without-acceptance": (
        lambda m: given(completion(m, 1)),
        r"invalid state transition attempted for Update u: received \*update\.Response message "
        "while in state Sent"),
    "accepted-twice": (
        lambda m: given(acceptance(m, id="1"), acceptance(m, id="2")),
        r"invalid state transition attempted for Update u: received \*update\.Acceptance message "
        "while in state ProvisionallyAccepted"),
    "rejected-after-acceptance": (
        lambda m: given(acceptance(m), rejection(m)),
        r"received \*update\.Rejection message while in state ProvisionallyAccepted"),
    "completed-twice": (
        lambda m: given(acceptance(m), completion(m, 1, id="1"), completion(m, 1, id="2")),
        r"received \*update\.Response message while in state ProvisionallyCompleted"),
    "commands-in-the-wrong-order": (
        lambda m: given(acceptance(m, id="a"), completion(m, 1, id="c"),
                        commands=[protocol_message("c"), protocol_message("a")]),
        "invalid state transition attempted"),
    "acceptance-without-message-id": (
        lambda m: given(acceptance(m, accepted_request_message_id=None)),
        r"invalid \*update\.Acceptance: accepted_request_message_id is not set"),
    "acceptance-without-event-id": (
        lambda m: given(acceptance(m, accepted_request_sequencing_event_id=None)),
        r"invalid \*update\.Acceptance: accepted_request_sequencing_event_id is not set"),
    "completion-without-meta": (
        lambda m: given(acceptance(m), completion(m, body=Response(outcome=OK))),
        r"invalid \*update\.Response: meta is not set"),
    "completion-without-update-id": (
        lambda m: given(acceptance(m), completion(m, body=Response(meta=Meta(), outcome=OK))),
        r"invalid \*update\.Response: meta\.update_id is not set"),
    "completion-of-another-update": (
        lambda m: given(acceptance(m), completion(
            m, body=Response(meta=Meta(update_id="other"), outcome=OK))),
        r"invalid \*update\.Response: meta\.update_id != u"),
    "completion-without-outcome": (
        lambda m: given(acceptance(m), completion(m, body=Response(meta=Meta(update_id="u")))),
        r"invalid \*update\.Response: outcome is not set"),
    "body-is-a-request": (
        lambda m: given(with_body(m, packed(request_in(m)))),
        r"Message type \*update\.Request not supported"),
    "body-of-another-protocol": (
        lambda m: given(with_body(m, packed(WorkflowQuery(query_type="q")))),
        r"unsupported protocol type temporal\.api\.query\.v1"),
    "body-that-is-junk": (
        lambda m: given(with_body(m, AnyMessage(type_url=acceptance(m).body.type_url,
                                                value=b"\xff\xff\xff"))),
        "unable to unmarshal request"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_answer_fails_the_task(raw: RawClient, names, case: str) -> None:
    make, text = WRONG[case]
    raw.start(names(), names.task_queue)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    messages, commands = make(task.messages[0])
    with expect_error("INVALID_ARGUMENT", match=text):
        raw.respond(task, *commands, messages=messages)
    expect_task_failed(sent)
    events = raw.stored_history(names())
    assert types(events) == [*FIRST_TASK, "WorkflowTaskFailed"]
    failed = find(events, "WorkflowTaskFailed")
    assert failed["cause"] == BAD and failed["identity"] == "raw-client"
    assert "source" not in failed["failure"]
    retried = raw.next_workflow_task(names.task_queue)
    assert retried.attempt == 2 and not retried.messages
    raw.respond(retried, complete())


def test_wrong_answer_to_a_speculative_task(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT", match="invalid state transition"):
        answer(raw, task, completion(task.messages[0], 1))
    expect_task_failed(sent)
    assert_history(raw.stored_history(names())[4:], f"""
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted
        7 WorkflowTaskFailed {{"scheduledEventId": "5", "startedEventId": "6", "cause": "{BAD}"}}
    """)
    retried = raw.next_workflow_task(names.task_queue)
    assert retried.attempt == 2 and not retried.messages
    raw.respond(retried, marker("well"))
    assert types(raw.history(names()))[7:] == [
        "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted", "MarkerRecorded"]


def test_wrong_answer_undoes_the_right_ones(raw: RawClient, names) -> None:
    """Commands and messages before the wrong one have no effect."""
    idle(raw, names)
    first, second = (begin_update(raw, names(), update_id) for update_id in ("first", "second"))
    task = raw.next_workflow_task(names.task_queue)
    one, two = task.messages
    with expect_error("INVALID_ARGUMENT", match="invalid state transition"):
        answer(raw, task, acceptance(one), completion(one, 1), completion(two, 2))
    for sent in (first, second):
        expect_task_failed(sent)
    assert types(raw.stored_history(names()))[4:] == [
        "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskFailed"]
    with expect_error("NOT_FOUND", match='^update "first" not found$'):
        poll_update(raw, names(), "first")


def test_wrong_answer_to_a_later_attempt(raw: RawClient, names) -> None:
    """Nothing is written: the attempt runs into its timeout."""
    raw.start(names(), names.task_queue, task_timeout=1)
    raw.fail_workflow_task(
        raw.next_workflow_task(names.task_queue),
        Cause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    assert task.attempt == 2 and len(task.messages) == 1
    with expect_error("INVALID_ARGUMENT", match="invalid state transition"):
        answer(raw, task, completion(task.messages[0], 1))
    expect_task_failed(sent)
    assert types(raw.stored_history(names())) == [*FIRST_TASK, "WorkflowTaskFailed"]
    assert raw.next_workflow_task(names.task_queue).attempt == 3


def test_message_without_a_body_is_refused_and_the_task_stays(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    with expect_error("INVALID_ARGUMENT", match="^nil message body$"):
        raw.respond(task, messages=[Message(id="m", protocol_instance_id="u")])
    assert types(raw.stored_history(names())) == FIRST_TASK
    answer(raw, task, acceptance(asked), completion(asked, 1))
    assert sent.result().outcome.success == payloads(1)


def test_commands_are_not_needed(raw: RawClient, names) -> None:
    """Messages without a command take place after all commands, in their order."""
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    raw.respond(task, marker("m"), messages=[acceptance(asked), completion(asked, 1)])
    assert sent.result().outcome.success == payloads(1)
    assert types(raw.history(names()))[6:] == [
        "WorkflowTaskCompleted", "MarkerRecorded", "WorkflowExecutionUpdateAccepted",
        "WorkflowExecutionUpdateCompleted"]


def test_commands_order_messages(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    raw.respond(
        task, marker("before"), protocol_message("a"), marker("between"), protocol_message("c"),
        marker("after"), messages=[completion(asked, 1, id="c"), acceptance(asked, id="a")])
    assert sent.result().outcome.success == payloads(1)
    assert_history(raw.history(names())[6:], """
        7 WorkflowTaskCompleted
        8 MarkerRecorded {"markerName": "before"}
        9 WorkflowExecutionUpdateAccepted {"acceptedRequestMessageId": "u/request"}
        10 MarkerRecorded {"markerName": "between"}
        11 WorkflowExecutionUpdateCompleted {"acceptedEventId": "9"}
        12 MarkerRecorded {"markerName": "after"}
    """)


def test_update_the_server_forgot(raw: RawClient, names) -> None:
    """A worker that brings the request back accepts what the server no longer knows."""
    idle(raw, names)
    sent = begin_update(raw, names(), "u", "word")
    task = raw.next_workflow_task(names.task_queue)
    answer(raw, task, acceptance(task.messages[0], instance="forgotten"))
    assert sent.result().outcome.failure.application_failure_info.type == "UnprocessedUpdate"
    assert poll_update(raw, names(), "forgotten").stage == ACCEPTED
    assert_history(raw.history(names())[4:], """
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 WorkflowExecutionUpdateAccepted {"protocolInstanceId": "forgotten", "acceptedRequestMessageId": "forgotten/request", "acceptedRequest": {"input": {"args": ["word"]}}}
    """)


def test_accepted_now_and_completed_later(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    answer(raw, task, acceptance(asked))
    raw.signal(names(), "go on")
    task = raw.next_workflow_task(names.task_queue)
    assert not task.messages, "an accepted update is not sent again"
    assert not sent.done()
    answer(raw, task, completion(asked, "late"))
    assert sent.result().outcome.success == payloads("late")
    assert_history(raw.history(names())[7:], """
        8 WorkflowExecutionUpdateAccepted
        9 WorkflowExecutionSignaled
        10 WorkflowTaskScheduled
        11 WorkflowTaskStarted
        12 WorkflowTaskCompleted
        13 WorkflowExecutionUpdateCompleted {"acceptedEventId": "8", "outcome": {"success": ["late"]}}
    """)


def test_two_updates_that_overlap(raw: RawClient, names) -> None:
    idle(raw, names)
    first = begin_update(raw, names(), "first")
    task = raw.next_workflow_task(names.task_queue)
    one = task.messages[0]
    answer(raw, task, acceptance(one))
    second = begin_update(raw, names(), "second")
    task = raw.next_workflow_task(names.task_queue)
    [two] = task.messages
    assert two.protocol_instance_id == "second" and two.event_id == 9
    answer(raw, task, acceptance(two), completion(two, 2), completion(one, 1))
    assert first.result().outcome.success == payloads(1)
    assert second.result().outcome.success == payloads(2)
    assert_history(raw.history(names())[7:], """
        8 WorkflowExecutionUpdateAccepted {"protocolInstanceId": "first", "acceptedRequestSequencingEventId": "5"}
        9 WorkflowTaskScheduled
        10 WorkflowTaskStarted
        11 WorkflowTaskCompleted
        12 WorkflowExecutionUpdateAccepted {"protocolInstanceId": "second", "acceptedRequestSequencingEventId": "9"}
        13 WorkflowExecutionUpdateCompleted {"acceptedEventId": "12"}
        14 WorkflowExecutionUpdateCompleted {"acceptedEventId": "8"}
    """)


def test_update_that_fails(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, failed="went wrong"))
    result = sent.result()
    assert result.stage == COMPLETED and result.outcome.failure == failure("went wrong")
    assert poll_update(raw, names(), "u").outcome == result.outcome
    completed = find(raw.history(names()), "WorkflowExecutionUpdateCompleted")
    assert completed["outcome"]["failure"]["message"] == "went wrong"


def test_answer_that_is_too_large_ends_the_workflow(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    text = r"Message type temporal\.api\.update\.v1\.Response exceeds size limit\."
    with expect_error("INVALID_ARGUMENT", match=text):
        answer(raw, task, acceptance(asked), completion(asked, "x" * (2 * 1024 * 1024 + 1)))
    with expect_error("FAILED_PRECONDITION"):
        sent.result()
    assert types(raw.history(names()))[4:] == [
        "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskFailed",
        "WorkflowExecutionTerminated"]
