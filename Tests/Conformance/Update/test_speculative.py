"""Speculative workflow tasks: an update's own task, written only if it changed the workflow."""

from __future__ import annotations

import time

import pytest
from temporalio.api.enums.v1 import EventType, QueryResultType, WorkflowTaskFailedCause as Cause
from temporalio.api.query.v1 import WorkflowQuery, WorkflowQueryResult

from Support.errors import expect_error
from Support.histories import assert_history, types
from Support.raw import (
    IDENTITY, RawClient, complete, execution, marker, payloads, schedule_activity)
from Support.updates import (
    ADMITTED, CLOSING, COMPLETED, acceptance, answer, begin_update, completion, idle, poll_update,
    rejection, request_in)

IDLE = ["WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskCompleted"]
CAPABLE = {"discard_speculative_workflow_task_with_events": True}
FAILURE = Cause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE


def test_accepted_and_completed(raw: RawClient, names) -> None:
    run_id = idle(raw, names)
    sent = begin_update(raw, names(), "u", {"by": 1})
    assert types(raw.stored_history(names())) == IDLE
    task = raw.next_workflow_task(names.task_queue)
    assert types(task.history.events) == [*IDLE, "WorkflowTaskScheduled", "WorkflowTaskStarted"]
    assert [e.event_id for e in task.history.events] == [1, 2, 3, 4, 5, 6]
    assert (task.previous_started_event_id, task.started_event_id, task.attempt) == (3, 6, 1)
    [asked] = task.messages
    assert (asked.id, asked.protocol_instance_id, asked.event_id) == ("u/request", "u", 5)
    request = request_in(asked)
    assert (request.meta.update_id, request.meta.identity) == ("u", IDENTITY)
    assert (request.input.name, request.input.args) == ("change", payloads({"by": 1}))
    assert types(raw.stored_history(names())) == IDLE, "a started one is not written either"
    reply = answer(raw, task, acceptance(asked), completion(asked, "changed"))
    assert reply.reset_history_event_id == 0
    result = sent.result()
    assert result.stage == COMPLETED and result.outcome.success == payloads("changed")
    assert result.update_ref.update_id == "u"
    assert result.update_ref.workflow_execution == execution(names(), run_id)
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowTaskScheduled {"attempt": 1}
        6 WorkflowTaskStarted {"scheduledEventId": "5", "identity": "raw-client"}
        7 WorkflowTaskCompleted {"scheduledEventId": "5", "startedEventId": "6"}
        8 WorkflowExecutionUpdateAccepted {"protocolInstanceId": "u", "acceptedRequestMessageId": "u/request", "acceptedRequestSequencingEventId": "5", "acceptedRequest": {"meta": {"updateId": "u", "identity": "raw-client"}, "input": {"name": "change", "args": [{"by": 1}]}}}
        9 WorkflowExecutionUpdateCompleted {"acceptedEventId": "8", "meta": {"updateId": "u"}, "outcome": {"success": ["changed"]}}
    """)


def test_rejected_update_leaves_nothing(raw: RawClient, names) -> None:
    idle(raw, names)
    before = [e.SerializeToString(deterministic=True) for e in raw.stored_history(names())]
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    reply = answer(raw, task, rejection(task.messages[0], "not now"))
    assert reply.reset_history_event_id == 3, "the worker forgets what came after its last task"
    result = sent.result()
    assert result.stage == COMPLETED and result.outcome.failure.message == "not now"
    after = [e.SerializeToString(deterministic=True) for e in raw.history(names())]
    assert after == before
    with expect_error("NOT_FOUND", match='^update "u" not found$'):
        poll_update(raw, names(), "u")
    raw.signal(names(), "s")
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionSignaled
        6 WorkflowTaskScheduled
        7 WorkflowTaskStarted
        8 WorkflowTaskCompleted
        9 WorkflowExecutionCompleted
    """)


def test_rejected_id_may_be_used_again(raw: RawClient, names) -> None:
    idle(raw, names)
    for word in ("one", "two"):
        sent = begin_update(raw, names(), "u", word)
        task = raw.next_workflow_task(names.task_queue)
        assert request_in(task.messages[0]).input.args == payloads(word)
        assert (task.previous_started_event_id, task.started_event_id) == (3, 6)
        answer(raw, task, rejection(task.messages[0], word))
        assert sent.result().outcome.failure.message == word
    assert types(raw.history(names())) == IDLE


