"""Update handlers that do more than answer: activities, timers, children, and unfinished ones."""

from __future__ import annotations

import asyncio
import warnings
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import (
    Client, WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateFailedError,
    WorkflowUpdateStage)
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from Support.histories import IDLE, TASK, assert_history, find, story, types
from Support.programs import Updatable
from Support.sdk import events_of, eventually, make_worker, replayed

ACCEPTED, COMPLETED = WorkflowUpdateStage.ACCEPTED, WorkflowUpdateStage.COMPLETED
UPDATED = ["WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]


@activity.defn
async def double(value: int) -> int:
    if activity.info().attempt == 1 and value == 13:
        raise ApplicationError("unlucky")
    return value * 2


@workflow.defn
class Doubles:
    @workflow.run
    async def run(self, value: int) -> int:
        return value * 2


@workflow.defn
class Busy:
    """Handlers that wait for something else."""

    def __init__(self) -> None:
        self.is_finished = False
        self.turn = asyncio.Lock()
        self.log: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.is_finished)
        return self.log

    @workflow.update
    async def by_activity(self, value: int) -> int:
        return await workflow.execute_activity(
            double, value, start_to_close_timeout=timedelta(seconds=20),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50)))

    @workflow.update
    async def by_timer(self, value: float) -> str:
        await workflow.sleep(value)
        return "slept"

    @workflow.update
    async def by_child(self, value: int) -> int:
        return await workflow.execute_child_workflow(
            Doubles.run, value, id=f"{workflow.info().workflow_id}-child")

    @workflow.update
    async def in_turn(self, name: str) -> None:
        async with self.turn:
            self.log.append(f"{name} begins")
            await workflow.sleep(0.1)
            self.log.append(f"{name} ends")

    @workflow.update
    async def id_of_update(self) -> str:
        update = workflow.current_update_info()
        assert update is not None
        return update.id

    @workflow.signal
    def finish(self) -> None:
        self.is_finished = True


async def started(client: Client, names, program: Any = Busy) -> WorkflowHandle:
    """A workflow whose first task is done."""
    handle = await client.start_workflow(program.run, id=names(), task_queue=names.task_queue)

    async def is_idle() -> bool:
        return types(await events_of(handle)) == IDLE

    await eventually(is_idle)
    return handle


def busy_worker(client: Client, names) -> Any:
    return make_worker(
        client, names.task_queue, workflows=[Busy, Doubles], activities=[double])


