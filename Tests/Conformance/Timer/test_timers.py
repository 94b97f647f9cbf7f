"""User timers: firing, order, cancellation, and very many of them."""

from __future__ import annotations

import asyncio
import time

import pytest
from temporalio import workflow
from temporalio.client import Client

from Support.errors import expect_error
from Support.histories import assert_history, find, story, types
from Support.raw import RawClient, cancel_timer, complete, start_timer
from Support.sdk import events_of, eventually_sync, make_worker, replayed


@workflow.defn
class Sleeps:
    @workflow.run
    async def run(self, milliseconds: int) -> float:
        before = workflow.now()
        await asyncio.sleep(milliseconds / 1000)
        return (workflow.now() - before).total_seconds()


@workflow.defn
class ManyTimers:
    @workflow.run
    async def run(self, count: int) -> int:
        await asyncio.gather(*[asyncio.sleep(0.5 + (i % 10) / 10) for i in range(count)])
        return count


@workflow.defn
class CancelsTimer:
    @workflow.run
    async def run(self) -> str:
        long = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(0.1)
        long.cancel()
        try:
            await long
        except asyncio.CancelledError:
            return "cancelled"
        return "fired"


async def test_timer_fires(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Sleeps]):
        handle = await client.start_workflow(
            Sleeps.run, 300, id=names(), task_queue=names.task_queue)
        assert await handle.result() >= 0.3
    events = await events_of(handle)
    assert_history(events, """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted {"timerId": "1", "startToFireTimeout": "0.300s", "workflowTaskCompletedEventId": "4"}
        6 TimerFired {"timerId": "1", "startedEventId": "5"}
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 WorkflowExecutionCompleted
    """)
    waited = events[5].event_time.ToNanoseconds() - events[4].event_time.ToNanoseconds()
    assert 300e6 <= waited < 2e9, f"fired after {waited / 1e9} s"


async def test_a_thousand_timers(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[ManyTimers]):
        handle = await client.start_workflow(
            ManyTimers.run, 1000, id=names(), task_queue=names.task_queue)
        assert await handle.result() == 1000
    events = await replayed(handle, ManyTimers)
    assert story(events) == [
        "WorkflowExecutionStarted", *["TimerStarted"] * 1000, *["TimerFired"] * 1000,
        "WorkflowExecutionCompleted"]
    due = {}
    for event in events:
        if event.HasField("timer_started_event_attributes"):
            started = event.timer_started_event_attributes
            due[started.timer_id] = (
                event.event_time.ToNanoseconds() + started.start_to_fire_timeout.ToNanoseconds())
    fired = [e for e in events if e.HasField("timer_fired_event_attributes")]
    assert len(due) == len(fired) == 1000
    assert len({e.timer_fired_event_attributes.timer_id for e in fired}) == 1000
    for event in fired:
        early = due[event.timer_fired_event_attributes.timer_id] - event.event_time.ToNanoseconds()
        assert early <= 1_000_000, "no timer fires early"


async def test_timer_cancel(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[CancelsTimer]):
        handle = await client.start_workflow(
            CancelsTimer.run, id=names(), task_queue=names.task_queue)
        assert await handle.result() == "cancelled"
    assert_history(await events_of(handle), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted
        6 TimerStarted
        7 TimerFired {"startedEventId": "5"}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 TimerCanceled {"startedEventId": "6", "workflowTaskCompletedEventId": "10"}
        12 WorkflowExecutionCompleted
    """)


def test_timers_fire_in_order_of_their_deadlines(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        start_timer("late", 0.5), start_timer("early", 0.2), start_timer("middle", 0.3))
    # No task is polled meanwhile: all three fire before the next workflow task starts.
    eventually_sync(lambda: types(raw.history(names(), run_id)).count("TimerFired") == 3)
    task = raw.next_workflow_task(names.task_queue)
    fired = [
        e.timer_fired_event_attributes.timer_id for e in task.history.events
        if e.HasField("timer_fired_event_attributes")
    ]
    assert fired == ["early", "middle", "late"]
    raw.respond(task, complete())


def test_timer_of_no_length_fires_at_once(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    before = time.monotonic()
    raw.respond(raw.next_workflow_task(names.task_queue), start_timer("t", 0))
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert time.monotonic() - before < 5
    assert find(raw.history(names(), run_id), "TimerFired")["timerId"] == "t"


def test_cancelling_a_timer_that_fired_meanwhile(raw: RawClient, names) -> None:
    """The fired event waits in the buffer; cancelling removes it, and closing is legal."""
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), start_timer("t", 0.3))
    raw.signal(names(), "go")
    task = raw.next_workflow_task(names.task_queue)
    time.sleep(0.8)
    raw.respond(task, cancel_timer("t"), complete())
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted
        6 WorkflowExecutionSignaled
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 TimerCanceled {"timerId": "t"}
        11 WorkflowExecutionCompleted
    """)


@pytest.mark.parametrize("commands, cause", [
    ((start_timer("t", 9), start_timer("t", 9)), "START_TIMER_DUPLICATE_ID"),
    ((start_timer("", 9),), "BAD_START_TIMER_ATTRIBUTES"),
    ((start_timer("t", -1),), "BAD_START_TIMER_ATTRIBUTES"),
    ((cancel_timer("unknown"),), "BAD_CANCEL_TIMER_ATTRIBUTES"),
    ((cancel_timer(""),), "BAD_CANCEL_TIMER_ATTRIBUTES"),
], ids=["duplicate", "no-id", "negative", "unknown", "cancel-no-id"])
def test_wrong_timer_commands_fail_the_task(raw: RawClient, names, commands, cause) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(task, *commands)
    assert_history(raw.history(names(), run_id)[:4], f"""
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {{"cause": "WORKFLOW_TASK_FAILED_CAUSE_{cause}"}}
    """)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    closed = raw.history(names(), run_id)
    assert types(closed)[-1] == "WorkflowExecutionCompleted"


def test_a_timer_id_may_be_used_again(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), start_timer("t", 0))
    raw.respond(raw.next_workflow_task(names.task_queue), start_timer("t", 0))
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert types(raw.history(names(), run_id)).count("TimerFired") == 2