def test_update_nobody_answers_is_rejected(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    reply = raw.respond(raw.next_workflow_task(names.task_queue))
    assert reply.reset_history_event_id == 3
    refused = sent.result().outcome.failure
    assert refused.message == (
        "Workflow Update is rejected because it wasn't processed by worker. "
        "Probably, Workflow Update is not supported by the worker.")
    assert refused.source == "Server"
    assert refused.application_failure_info.type == "UnprocessedUpdate"
    assert refused.application_failure_info.non_retryable
    assert types(raw.history(names())) == IDLE


def test_rejection_with_events_is_written_for_older_workers(raw: RawClient, names) -> None:
    idle(raw, names, schedule_activity("a", names("aq"), start_to_close=60))
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    assert [m.event_id for m in task.messages] == [6]
    assert answer(raw, task, rejection(task.messages[0])).reset_history_event_id == 0
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names())) == [
        *IDLE, "ActivityTaskScheduled", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskCompleted"]


@pytest.mark.parametrize("events, written", [(1, False), (10, False), (11, True)])
def test_rejection_with_events(raw: RawClient, names, events: int, written: bool) -> None:
    """A worker that takes events twice gets them twice, unless they are many."""
    idle(raw, names, *(marker(f"m{n}") for n in range(events)))
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    assert len(task.history.events) == 4 + events + 2
    reply = answer(raw, task, rejection(task.messages[0]), capabilities=CAPABLE)
    assert reply.reset_history_event_id == (0 if written else 3)
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names()))[4:] == ["MarkerRecorded"] * events + (
        ["WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted"]
        if written else [])


def test_rejection_with_a_command_is_written(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    reply = answer(raw, task, rejection(task.messages[0]), then=(marker("m"),))
    assert reply.reset_history_event_id == 0
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names())) == [
        *IDLE, "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted",
        "MarkerRecorded"]


def test_one_update_is_rejected_and_another_accepted(raw: RawClient, names) -> None:
    idle(raw, names)
    first = begin_update(raw, names(), "first")
    second = begin_update(raw, names(), "second")
    task = raw.next_workflow_task(names.task_queue)
    assert [(m.id, m.event_id) for m in task.messages] == [
        ("first/request", 5), ("second/request", 5)]
    one, two = task.messages
    answer(raw, task, rejection(one), acceptance(two), completion(two, 2))
    assert first.result().outcome.failure.message == "no"
    assert second.result().outcome.success == payloads(2)
    assert_history(raw.history(names())[4:], """
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 WorkflowExecutionUpdateAccepted {"protocolInstanceId": "second"}
        9 WorkflowExecutionUpdateCompleted {"acceptedEventId": "8"}
    """)