async def test_activity(client: Client, names) -> None:
    async with busy_worker(client, names):
        handle = await started(client, names)
        assert await handle.execute_update(Busy.by_activity, 4) == 8
    assert_history(await events_of(handle), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 WorkflowExecutionUpdateAccepted
        9 ActivityTaskScheduled {"workflowTaskCompletedEventId": "7"}
        10 ActivityTaskStarted
        11 ActivityTaskCompleted
        12 WorkflowTaskScheduled
        13 WorkflowTaskStarted
        14 WorkflowTaskCompleted
        15 WorkflowExecutionUpdateCompleted {"acceptedEventId": "8", "outcome": {"success": [8]}}
    """)


async def test_activity_that_is_tried_again(client: Client, names) -> None:
    async with busy_worker(client, names):
        handle = await started(client, names)
        assert await handle.execute_update(Busy.by_activity, 13) == 26
    assert types(await replayed(handle, Busy)) == [
        *IDLE, *TASK, UPDATED[0], "ActivityTaskScheduled", "ActivityTaskStarted",
        "ActivityTaskCompleted", *TASK, UPDATED[1]]


async def test_timer(client: Client, names) -> None:
    async with busy_worker(client, names):
        handle = await started(client, names)
        assert await handle.execute_update(Busy.by_timer, 0.3) == "slept"
    assert types(await events_of(handle)) == [
        *IDLE, *TASK, UPDATED[0], "TimerStarted", "TimerFired", *TASK, UPDATED[1]]


async def test_child(client: Client, names) -> None:
    async with busy_worker(client, names):
        handle = await started(client, names)
        assert await handle.execute_update(Busy.by_child, 5) == 10
    seen = [event for event in types(await events_of(handle)) if not event.startswith(
        "WorkflowTask")]
    assert seen == [
        "WorkflowExecutionStarted", UPDATED[0], "StartChildWorkflowExecutionInitiated",
        "ChildWorkflowExecutionStarted", "ChildWorkflowExecutionCompleted", UPDATED[1]]


async def test_handlers_take_turns(client: Client, names) -> None:
    async with busy_worker(client, names):
        handle = await started(client, names)
        await asyncio.gather(*(handle.execute_update(Busy.in_turn, name) for name in "abc"))
        await handle.signal(Busy.finish)
        log = await handle.result()
    assert [line.split()[1] for line in log] == ["begins", "ends"] * 3
    assert {line.split()[0] for line in log} == set("abc")
    told = story(await replayed(handle, Busy))
    assert told.count(UPDATED[0]) == 3
    assert [name for name in told if name != UPDATED[0]] == [
        IDLE[0], *["TimerStarted", "TimerFired", UPDATED[1]] * 3, "WorkflowExecutionSignaled",
        "WorkflowExecutionCompleted"]


async def test_handler_knows_its_id(client: Client, names) -> None:
    async with busy_worker(client, names):
        handle = await started(client, names)
        assert await handle.execute_update(Busy.id_of_update, id="my-id") == "my-id"
        made = await handle.start_update(Busy.id_of_update, wait_for_stage=COMPLETED)
        assert await made.result() == made.id
    assert types(await events_of(handle)) == [*IDLE, *TASK, *UPDATED, *TASK, *UPDATED]


@pytest.mark.parametrize("end", ["completes", "terminated", "cancelled"])
async def test_unfinished_at_the_end(client: Client, names, end: str) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await started(client, names, Updatable)
        update = await handle.start_update(
            Updatable.add_when_open, 1, id="u", wait_for_stage=ACCEPTED)
        waiting = asyncio.create_task(update.result())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if end == "completes":
                await handle.signal(Updatable.finish)
            elif end == "terminated":
                await handle.terminate()
            else:
                await handle.cancel()
            with pytest.raises(WorkflowUpdateFailedError) as caught:
                await waiting
        if end != "cancelled":
            # A cancelled workflow may cancel its handlers, which then fail by themselves.
            assert isinstance(caught.value.cause, ApplicationError)
            assert caught.value.cause.type == "AcceptedUpdateCompletedWorkflow"
            assert caught.value.cause.non_retryable
            with pytest.raises(WorkflowUpdateFailedError):
                await handle.execute_update(Updatable.add_when_open, 1, id="u")
    assert types(await replayed(handle, Updatable)) == [*IDLE, *TASK, UPDATED[0], *{
        "completes": ["WorkflowExecutionSignaled", *TASK, "WorkflowExecutionCompleted"],
        "terminated": ["WorkflowExecutionTerminated"],
        "cancelled": [
            "WorkflowExecutionCancelRequested", *TASK, "WorkflowExecutionCanceled"]}[end]]


async def test_run_times_out_with_an_update(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await client.start_workflow(
            Updatable.run, id=names(), task_queue=names.task_queue,
            execution_timeout=timedelta(seconds=3))
        update = await handle.start_update(
            Updatable.add_when_open, 1, wait_for_stage=ACCEPTED)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await update.result()
        assert caught.value.cause.type == "AcceptedUpdateCompletedWorkflow"
    assert story(await replayed(handle, Updatable)) == [
        IDLE[0], UPDATED[0], "WorkflowExecutionTimedOut"]


@workflow.defn
class Chain:
    """Continues as new when it is told to."""

    def __init__(self) -> None:
        self.goes_on = False
        self.is_finished = False

    @workflow.run
    async def run(self, number: int = 0) -> int:
        self.number = number
        await workflow.wait_condition(lambda: self.goes_on or self.is_finished)
        if self.goes_on:
            workflow.continue_as_new(number + 1)
        return number

    @workflow.update
    def go_on(self) -> None:
        self.goes_on = True

    @workflow.update
    def which(self) -> str:
        return workflow.info().run_id

    @workflow.signal
    def finish(self) -> None:
        self.is_finished = True


async def test_continue_as_new(client: Client, names) -> None:
    """An update of the chain goes to the run that is current."""
    async with make_worker(client, names.task_queue, workflows=[Chain]):
        handle = await started(client, names, Chain)
        first = handle.result_run_id
        await handle.execute_update(Chain.go_on)
        second = await handle.execute_update(Chain.which)
        assert second != first
        for _ in range(3):
            await handle.execute_update(Chain.go_on)
        assert await handle.execute_update(Chain.which) not in (first, second)
        with pytest.raises(RPCError, match="already completed") as caught:
            await client.get_workflow_handle(names(), run_id=first).execute_update(Chain.which)
        assert caught.value.status == RPCStatusCode.NOT_FOUND
        await handle.signal(Chain.finish)
        assert await handle.result() == 4
    ended = types(await events_of(client.get_workflow_handle(names(), run_id=first)))
    assert ended == [*IDLE, *TASK, *UPDATED, "WorkflowExecutionContinuedAsNew"]


async def test_updates_find_the_next_run(client: Client, names) -> None:
    """Updates that meet the end of a run are sent again by the client."""
    async with make_worker(client, names.task_queue, workflows=[Chain]):
        handle = await started(client, names, Chain)
        for _ in range(5):
            updates = [handle.execute_update(Chain.which) for _ in range(3)]
            await asyncio.gather(handle.execute_update(Chain.go_on), *updates)
        await handle.signal(Chain.finish)
        assert await handle.result() == 5
    run_id, updates, runs = handle.result_run_id, 0, 0
    while run_id:
        events = await replayed(client.get_workflow_handle(names(), run_id=run_id), Chain)
        told = story(events)
        here = told.count(UPDATED[0])
        last = runs == 5
        assert told == [IDLE[0], *UPDATED * here, *(
            ["WorkflowExecutionSignaled", "WorkflowExecutionCompleted"] if last
            else ["WorkflowExecutionContinuedAsNew"])]
        updates, runs = updates + here, runs + 1
        run_id = "" if last else find(events, told[-1])["newExecutionRunId"]
    assert (runs, updates) == (6, 20)


# With start.


def start_of(names, **options: Any) -> WithStartWorkflowOperation:
    options.setdefault("id_conflict_policy", WorkflowIDConflictPolicy.USE_EXISTING)
    return WithStartWorkflowOperation(
        Updatable.run, id=names(), task_queue=names.task_queue, **options)


async def test_update_with_start(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        first = start_of(names)
        assert await client.execute_update_with_start_workflow(
            Updatable.add, 1, start_workflow_operation=first) == 1
        handle = await first.workflow_handle()
        assert types(await events_of(handle)) == [*IDLE, *UPDATED]
        second = start_of(names)
        assert await client.execute_update_with_start_workflow(
            Updatable.add, 2, start_workflow_operation=second) == 3
        assert (await second.workflow_handle()).result_run_id == handle.result_run_id
        await handle.signal(Updatable.finish)
        assert await handle.result() == 3
    assert types(await events_of(handle)) == [
        *IDLE, *UPDATED, *TASK, *UPDATED, "WorkflowExecutionSignaled", *TASK,
        "WorkflowExecutionCompleted"]


async def test_update_with_start_that_must_start(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await started(client, names, Updatable)
        operation = start_of(names, id_conflict_policy=WorkflowIDConflictPolicy.FAIL)
        with pytest.raises(WorkflowAlreadyStartedError):
            await client.execute_update_with_start_workflow(
                Updatable.add, 1, start_workflow_operation=operation)
        with pytest.raises(WorkflowAlreadyStartedError):
            await operation.workflow_handle()
    assert types(await events_of(handle)) == IDLE


async def test_update_with_start_is_rejected(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        operation = start_of(names)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await client.execute_update_with_start_workflow(
                Updatable.add, -1, start_workflow_operation=operation)
        assert caught.value.cause.type == "TooSmall"
        handle = await operation.workflow_handle()
        assert await handle.query(Updatable.so_far) == 0
    assert types(await events_of(handle)) == IDLE


async def test_update_with_start_same_update(client: Client, names) -> None:
    """The outcome is told again, also when the workflow is over and may not be started again."""
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        for _ in range(2):
            operation = start_of(
                names, id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE)
            assert await client.execute_update_with_start_workflow(
                Updatable.ends, id="u", start_workflow_operation=operation) == "ended"
            handle = await operation.workflow_handle()
            assert await handle.result() == 0
        with pytest.raises(WorkflowAlreadyStartedError):
            await client.execute_update_with_start_workflow(
                Updatable.ends, id="another", start_workflow_operation=start_of(
                    names, id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE))
    assert types(await events_of(handle)) == [*IDLE, *UPDATED, "WorkflowExecutionCompleted"]


async def test_update_with_start_accepted(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        operation = start_of(names)
        update = await client.start_update_with_start_workflow(
            Updatable.add_when_open, 1, wait_for_stage=ACCEPTED,
            start_workflow_operation=operation)
        handle = await operation.workflow_handle()
        assert update.workflow_run_id == handle.result_run_id
        await handle.signal(Updatable.open)
        assert await update.result() == 1
    assert types(await events_of(handle)) == [
        *IDLE, UPDATED[0], "WorkflowExecutionSignaled", *TASK, UPDATED[1]]


async def test_update_with_start_of_a_closed_workflow(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await started(client, names, Updatable)
        await handle.terminate()
        operation = start_of(names)
        assert await client.execute_update_with_start_workflow(
            Updatable.add, 1, start_workflow_operation=operation) == 1
        new = await operation.workflow_handle()
        assert new.result_run_id != handle.result_run_id
    assert types(await events_of(new)) == [*IDLE, *UPDATED]
