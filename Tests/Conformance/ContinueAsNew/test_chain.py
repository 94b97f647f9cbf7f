"""Continue-as-new: the chain, what is carried over, and what a caller sees of it."""

from __future__ import annotations

import time

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.client import Client, WorkflowContinuedAsNewError
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from Support.errors import expect_error
from Support.histories import IDLE, assert_history, find, types
from Support.raw import (
    RawClient, RetryPolicy, complete, continue_as_new, fail, payload, seconds)
from Support.sdk import events_of, make_worker, replayed

KEYWORD = SearchAttributeKey.for_keyword("CustomKeywordField")


@workflow.defn
class Counts:
    @workflow.run
    async def run(self, left: int, done: int) -> int:
        if left == 0:
            return done
        workflow.continue_as_new(args=[left - 1, done + 1])


async def test_chain_to_its_end(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Counts]):
        handle = await client.start_workflow(
            Counts.run, args=[3, 0], id=names(), task_queue=names.task_queue,
            memo={"note": "kept"},
            search_attributes=TypedSearchAttributes([SearchAttributePair(KEYWORD, "kept")]))
        assert await handle.result() == 3
        first = await client.get_workflow_handle(
            names(), run_id=handle.first_execution_run_id).describe()
        current = await client.get_workflow_handle(names()).describe()
        runs = [await events_of(client.get_workflow_handle(names(), run_id=run.run_id))
                for run in (first, current)]
    assert [types(events) for events in runs] == [
        [*IDLE, "WorkflowExecutionContinuedAsNew"], [*IDLE, "WorkflowExecutionCompleted"]]
    assert first.status == 6, "the first run: CONTINUED_AS_NEW"
    assert current.run_id != first.run_id
    assert await current.memo_value("note") == "kept"
    assert current.typed_search_attributes[KEYWORD] == "kept"


async def test_result_of_the_first_run_only(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Counts]):
        handle = await client.start_workflow(
            Counts.run, args=[1, 0], id=names(), task_queue=names.task_queue)
        with pytest.raises(WorkflowContinuedAsNewError):
            await handle.result(follow_runs=False)
        assert await handle.result() == 1
    for run_id, end in ((handle.first_execution_run_id, "ContinuedAsNew"), (None, "Completed")):
        run = client.get_workflow_handle(names(), run_id=run_id)
        assert types(await replayed(run, Counts)) == [*IDLE, f"WorkflowExecution{end}"]


def test_events_of_both_runs(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    raw.respond(task, continue_as_new("Next", names.task_queue, "input"))
    old = raw.history(names(), first)
    new = find(old, "WorkflowExecutionContinuedAsNew")["newExecutionRunId"]
    assert_history(old, """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionContinuedAsNew {"workflowType": {"name": "Next"}, "input": ["input"], "initiator": "CONTINUE_AS_NEW_INITIATOR_WORKFLOW"}
    """)
    started = find(raw.history(names(), new), "WorkflowExecutionStarted")
    assert started["continuedExecutionRunId"] == first
    assert started["firstExecutionRunId"] == first
    assert started["originalExecutionRunId"] == new
    assert started["initiator"] == "CONTINUE_AS_NEW_INITIATOR_WORKFLOW"
    assert started["attempt"] == 1
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert raw.describe(names(), first).workflow_execution_info.status == (
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW)
    assert raw.describe(names()).workflow_execution_info.execution.run_id == new


@pytest.mark.parametrize("how", ["continue-as-new", "retry", "cron"])
def test_user_metadata_is_that_of_the_start(raw: RawClient, names, how: str) -> None:
    """Only the run that was started has it: later ones have none."""
    metadata = UserMetadata(summary=payload("summary"), details=payload("details"))
    options, command = {
        "continue-as-new": ({}, continue_as_new("Raw", names.task_queue)),
        "retry": ({"retry_policy": RetryPolicy(initial_interval=seconds(0.1))}, fail("again")),
        "cron": ({"cron_schedule": "@every 1s"}, complete()),
    }[how]
    first = raw.start(names(), names.task_queue, user_metadata=metadata, **options).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), command)
    task = raw.next_workflow_task(names.task_queue)
    second = task.workflow_execution.run_id
    assert second != first
    assert raw.history(names(), first)[0].user_metadata == metadata
    assert raw.describe(names(), first).execution_config.user_metadata == metadata
    for started in (task.history.events[0], raw.history(names(), second)[0]):
        assert started.event_id == 1 and not started.HasField("user_metadata")
    assert not raw.describe(names(), second).execution_config.HasField("user_metadata")
    raw.terminate(names())


def test_user_metadata_of_a_reset_run(raw: RawClient, names) -> None:
    """It goes back to the same start."""
    metadata = UserMetadata(summary=payload("summary"))
    raw.start(names(), names.task_queue, user_metadata=metadata)
    raw.respond(raw.next_workflow_task(names.task_queue))
    run_id = raw.call(
        "ResetWorkflowExecution", workflow_execution={"workflow_id": names()}, reason="again",
        workflow_task_finish_event_id=4, request_id="r").run_id
    assert raw.history(names(), run_id)[0].user_metadata == metadata
    assert raw.describe(names()).execution_config.user_metadata == metadata


async def test_summary_of_the_first_run(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Counts]):
        handle = await client.start_workflow(
            Counts.run, args=[1, 0], id=names(), task_queue=names.task_queue,
            static_summary="to be seen", static_details="at length")
        assert await handle.result() == 1
    runs = [client.get_workflow_handle(names(), run_id=run_id)
            for run_id in (handle.first_execution_run_id, None)]
    described = [await run.describe() for run in runs]
    assert [await one.static_summary() for one in described] == ["to be seen", None]
    assert [await one.static_details() for one in described] == ["at length", None]
    assert [types(await replayed(run, Counts)) for run in runs] == [
        [*IDLE, "WorkflowExecutionContinuedAsNew"], [*IDLE, "WorkflowExecutionCompleted"]]


def test_short_runs_are_slowed_down(raw: RawClient, names) -> None:
    """A run that lived less than a second starts its successor's first task after one.

    The successor lives that second already, so that its own successor starts at once.
    """
    raw.start(names(), names.task_queue)
    before = time.monotonic()
    for _ in range(2):
        task = raw.next_workflow_task(names.task_queue)
        raw.respond(task, continue_as_new("Raw", names.task_queue))
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert time.monotonic() - before >= 0.9


def test_continuing_over_a_buffered_signal_is_refused(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "late")
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(task, continue_as_new("Raw", names.task_queue))
    failed = find(raw.history(names(), run_id), "WorkflowTaskFailed")
    assert failed["cause"] == "WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND"
    raw.respond(raw.next_workflow_task(names.task_queue), complete())


def test_signals_go_to_the_current_run(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue), continue_as_new("Raw", names.task_queue))
    raw.signal(names(), "s")
    with expect_error("NOT_FOUND"):
        raw.signal(names(), "s", run_id=first)
    assert types(raw.history(names()))[-1] in (
        "WorkflowExecutionSignaled", "WorkflowTaskScheduled")


def test_terminating_by_the_first_run_of_the_chain(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue), continue_as_new("Raw", names.task_queue))
    with expect_error("NOT_FOUND"):
        raw.terminate(
            names(), first_execution_run_id="11111111-1111-4111-8111-111111111111")
    raw.terminate(names(), first_execution_run_id=first)
    assert types(raw.history(names()))[-1] == "WorkflowExecutionTerminated"
