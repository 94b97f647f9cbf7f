"""ResetWorkflowExecution: a new run takes the beginning of a history over and goes on from there."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import (
    EventType, ResetReapplyExcludeType, ResetReapplyType, WorkflowExecutionStatus,
)
from temporalio.client import Client

from Support.errors import expect_error
from Support.histories import (
    IDLE, TASK, assert_history, assert_well_formed, find, story, types,
)
from Support.programs import Collects
from Support.raw import (
    RawClient, complete, continue_as_new, execution, marker, schedule_activity, start_timer,
)
from Support.sdk import eventually, make_worker, replayed, settles
from Support.server import TargetServer


def reset(
    raw: RawClient, workflow_id: str, event_id: int, *, run_id: str = "", reason: str = "again",
    request_id: str | None = None, **fields: Any,
) -> str:
    """Resets, and returns the new run's id."""
    return raw.call(
        "ResetWorkflowExecution", workflow_execution=execution(workflow_id, run_id),
        reason=reason, workflow_task_finish_event_id=event_id,
        request_id=request_id or str(uuid.uuid4()), **fields).run_id


def _worked(raw: RawClient, names) -> str:
    """Two workflow tasks, a signal between them; the second one ends with event 8."""
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), marker("one"))
    raw.signal(names(), "s", 1)
    raw.respond(raw.next_workflow_task(names.task_queue), marker("two"))
    return run_id


def test_fork(raw: RawClient, names) -> None:
    base = _worked(raw, names)
    run_id = reset(raw, names(), 4, reason="try again")
    assert run_id != base
    assert_history(raw.history(names(), run_id), f"""
        1 WorkflowExecutionStarted {{"originalExecutionRunId": "{base}", "firstExecutionRunId": "{base}"}}
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {{"scheduledEventId": "2", "startedEventId": "3", "cause": "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW", "identity": "history-service", "baseRunId": "{base}", "newRunId": "{run_id}", "failure": {{"message": "try again", "resetWorkflowFailureInfo": {{}}}}}}
        5 WorkflowExecutionSignaled {{"signalName": "s", "input": [1]}}
        6 WorkflowTaskScheduled {{"attempt": 1}}
    """)
    ended = raw.history(names(), base)
    assert types(ended)[-1] == "WorkflowExecutionTerminated"
    assert find(ended, "WorkflowExecutionTerminated")["reason"] == "try again"
    assert find(ended, "WorkflowExecutionTerminated")["identity"] == "history-resetter"
    task = raw.next_workflow_task(names.task_queue)
    assert task.workflow_execution.run_id == run_id and task.attempt == 1
    raw.respond(task, complete("done"))
    assert raw.wait_closed(names()).event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED


def test_later_point(raw: RawClient, names) -> None:
    _worked(raw, names)
    run_id = reset(raw, names(), 9)
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 MarkerRecorded {"markerName": "one"}
        6 WorkflowExecutionSignaled
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskFailed {"scheduledEventId": "7", "startedEventId": "8"}
        10 WorkflowTaskScheduled
    """)


def test_point_before_the_task_was_taken(raw: RawClient, names) -> None:
    _worked(raw, names)
    run_id = reset(raw, names(), 3)
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted {"scheduledEventId": "2", "identity": "history-service"}
        4 WorkflowTaskFailed {"startedEventId": "3"}
        5 WorkflowExecutionSignaled
        6 WorkflowTaskScheduled
    """)


@pytest.mark.parametrize("event_id", [-1, 0, 1, 11, 1000])
def test_points_outside(raw: RawClient, names, event_id: int) -> None:
    _worked(raw, names)
    with expect_error("INVALID_ARGUMENT", match="Workflow task finish ID must be > 1"):
        reset(raw, names(), event_id)
    assert raw.describe(names()).workflow_execution_info.status == (
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING)


@pytest.mark.parametrize("event_id", [2, 5, 6, 7, 10])
def test_points_without_an_open_task(raw: RawClient, names, event_id: int) -> None:
    base = _worked(raw, names)
    before = types(raw.history(names(), base))
    with expect_error("INVALID_ARGUMENT", match="Can only reset workflow to event ID in range"):
        reset(raw, names(), event_id)
    assert types(raw.history(names(), base)) == before, "nothing has happened"


