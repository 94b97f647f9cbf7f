"""In-line tasks: the next workflow task comes with the answer to the completion of the last one."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import QueryResultType
from temporalio.api.query.v1 import WorkflowQuery, WorkflowQueryResult
from temporalio.client import Client

from Support.errors import expect_error
from Support.histories import TASK, assert_history, find, types
from Support.raw import (
    RawClient, cancel_activity, complete, execution, marker, payloads, schedule_activity,
    start_timer, ws)
from Support.sdk import events_of, make_worker
from Support.updates import acceptance, answer, begin_update, completion, rejection

IDLE = ["WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskCompleted"]
REQUEST_ID = "request-from-RespondWorkflowTaskCompleted"


def first_task(raw: RawClient, names, **fields) -> ws.PollWorkflowTaskQueueResponse:
    raw.start(names(), names.task_queue, kind="Kind", **fields)
    return raw.next_workflow_task(names.task_queue)


def respond(raw: RawClient, task, *commands, **fields) -> ws.PollWorkflowTaskQueueResponse | None:
    """Completes a task and asks for the next one, which may come."""
    reply = raw.respond(task, *commands, return_new_workflow_task=True, **fields)
    return reply.workflow_task if reply.HasField("workflow_task") else None


def test_signal_that_waited(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    raw.signal(names(), "s")
    inline = respond(raw, task)
    assert inline is not None and inline.task_token and inline.task_token != task.task_token
    assert inline.workflow_execution == task.workflow_execution
    assert inline.workflow_type.name == "Kind"
    assert inline.workflow_execution_task_queue.name == names.task_queue
    assert (inline.previous_started_event_id, inline.started_event_id) == (3, 7)
    assert inline.attempt == 1 and not inline.next_page_token
    assert not inline.queries and not inline.messages and not inline.HasField("query")
    assert inline.scheduled_time.seconds > 0 and inline.started_time.seconds > 0
    assert_history(inline.history.events, f"""
        4 WorkflowTaskCompleted {{"scheduledEventId": "2", "startedEventId": "3"}}
        5 WorkflowExecutionSignaled {{"signalName": "s"}}
        6 WorkflowTaskScheduled {{"attempt": 1, "taskQueue": {{"name": "{names.task_queue}", "kind": "TASK_QUEUE_KIND_NORMAL"}}}}
        7 WorkflowTaskStarted {{"scheduledEventId": "6", "identity": "raw-client", "requestId": "{REQUEST_ID}"}}
    """)
    assert types(raw.history(names())) == [
        *IDLE, "WorkflowExecutionSignaled", "WorkflowTaskScheduled", "WorkflowTaskStarted"]
    assert not raw.poll_workflow(names.task_queue, timeout=2.5).task_token, "it is in no queue"
    assert respond(raw, inline, complete()) is None
    assert types(raw.history(names()))[7:] == [
        "WorkflowTaskCompleted", "WorkflowExecutionCompleted"]


def test_sticky_queue_is_named(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    raw.signal(names(), "s")
    inline = respond(raw, task, sticky=names("sticky"))
    assert inline is not None
    scheduled = find(inline.history.events, "WorkflowTaskScheduled")
    assert scheduled["taskQueue"] == {
        "name": names("sticky"), "kind": "TASK_QUEUE_KIND_STICKY", "normalName": names.task_queue}
    assert inline.workflow_execution_task_queue.name == names.task_queue
    assert respond(raw, inline, complete()) is None
    assert types(raw.history(names()))[-1] == "WorkflowExecutionCompleted"


def test_nothing_to_do(raw: RawClient, names) -> None:
    assert respond(raw, first_task(raw, names), start_timer("t", 60)) is None
    assert types(raw.history(names())) == [*IDLE, "TimerStarted"]


def test_not_asked_for(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    raw.signal(names(), "s")
    assert not raw.respond(task).HasField("workflow_task")
    queued = raw.next_workflow_task(names.task_queue)
    assert [e.event_id for e in queued.history.events] == [1, 2, 3, 4, 5, 6, 7]
    started = find(raw.history(names()), "WorkflowTaskStarted", 1)
    assert started["requestId"] != REQUEST_ID


def test_forced(raw: RawClient, names) -> None:
    """How SDKs keep a task with local activities alive."""
    task = first_task(raw, names)
    for beat in range(3):
        inline = respond(raw, task, force_create_new_workflow_task=True)
        assert inline is not None
        assert [e.event_id for e in inline.history.events] == [
            3 * beat + 4, 3 * beat + 5, 3 * beat + 6]
        assert inline.previous_started_event_id == 3 * beat + 3
        task = inline
    assert respond(raw, task, complete()) is None
    assert types(raw.history(names())) == [
        "WorkflowExecutionStarted", *IDLE[1:] * 4, "WorkflowExecutionCompleted"]


def test_forced_with_commands(raw: RawClient, names) -> None:
    inline = respond(
        raw, first_task(raw, names), marker("m"), start_timer("t", 60),
        force_create_new_workflow_task=True)
    assert inline is not None
    assert types(inline.history.events) == [
        "WorkflowTaskCompleted", "MarkerRecorded", "TimerStarted", "WorkflowTaskScheduled",
        "WorkflowTaskStarted"]
    assert types(raw.history(names()))[3:] == types(inline.history.events)


def test_activity_cancelled_before_it_began(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    raw.respond(task, schedule_activity("a", names("aq"), start_to_close=60))
    raw.signal(names(), "s")
    inline = respond(raw, raw.next_workflow_task(names.task_queue), cancel_activity(5))
    assert inline is not None
    assert types(inline.history.events) == [
        "WorkflowTaskCompleted", "ActivityTaskCancelRequested", "ActivityTaskCanceled",
        "WorkflowTaskScheduled", "WorkflowTaskStarted"]
    assert types(raw.history(names()))[8:] == types(inline.history.events)


def test_failed_completion(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    with expect_error("INVALID_ARGUMENT"):
        respond(raw, task, marker(""))
    retried = raw.next_workflow_task(names.task_queue)
    assert retried.attempt == 2
    assert respond(raw, retried, complete()) is None
    assert types(raw.history(names()))[3:] == [
        "WorkflowTaskFailed", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskCompleted", "WorkflowExecutionCompleted"]


def test_after_a_later_attempt(raw: RawClient, names) -> None:
    """The events of the attempt itself come before the new task's."""
    task = first_task(raw, names)
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(task, marker(""))
    inline = respond(
        raw, raw.next_workflow_task(names.task_queue), force_create_new_workflow_task=True)
    assert inline is not None and inline.attempt == 1
    assert inline.previous_started_event_id == 6
    assert [e.event_id for e in inline.history.events] == [7, 8, 9]
    respond(raw, inline, complete())
    assert types(raw.history(names()))[3:] == [
        "WorkflowTaskFailed", *IDLE[1:], *IDLE[1:], "WorkflowExecutionCompleted"]