def test_signal_before_the_task_is_taken(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    raw.signal(names(), "s")
    assert types(raw.stored_history(names())) == [
        *IDLE, "WorkflowTaskScheduled", "WorkflowExecutionSignaled"]
    task = raw.next_workflow_task(names.task_queue)
    assert task.started_event_id == 7 and [m.event_id for m in task.messages] == [6]
    reply = answer(raw, task, rejection(task.messages[0]))
    assert reply.reset_history_event_id == 0
    assert sent.result().outcome.failure.message == "no"
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowTaskScheduled
        6 WorkflowExecutionSignaled
        7 WorkflowTaskStarted {"scheduledEventId": "5"}
        8 WorkflowTaskCompleted
    """)


def test_signal_while_the_task_is_with_a_worker(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "s")
    assert types(raw.stored_history(names())) == [
        *IDLE, "WorkflowTaskScheduled", "WorkflowTaskStarted"], "the signal waits"
    assert answer(raw, task, rejection(task.messages[0])).reset_history_event_id == 0
    assert sent.result().outcome.failure.message == "no"
    assert_history(raw.history(names())[4:], """
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted {"scheduledEventId": "5"}
        7 WorkflowTaskCompleted {"scheduledEventId": "5", "startedEventId": "6"}
        8 WorkflowExecutionSignaled
        9 WorkflowTaskScheduled
    """)
    assert not raw.next_workflow_task(names.task_queue).messages


def test_task_timeout(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, task_timeout=1)
    raw.respond(raw.next_workflow_task(names.task_queue))
    sent = begin_update(raw, names(), "u")
    lost = raw.next_workflow_task(names.task_queue)
    again = raw.next_workflow_task(names.task_queue)
    assert again.attempt == 2 and [m.id for m in again.messages] == ["u/request"]
    assert again.messages[0].event_id == 8
    with expect_error("NOT_FOUND", match=r"^Workflow task not found\.$"):
        answer(raw, lost, acceptance(lost.messages[0]))
    asked = again.messages[0]
    answer(raw, again, acceptance(asked), completion(asked, 1), then=(complete(),))
    assert sent.result().outcome.success == payloads(1)
    assert_history(raw.history(names())[4:], """
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted
        7 WorkflowTaskTimedOut {"scheduledEventId": "5", "startedEventId": "6", "timeoutType": "TIMEOUT_TYPE_START_TO_CLOSE"}
        8 WorkflowTaskScheduled {"attempt": 2}
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionUpdateAccepted {"acceptedRequestSequencingEventId": "8"}
        12 WorkflowExecutionUpdateCompleted {"acceptedEventId": "11"}
        13 WorkflowExecutionCompleted
    """)


def test_task_a_worker_fails(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    raw.fail_workflow_task(raw.next_workflow_task(names.task_queue), FAILURE, "oops")
    assert_history(raw.stored_history(names())[4:], """
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted {"scheduledEventId": "5"}
        7 WorkflowTaskFailed {"scheduledEventId": "5", "startedEventId": "6", "cause": "WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE", "failure": {"message": "oops"}}
    """)
    task = raw.next_workflow_task(names.task_queue)
    assert task.attempt == 2 and [m.event_id for m in task.messages] == [8]
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, 1))
    assert sent.result().outcome.success == payloads(1)
    assert types(raw.history(names()))[7:] == [
        "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted",
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]


def test_sticky_task(raw: RawClient, names) -> None:
    raw.poll_workflow(names("sticky"), sticky_of=names.task_queue, timeout=2.2)
    idle(raw, names, sticky=names("sticky"), sticky_timeout=10)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names("sticky"), sticky_of=names.task_queue)
    assert [e.event_id for e in task.history.events] == [4, 5, 6]
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, 1), sticky=names("sticky"))
    assert sent.result().outcome.success == payloads(1)
    assert_history(raw.history(names())[4:7], f"""
        5 WorkflowTaskScheduled {{"taskQueue": {{"name": "{names('sticky')}", "kind": "TASK_QUEUE_KIND_STICKY", "normalName": "{names.task_queue}"}}}}
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
    """)


def test_sticky_worker_that_is_gone(raw: RawClient, names) -> None:
    raw.poll_workflow(names("sticky"), sticky_of=names.task_queue, timeout=2.2)
    idle(raw, names, sticky=names("sticky"), sticky_timeout=1)
    sent = begin_update(raw, names(), "u")
    raw.wait_event(names(), EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
    task = raw.next_workflow_task(names.task_queue)
    assert task.attempt == 1 and [m.event_id for m in task.messages] == [7]
    assert answer(raw, task, rejection(task.messages[0])).reset_history_event_id == 0
    assert sent.result().outcome.failure.message == "no"
    assert_history(raw.history(names())[4:], """
        5 WorkflowTaskScheduled
        6 WorkflowTaskTimedOut {"scheduledEventId": "5", "timeoutType": "TIMEOUT_TYPE_SCHEDULE_TO_START"}
        7 WorkflowTaskScheduled {"attempt": 1, "taskQueue": {"kind": "TASK_QUEUE_KIND_NORMAL"}}
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
    """)


def test_task_nobody_takes_for_five_seconds(raw: RawClient, names) -> None:
    """It becomes a written one, which waits as long as it has to."""
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    raw.wait_event(names(), EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT, timeout=15)
    assert poll_update(raw, names(), "u").stage == ADMITTED
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, 1))
    assert sent.result().outcome.success == payloads(1)
    assert_history(raw.history(names())[4:], """
        5 WorkflowTaskScheduled {"taskQueue": {"kind": "TASK_QUEUE_KIND_NORMAL"}}
        6 WorkflowTaskTimedOut {"timeoutType": "TIMEOUT_TYPE_SCHEDULE_TO_START"}
        7 WorkflowTaskScheduled {"attempt": 1}
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 WorkflowExecutionUpdateAccepted {"acceptedRequestSequencingEventId": "7"}
        11 WorkflowExecutionUpdateCompleted
    """)


def test_terminated_while_the_task_is_with_a_worker(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    raw.terminate(names(), reason="enough")
    with expect_error("NOT_FOUND", match=CLOSING):
        sent.result()
    with expect_error("NOT_FOUND"):
        answer(raw, task, acceptance(task.messages[0]))
    assert_history(raw.history(names())[4:], """
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted
        7 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND"}
        8 WorkflowExecutionTerminated {"reason": "enough"}
    """)


def test_terminated_before_the_task_is_taken(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    raw.terminate(names())
    with expect_error("NOT_FOUND", match=CLOSING):
        sent.result()
    assert types(raw.history(names())) == [*IDLE, "WorkflowExecutionTerminated"]


def test_update_rides_on_a_task_that_waits(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    assert task.started_event_id == 3 and [m.event_id for m in task.messages] == [2]
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, 1))
    assert sent.result().outcome.success == payloads(1)
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionUpdateAccepted {"acceptedRequestSequencingEventId": "2"}
        6 WorkflowExecutionUpdateCompleted {"acceptedEventId": "5"}
    """)