def test_refused_requests(raw: RawClient, names) -> None:
    run_id = _worked(raw, names)
    with expect_error("INVALID_ARGUMENT", match="RequestId is not set"):
        raw.call(
            "ResetWorkflowExecution", workflow_execution=execution(names()),
            workflow_task_finish_event_id=4)
    with expect_error("INVALID_ARGUMENT", match="RequestId length"):
        reset(raw, names(), 4, request_id="r" * 2000)
    with expect_error("INVALID_ARGUMENT"):
        raw.call("ResetWorkflowExecution", request_id="r", workflow_task_finish_event_id=4)
    with expect_error("INVALID_ARGUMENT"):
        reset(raw, names(), 4, run_id="no-uuid")
    with expect_error("NOT_FOUND"):
        reset(raw, names("none"), 4)
    with expect_error("NOT_FOUND"):
        reset(raw, names(), 4, run_id=str(uuid.uuid4()))
    with expect_error("INVALID_ARGUMENT", match="unknown reset reapply type"):
        reset(raw, names(), 4, reset_reapply_type=77)
    assert raw.describe(names()).workflow_execution_info.execution.run_id == run_id


def test_same_request_again(raw: RawClient, names) -> None:
    _worked(raw, names)
    run_id = reset(raw, names(), 4, request_id="once")
    assert reset(raw, names(), 4, request_id="once") == run_id
    assert reset(raw, names(), 4, request_id="twice") != run_id


def test_start_request_again_after_a_reset(raw: RawClient, names) -> None:
    """The new run goes back to the same start, so the start's request has been served by it."""
    base = raw.start(names(), names.task_queue, request_id="start").run_id
    raw.respond(raw.next_workflow_task(names.task_queue), marker("one"))
    run_id = reset(raw, names(), 4, request_id="reset")
    again = raw.start(names(), names.task_queue, request_id="start")
    assert (again.run_id, again.started) == (run_id, True) and run_id != base
    ids = raw.describe(names()).workflow_extended_info.request_id_infos
    assert ids["start"].event_id == 1 and "reset" not in ids
    with expect_error("ALREADY_EXISTS"):
        raw.start(names(), names.task_queue, request_id="another")


@pytest.mark.parametrize("fields", [
    {"reset_reapply_exclude_types": [ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL]},
    {"reset_reapply_type": ResetReapplyType.RESET_REAPPLY_TYPE_NONE},
    {"reset_reapply_exclude_types": [1, 2, 3, 4]},
], ids=["signals", "none", "all"])
def test_excluded(raw: RawClient, names, fields) -> None:
    _worked(raw, names)
    run_id = reset(raw, names(), 4, **fields)
    assert types(raw.history(names(), run_id)) == [
        "WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskFailed", "WorkflowTaskScheduled",
    ]


def test_signals_by_the_older_field(raw: RawClient, names) -> None:
    _worked(raw, names)
    run_id = reset(
        raw, names(), 4, reset_reapply_type=ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL)
    assert "WorkflowExecutionSignaled" in types(raw.history(names(), run_id))


def test_a_signal_the_worker_had_not_seen(raw: RawClient, names) -> None:
    """It waits in the buffer while a workflow task is out; the reset ends that task."""
    base = _worked(raw, names)
    raw.signal(names(), "wake")
    raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "buffered", 2)
    run_id = reset(raw, names(), 9)
    assert types(raw.history(names(), base))[-3:] == [
        "WorkflowTaskFailed", "WorkflowExecutionSignaled", "WorkflowExecutionTerminated"]
    events = raw.history(names(), run_id)
    names_seen = [
        e.workflow_execution_signaled_event_attributes.signal_name for e in events
        if e.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED]
    assert names_seen == ["s", "wake", "buffered"]


def test_cancel_request_is_not_taken_over(raw: RawClient, names) -> None:
    _worked(raw, names)
    raw.request_cancel(names())
    run_id = reset(raw, names(), 4)
    assert "WorkflowExecutionCancelRequested" not in types(raw.history(names(), run_id))
    assert not raw.describe(names()).workflow_extended_info.cancel_requested


def test_closed_run(raw: RawClient, names) -> None:
    base = _worked(raw, names)
    raw.signal(names(), "end")
    raw.respond(raw.next_workflow_task(names.task_queue), complete(1))
    before = types(raw.history(names(), base))
    run_id = reset(raw, names(), 9)
    assert types(raw.history(names(), base)) == before
    raw.respond(raw.next_workflow_task(names.task_queue), complete(2))
    assert raw.wait_closed(names(), run_id)