def test_task_that_times_out(raw: RawClient, names) -> None:
    task = first_task(raw, names, task_timeout=1)
    inline = respond(raw, task, force_create_new_workflow_task=True)
    retried = raw.next_workflow_task(names.task_queue)
    assert retried.attempt == 2
    with expect_error("NOT_FOUND", match=r"^Workflow task not found\.$"):
        respond(raw, inline, complete())
    respond(raw, retried, complete())
    assert_history(raw.history(names())[3:], """
        4 WorkflowTaskCompleted
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted
        7 WorkflowTaskTimedOut {"scheduledEventId": "5", "startedEventId": "6", "timeoutType": "TIMEOUT_TYPE_START_TO_CLOSE"}
        8 WorkflowTaskScheduled {"attempt": 2}
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)


def test_signals_during_an_in_line_task(raw: RawClient, names) -> None:
    inline = first_task(raw, names)
    for index in range(3):
        raw.signal(names(), f"s{index}")
        next_one = respond(raw, inline)
        assert next_one is not None
        signals = [e for e in next_one.history.events
                   if e.HasField("workflow_execution_signaled_event_attributes")]
        assert [e.workflow_execution_signaled_event_attributes.signal_name for e in signals] == [
            f"s{index}"]
        inline = next_one
    respond(raw, inline, complete())
    assert types(raw.history(names())).count("WorkflowExecutionSignaled") == 3


def test_query_comes_with_it(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    asking = raw.begin(
        "QueryWorkflow", execution=execution(names()), query=WorkflowQuery(query_type="q"))
    time.sleep(0.5)  # No call shows that a query waits for the task.
    inline = respond(raw, task, force_create_new_workflow_task=True)
    assert inline is not None and [q.query_type for q in inline.queries.values()] == ["q"]
    results = {key: WorkflowQueryResult(
        result_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED, answer=payloads("state"))
        for key in inline.queries}
    respond(raw, inline, query_results=results)
    assert asking.result().query_result == payloads("state")
    assert types(raw.history(names())) == [*IDLE, *IDLE[1:]]


def test_close_of_the_workflow(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    sent = begin_update(raw, names(), "u")
    assert respond(raw, task, complete()) is None
    with expect_error("NOT_FOUND", match="aborted by closing workflow"):
        sent.result()
    assert types(raw.history(names())) == [*IDLE, "WorkflowExecutionCompleted"]


# Updates: the in-line task is speculative.


def test_update_that_waited(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    sent = begin_update(raw, names(), "u")
    inline = respond(raw, task)
    assert inline is not None
    assert_history(inline.history.events, f"""
        4 WorkflowTaskCompleted
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted {{"requestId": "{REQUEST_ID}", "identity": "raw-client"}}
    """)
    [asked] = inline.messages
    assert (asked.id, asked.event_id) == ("u/request", 5)
    assert types(raw.stored_history(names())) == IDLE
    answer(raw, inline, acceptance(asked), completion(asked, 1))
    assert sent.result().outcome.success == payloads(1)
    assert types(raw.history(names())) == [
        *IDLE, *IDLE[1:], "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]


def test_update_that_waited_is_rejected(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    sent = begin_update(raw, names(), "u")
    inline = respond(raw, task)
    assert inline is not None
    reply = answer(raw, inline, rejection(inline.messages[0]), return_new_workflow_task=True)
    assert reply.reset_history_event_id == 3 and not reply.HasField("workflow_task")
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names())) == IDLE


def test_update_with_events_of_the_task_before(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    sent = begin_update(raw, names(), "u")
    inline = respond(raw, task, schedule_activity("a", names("aq"), start_to_close=60))
    assert inline is not None
    assert types(inline.history.events) == [
        "WorkflowTaskCompleted", "ActivityTaskScheduled", "WorkflowTaskScheduled",
        "WorkflowTaskStarted"]
    assert inline.messages[0].event_id == 6
    reply = answer(raw, inline, rejection(inline.messages[0]))
    assert reply.reset_history_event_id == 0, "it shipped an event, which is not taken back"
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names())) == [*IDLE, "ActivityTaskScheduled", *IDLE[1:]]


def test_update_and_signal_that_waited(raw: RawClient, names) -> None:
    """With an event of its own to bring, the task is a written one."""
    task = first_task(raw, names)
    sent = begin_update(raw, names(), "u")
    raw.signal(names(), "s")
    inline = respond(raw, task)
    assert inline is not None and [m.event_id for m in inline.messages] == [6]
    assert types(inline.history.events) == [
        "WorkflowTaskCompleted", "WorkflowExecutionSignaled", "WorkflowTaskScheduled",
        "WorkflowTaskStarted"]
    assert types(raw.stored_history(names()))[3:] == types(inline.history.events)
    assert answer(raw, inline, rejection(inline.messages[0])).reset_history_event_id == 0
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names()))[-1] == "WorkflowTaskCompleted"


def test_one_speculative_task_after_another(raw: RawClient, names) -> None:
    """The one that vanished and the one that follows have the same events."""
    task = first_task(raw, names)
    first = begin_update(raw, names(), "first")
    inline = respond(raw, task)
    assert inline is not None
    second = begin_update(raw, names(), "second")
    reply = raw.respond(inline, return_new_workflow_task=True)
    assert reply.reset_history_event_id == 3
    assert first.result().outcome.failure.application_failure_info.type == "UnprocessedUpdate"
    again = reply.workflow_task
    assert [e.event_id for e in again.history.events] == [4, 5, 6]
    assert [(m.id, m.event_id) for m in again.messages] == [("second/request", 5)]
    with expect_error("NOT_FOUND", match=r"^Workflow task not found\.$"):
        raw.respond(inline, complete())
    asked = again.messages[0]
    answer(raw, again, acceptance(asked), completion(asked, 2), then=(complete(),))
    assert second.result().outcome.success == payloads(2)
    assert types(raw.history(names())) == [
        *IDLE, *IDLE[1:], "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted",
        "WorkflowExecutionCompleted"]


def test_update_after_an_accepted_one(raw: RawClient, names) -> None:
    task = first_task(raw, names)
    first = begin_update(raw, names(), "first")
    inline = respond(raw, task)
    assert inline is not None
    second = begin_update(raw, names(), "second")
    asked = inline.messages[0]
    reply = answer(
        raw, inline, acceptance(asked), completion(asked, 1), return_new_workflow_task=True)
    assert reply.reset_history_event_id == 0
    assert first.result().outcome.success == payloads(1)
    again = reply.workflow_task
    assert again.previous_started_event_id == 6
    assert types(again.history.events) == [
        "WorkflowTaskCompleted", "WorkflowExecutionUpdateAccepted",
        "WorkflowExecutionUpdateCompleted", "WorkflowTaskScheduled", "WorkflowTaskStarted"]
    capable = {"discard_speculative_workflow_task_with_events": True}
    rejected = answer(raw, again, rejection(again.messages[0]), capabilities=capable)
    assert rejected.reset_history_event_id == 6
    assert second.result().outcome.failure.message == "no"
    assert types(raw.history(names())) == [
        *IDLE, *IDLE[1:], "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]


# What SDKs make of it.


@activity.defn
async def slow() -> str:
    await asyncio.sleep(4)
    return "slow"


@workflow.defn
class Local:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_local_activity(
            slow, start_to_close_timeout=timedelta(seconds=20))


@pytest.mark.parametrize("cached", [1000, 0], ids=["sticky", "no-cache"])
async def test_local_activity_longer_than_a_task(client: Client, names, cached: int) -> None:
    worker = make_worker(
        client, names.task_queue, workflows=[Local], activities=[slow],
        max_cached_workflows=cached)
    async with worker:
        handle = await client.start_workflow(
            Local.run, id=names(), task_queue=names.task_queue,
            task_timeout=timedelta(seconds=3))
        assert await handle.result() == "slow"
    events = await events_of(handle)
    seen = types(events)
    tasks = seen.count("WorkflowTaskCompleted")
    assert tasks >= 2
    assert seen == [IDLE[0], *TASK * tasks, "MarkerRecorded", "WorkflowExecutionCompleted"]
    if cached:
        assert find(events, "WorkflowTaskStarted", 1)["requestId"] == REQUEST_ID