def test_rejection_on_a_normal_task_resets_nothing(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    assert answer(raw, task, rejection(task.messages[0])).reset_history_event_id == 0
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names())) == IDLE


def test_update_while_a_task_is_with_a_worker(raw: RawClient, names) -> None:
    """It waits for the task to end; a task that is not returned in-line is a written one."""
    raw.start(names(), names.task_queue)
    first = raw.next_workflow_task(names.task_queue)
    sent = begin_update(raw, names(), "u")
    reply = raw.respond(first)
    assert not reply.HasField("workflow_task") and not sent.done()
    assert types(raw.stored_history(names())) == [*IDLE, "WorkflowTaskScheduled"]
    task = raw.next_workflow_task(names.task_queue)
    assert [m.event_id for m in task.messages] == [5]
    assert answer(raw, task, rejection(task.messages[0])).reset_history_event_id == 0
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names())) == [
        *IDLE, "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted"]


def test_order_of_admission(raw: RawClient, names) -> None:
    idle(raw, names)
    ids = ["c", "a", "e", "b", "d"]
    sent = [begin_update(raw, names(), update_id) for update_id in ids]
    task = raw.next_workflow_task(names.task_queue)
    assert [m.protocol_instance_id for m in task.messages] == ids
    answer(raw, task, *(
        message for asked in task.messages
        for message in (acceptance(asked), completion(asked, asked.id))))
    for update_id, future in zip(ids, sent):
        assert future.result().outcome.success == payloads(f"{update_id}/request")
    events = raw.history(names())[7:]
    assert types(events) == [
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"] * 5
    assert [e.workflow_execution_update_accepted_event_attributes.protocol_instance_id
            for e in events[::2]] == ids


def test_heartbeat_rejects_nothing(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    reply = raw.respond(task, force_create_new_workflow_task=True, return_new_workflow_task=True)
    assert reply.reset_history_event_id == 0 and not sent.done()
    beat = reply.workflow_task
    assert types(beat.history.events) == [
        "WorkflowTaskCompleted", "WorkflowTaskScheduled", "WorkflowTaskStarted"]
    assert not beat.messages, "the worker has it"
    assert answer(raw, beat, rejection(asked)).reset_history_event_id == 0
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names()))[4:] == [
        "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted"] * 2


def test_query_comes_with_the_update(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    asking = raw.begin(
        "QueryWorkflow", execution=execution(names()), query=WorkflowQuery(query_type="q"))
    time.sleep(0.5)  # No call shows that a query waits for the task.
    task = raw.next_workflow_task(names.task_queue)
    assert len(task.queries) == 1 and len(task.messages) == 1
    results = {key: WorkflowQueryResult(
        result_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED, answer=payloads("state"))
        for key in task.queries}
    reply = answer(raw, task, rejection(task.messages[0]), query_results=results)
    assert reply.reset_history_event_id == 3
    assert asking.result().query_result == payloads("state")
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names())) == IDLE


def test_unwritten_events_are_shown_to_workers_only(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = begin_update(raw, names(), "u")
    assert types(raw.history(names())) == [*IDLE, "WorkflowTaskScheduled"]
    task = raw.next_workflow_task(names.task_queue)
    shown = raw.history(names())
    assert_history(shown[4:], """
        5 WorkflowTaskScheduled {"attempt": 1}
        6 WorkflowTaskStarted {"scheduledEventId": "5"}
    """)
    for client in ("temporal-cli", "temporal-ui"):
        assert types(raw.stored_history(names(), client=client)) == IDLE
    answer(raw, task, rejection(task.messages[0]))
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names())) == IDLE


def test_next_event_ids_after_many_rejections(raw: RawClient, names) -> None:
    idle(raw, names)
    for index in range(5):
        sent = begin_update(raw, names(), f"u{index}")
        task = raw.next_workflow_task(names.task_queue)
        assert task.started_event_id == 6
        answer(raw, task, rejection(task.messages[0]))
        sent.result()
    raw.signal(names(), "s")
    assert types(raw.history(names())) == [
        *IDLE, "WorkflowExecutionSignaled", "WorkflowTaskScheduled"]