def test_older_run_of_the_id(raw: RawClient, names) -> None:
    """The run that is current is terminated, whichever one is reset."""
    first = _worked(raw, names)
    raw.terminate(names())
    second = raw.start(names(), names.task_queue).run_id
    run_id = reset(raw, names(), 4, run_id=first)
    assert types(raw.history(names(), second))[-1] == "WorkflowExecutionTerminated"
    assert raw.describe(names()).workflow_execution_info.execution.run_id == run_id
    assert raw.describe(names(), first).workflow_extended_info.reset_run_id == run_id


def test_signals_of_continued_runs(raw: RawClient, names) -> None:
    base = raw.start(names(), names.task_queue).run_id
    raw.signal(names(), "first", 1)
    raw.respond(
        raw.next_workflow_task(names.task_queue), continue_as_new("Raw", names.task_queue))
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "second", 2)
    raw.respond(task, marker("m"))
    run_id = reset(raw, names(), 5, run_id=base)
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowExecutionSignaled {"signalName": "first"}
        4 WorkflowTaskStarted
        5 WorkflowTaskFailed
        6 WorkflowExecutionSignaled {"signalName": "second"}
        7 WorkflowTaskScheduled
    """)


def test_describe(raw: RawClient, names) -> None:
    base = _worked(raw, names)
    started = raw.describe(names(), base).workflow_execution_info.start_time
    time.sleep(0.05)
    run_id = reset(raw, names(), 4)
    old = raw.describe(names(), base)
    assert old.workflow_extended_info.reset_run_id == run_id
    assert old.workflow_execution_info.status == (
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED)
    new = raw.describe(names())
    assert new.workflow_execution_info.execution.run_id == run_id
    assert new.workflow_execution_info.first_run_id == base
    assert new.workflow_extended_info.original_start_time == started
    assert new.workflow_extended_info.last_reset_time == new.workflow_execution_info.start_time
    assert new.workflow_execution_info.start_time.ToNanoseconds() > started.ToNanoseconds()
    raw.terminate(names())
    assert raw.describe(names()).workflow_extended_info.original_start_time == started


def test_timer_is_kept(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(raw.next_workflow_task(names.task_queue), start_timer("t", 1))
    raw.signal(names(), "s")
    raw.respond(raw.next_workflow_task(names.task_queue), marker("m"))
    run_id = reset(raw, names(), 9)
    raw.wait_event(names(), EventType.EVENT_TYPE_TIMER_FIRED, run_id, timeout=5)


def test_activity_is_handed_out_again(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names.task_queue, start_to_close=60))
    old = raw.next_activity_task(names.task_queue)
    raw.signal(names(), "s")
    raw.respond(raw.next_workflow_task(names.task_queue), marker("m"))
    run_id = reset(raw, names(), 9)
    with expect_error("NOT_FOUND"):
        raw.complete_activity(old, "late")
    task = raw.next_activity_task(names.task_queue)
    assert task.workflow_execution.run_id == run_id and task.attempt == 1
    raw.complete_activity(task, "new")
    event = raw.wait_event(names(), EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, run_id)
    assert event.activity_task_completed_event_attributes.scheduled_event_id == 5


def test_reset_of_a_reset(raw: RawClient, names) -> None:
    base = _worked(raw, names)
    second = reset(raw, names(), 9)
    raw.respond(raw.next_workflow_task(names.task_queue), marker("three"))
    third = reset(raw, names(), 12)
    events = raw.history(names(), third)
    assert_well_formed(events)
    assert [e.workflow_task_failed_event_attributes.new_run_id for e in events
            if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED] == [second, third]
    described = raw.describe(names())
    assert described.workflow_execution_info.first_run_id == base
    raw.respond(raw.next_workflow_task(names.task_queue), complete())


def test_long_history(raw: RawClient, names) -> None:
    """More events than are read at once."""
    raw.start(names(), names.task_queue)
    for batch in range(5):
        raw.respond(
            raw.next_workflow_task(names.task_queue),
            *[marker(f"{batch}-{i}") for i in range(500)], force_create_new_workflow_task=True)
    raw.next_workflow_task(names.task_queue)
    last = len(raw.history(names()))
    run_id = reset(raw, names(), last)
    events = raw.history(names(), run_id)
    assert_well_formed(events)
    assert types(events)[last - 1:] == [
        "WorkflowTaskStarted", "WorkflowTaskFailed", "WorkflowTaskScheduled"]


def test_old_task_is_refused(raw: RawClient, names) -> None:
    _worked(raw, names)
    raw.signal(names(), "s")
    task = raw.next_workflow_task(names.task_queue)
    reset(raw, names(), 4)
    with expect_error("NOT_FOUND"):
        raw.respond(task, complete())


def test_survives_a_restart(own_server, tmp_path, names) -> None:
    server: TargetServer = own_server(db_filename=tmp_path / "server.sqlite").start()
    raw = RawClient(server.address)
    base = _worked(raw, names)
    run_id = reset(raw, names(), 4, request_id="once")
    before = raw.history(names(), run_id)
    raw.close()
    server.kill()
    server.start()
    raw = RawClient(server.address)
    assert raw.history(names(), run_id) == before
    assert reset(raw, names(), 4, request_id="once") == run_id
    assert raw.describe(names(), base).workflow_extended_info.reset_run_id == run_id
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    raw.close()


# The SDK.


@activity.defn
async def work(value: str) -> str:
    return value.upper()


@workflow.defn
class Steps:
    def __init__(self) -> None:
        self.may_end = False

    @workflow.run
    async def run(self) -> list[str]:
        done = []
        for value in ("a", "b", "c"):
            done.append(await workflow.execute_activity(
                work, value, start_to_close_timeout=timedelta(seconds=10)))
            await workflow.sleep(0.05)
        await workflow.wait_condition(lambda: self.may_end)
        return done

    @workflow.signal
    def end(self) -> None:
        self.may_end = True


SIGNALED, COMPLETED = "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"
ROUND = [
    "ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted", *TASK,
    "TimerStarted", "TimerFired", *TASK]


def first_run(client: Client, handle: Any) -> Any:
    """The handle's first run, whatever the current one is."""
    return client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)


async def test_sdk_workflow_goes_on(client: Client, raw: RawClient, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Steps], activities=[work]):
        handle = await client.start_workflow(Steps.run, id=names(), task_queue=names.task_queue)
        events = await settles(handle, *IDLE, *ROUND * 3)
        await handle.signal(Steps.end)
        assert await handle.result() == ["A", "B", "C"]
        finished = [
            e.event_id for e in events
            if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
        for point, rounds in ((finished[0], 0), (finished[2], 1), (finished[-1], 3)):
            run_id = await asyncio.to_thread(
                reset, raw, names(), point, run_id=handle.first_execution_run_id)
            new = client.get_workflow_handle(names(), run_id=run_id)
            assert await new.result() == ["A", "B", "C"]
            assert types(history := await replayed(new, Steps))[:point] == [
                *types(events)[:point - 1], "WorkflowTaskFailed"]
            assert_well_formed(history)
            done = [name for name in ROUND if name not in TASK]
            assert [name for name in story(history) if name != SIGNALED] == [
                IDLE[0], *done * rounds, "WorkflowTaskFailed", *done * (3 - rounds), COMPLETED]
            assert types(history).count(SIGNALED) == 1
    assert types(await replayed(first_run(client, handle), Steps)) == [
        *IDLE, *ROUND * 3, SIGNALED, *TASK, COMPLETED]


async def test_sdk_signals_are_taken_over(client: Client, raw: RawClient, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        # The first task is done before the first signal comes.
        await eventually(lambda: _has(handle, 0))
        for value in range(4):
            await handle.signal(Collects.add, value)
            await eventually(lambda: _has(handle, value + 1))
        run_id = await asyncio.to_thread(reset, raw, names(), 4)
        new = client.get_workflow_handle(names(), run_id=run_id)
        await new.signal(Collects.stop_at, 4)
        assert await new.result() == [0, 1, 2, 3]
    assert story(await replayed(new, Collects)) == [
        IDLE[0], "WorkflowTaskFailed", *[SIGNALED] * 5, COMPLETED]
    assert story(await replayed(first_run(client, handle), Collects)) == [
        IDLE[0], *[SIGNALED] * 4, "WorkflowExecutionTerminated"]


async def _has(handle: Any, count: int) -> bool:
    return len(await handle.query(Collects.so_far)) == count
