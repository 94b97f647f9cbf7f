"""Updates as users of an SDK see them."""

from __future__ import annotations

import asyncio
from collections import Counter

import grpc
import pytest
from temporalio.client import (
    Client, WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from Support.histories import IDLE, TASK, assert_history, find, render, story, types
from Support.programs import Updatable
from Support.raw import RawClient
from Support.sdk import events_of, eventually, make_worker, replayed
from Support.updates import ADMITTED, poll_update

ACCEPTED, COMPLETED = WorkflowUpdateStage.ACCEPTED, WorkflowUpdateStage.COMPLETED
UPDATED = ["WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]


async def started(client: Client, names) -> WorkflowHandle:
    """A workflow whose first task is done, so that updates come with tasks of their own."""
    handle = await client.start_workflow(
        Updatable.run, id=names(), task_queue=names.task_queue)

    async def is_idle() -> bool:
        return types(await events_of(handle)) == IDLE

    await eventually(is_idle)
    return handle


async def replay(handle: WorkflowHandle) -> None:
    """The history is one that a worker can run again."""
    await replayed(handle, Updatable)


@pytest.mark.parametrize("cached", [1000, 0], ids=["sticky", "no-cache"])
async def test_completes(client: Client, names, cached: int) -> None:
    worker = make_worker(
        client, names.task_queue, workflows=[Updatable], max_cached_workflows=cached)
    async with worker:
        handle = await started(client, names)
        assert await handle.execute_update(Updatable.add, 2, id="first") == 2
        assert await handle.execute_update(Updatable.add, 3, id="second") == 5
        await handle.signal(Updatable.finish)
        assert await handle.result() == 5
    assert_history(await events_of(handle), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 WorkflowExecutionUpdateAccepted {"protocolInstanceId": "first", "acceptedRequestMessageId": "first/request", "acceptedRequestSequencingEventId": "5", "acceptedRequest": {"input": {"name": "add", "args": [2]}}}
        9 WorkflowExecutionUpdateCompleted {"acceptedEventId": "8", "outcome": {"success": [2]}}
        10 WorkflowTaskScheduled
        11 WorkflowTaskStarted
        12 WorkflowTaskCompleted
        13 WorkflowExecutionUpdateAccepted {"protocolInstanceId": "second", "acceptedRequestSequencingEventId": "10"}
        14 WorkflowExecutionUpdateCompleted {"acceptedEventId": "13", "outcome": {"success": [5]}}
        15 WorkflowExecutionSignaled
        16 WorkflowTaskScheduled
        17 WorkflowTaskStarted
        18 WorkflowTaskCompleted
        19 WorkflowExecutionCompleted {"result": [5]}
    """)
    await replay(handle)


@pytest.mark.parametrize("cached", [1000, 0], ids=["sticky", "no-cache"])
async def test_validator_rejects(client: Client, names, cached: int) -> None:
    worker = make_worker(
        client, names.task_queue, workflows=[Updatable], max_cached_workflows=cached)
    async with worker:
        handle = await started(client, names)
        before = render(await events_of(handle))
        for _ in range(3):
            with pytest.raises(WorkflowUpdateFailedError) as caught:
                await handle.execute_update(Updatable.add, -1)
            assert isinstance(caught.value.cause, ApplicationError)
            assert caught.value.cause.message == "nothing below zero"
            assert caught.value.cause.type == "TooSmall"
        assert render(await events_of(handle)) == before, "as if nothing had been asked"
        assert await handle.execute_update(Updatable.add, 1) == 1
        assert await handle.query(Updatable.so_far) == 1
    assert types(await events_of(handle)) == [*IDLE, *TASK, *UPDATED]
    await replay(handle)


async def test_handler_fails(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await started(client, names)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await handle.execute_update(Updatable.fails)
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.type == "Wrong"
        assert await handle.execute_update(Updatable.add, 1) == 1, "the workflow goes on"
    events = await replayed(handle, Updatable)
    assert types(events) == [*IDLE, *TASK, *UPDATED, *TASK, *UPDATED]
    outcome = find(events, "WorkflowExecutionUpdateCompleted")["outcome"]
    assert outcome["failure"]["message"] == "went wrong"


async def test_unknown_handler(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await started(client, names)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await handle.execute_update("nonsense", 1)
        assert "'nonsense' expected but not found" in str(caught.value.cause)
    assert types(await replayed(handle, Updatable)) == IDLE


async def test_accepted_and_completed_later(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await started(client, names)
        update = await handle.start_update(
            Updatable.add_when_open, 1, id="u", wait_for_stage=ACCEPTED)
        assert update.workflow_run_id == handle.first_execution_run_id
        other = client.get_workflow_handle(handle.id).get_update_handle_for(
            Updatable.add_when_open, "u")
        waiting = [asyncio.create_task(one.result()) for one in (update, other)]
        assert types(await events_of(handle)) == [*IDLE, *TASK, UPDATED[0]]
        await handle.signal(Updatable.open)
        assert await asyncio.gather(*waiting) == [1, 1]
    assert types(await events_of(handle)) == [
        *IDLE, *TASK, UPDATED[0], "WorkflowExecutionSignaled", *TASK, UPDATED[1]]
    await replay(handle)


async def test_several_updates_in_one_task(client: Client, raw: RawClient, names) -> None:
    handle = await client.start_workflow(
        Updatable.run, id=names(), task_queue=names.task_queue)
    updates = [
        asyncio.create_task(handle.execute_update(Updatable.add, 1, id=f"u{n}"))
        for n in range(5)]
    for n in range(5):
        await _is_admitted(raw, names, f"u{n}")
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        assert sorted(await asyncio.gather(*updates)) == [1, 2, 3, 4, 5]
    assert types(await replayed(handle, Updatable)) == [*IDLE, *UPDATED * 5]


async def test_before_the_first_worker(client: Client, raw: RawClient, names) -> None:
    """The update finds a workflow that ends with it."""
    handle = await client.start_workflow(
        Updatable.run, id=names(), task_queue=names.task_queue)
    update = asyncio.create_task(handle.execute_update(Updatable.ends, id="u"))
    await _is_admitted(raw, names, "u")
    async with make_worker(
        client, names.task_queue, workflows=[Updatable], max_cached_workflows=0):
        assert await update == "ended"
        assert await handle.result() == 0
    assert types(await events_of(handle)) == [*IDLE, *UPDATED, "WorkflowExecutionCompleted"]
    await replay(handle)


async def _is_admitted(raw: RawClient, names, update_id: str) -> None:
    async def known() -> bool:
        try:
            return poll_update(raw, names(), update_id).stage == ADMITTED
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
            return False

    await eventually(known)


async def test_same_id(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await started(client, names)
        assert await handle.execute_update(Updatable.add, 1, id="u") == 1
        assert await handle.execute_update(Updatable.add, 1, id="u") == 1
        together = [handle.execute_update(Updatable.add, 1, id="v") for _ in range(4)]
        assert await asyncio.gather(*together) == [2] * 4
        assert await handle.query(Updatable.so_far) == 2
    assert types(await replayed(handle, Updatable)) == [*IDLE, *TASK, *UPDATED, *TASK, *UPDATED]


async def test_after_the_end(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await started(client, names)
        assert await handle.execute_update(Updatable.ends, id="u") == "ended"
        await handle.result()
        assert await handle.execute_update(Updatable.ends, id="u") == "ended"
        assert await handle.get_update_handle_for(Updatable.ends, "u").result() == "ended"
        with pytest.raises(RPCError, match="workflow execution already completed") as caught:
            await handle.execute_update(Updatable.ends, id="another")
        assert caught.value.status == RPCStatusCode.NOT_FOUND
    assert types(await replayed(handle, Updatable)) == [
        *IDLE, *TASK, *UPDATED, "WorkflowExecutionCompleted"]


async def test_unknown_workflow(client: Client, names) -> None:
    with pytest.raises(RPCError) as caught:
        await client.get_workflow_handle(names()).execute_update(Updatable.add, 1)
    assert caught.value.status == RPCStatusCode.NOT_FOUND


async def test_handle_of_an_earlier_workflow(client: Client, names) -> None:
    """The same workflow id, another workflow: its first run is another one."""
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        first = await started(client, names)
        await first.execute_update(Updatable.ends)
        await first.result()
        second = await started(client, names)
        with pytest.raises(RPCError, match="workflow execution not found") as caught:
            await first.execute_update(Updatable.add, 1)
        assert caught.value.status == RPCStatusCode.NOT_FOUND
        assert await second.execute_update(Updatable.add, 1) == 1
    for run, end in ((first, ["WorkflowExecutionCompleted"]), (second, [])):
        run = client.get_workflow_handle(names(), run_id=run.first_execution_run_id)
        assert types(await replayed(run, Updatable)) == [*IDLE, *TASK, *UPDATED, *end]


async def test_client_that_gives_up(client: Client, raw: RawClient, names) -> None:
    handle = await client.start_workflow(
        Updatable.run, id=names(), task_queue=names.task_queue)
    update = asyncio.create_task(handle.execute_update(Updatable.add, 1, id="u"))
    await _is_admitted(raw, names, "u")
    update.cancel()
    with pytest.raises((WorkflowUpdateRPCTimeoutOrCancelledError, asyncio.CancelledError)):
        await update
    assert poll_update(raw, names(), "u").stage == ADMITTED
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        assert await handle.get_update_handle_for(Updatable.add, "u").result() == 1
    assert types(await replayed(handle, Updatable)) == [*IDLE, *UPDATED]


async def test_worker_restart(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await started(client, names)
        update = await handle.start_update(
            Updatable.add_when_open, 1, wait_for_stage=ACCEPTED)
    await handle.signal(Updatable.open)
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        assert await update.result() == 1
        assert await handle.execute_update(Updatable.add, 1) == 2
    assert story(await replayed(handle, Updatable)) == [
        IDLE[0], UPDATED[0], "WorkflowExecutionSignaled", UPDATED[1], *UPDATED]


async def test_signals_queries_and_updates(client: Client, names) -> None:
    """Each sees what the ones before it did."""
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handle = await started(client, names)
        waiting = await handle.start_update(
            Updatable.add_when_open, 10, wait_for_stage=ACCEPTED)
        assert await handle.query(Updatable.so_far) == 0
        assert await handle.execute_update(Updatable.add, 1) == 1
        await handle.signal(Updatable.open)
        assert await handle.execute_update(Updatable.add, 1) == 12, "the signal was first"
        assert await waiting.result() == 11
        assert await handle.query(Updatable.so_far) == 12
        await asyncio.gather(
            *(handle.execute_update(Updatable.add, 1) for _ in range(8)),
            *(handle.query(Updatable.so_far) for _ in range(3)))
        assert await handle.query(Updatable.so_far) == 20
        await handle.signal(Updatable.finish)
        assert await handle.result() == 20
    told = story(await replayed(handle, Updatable))
    assert told[:5] == [IDLE[0], UPDATED[0], *UPDATED, "WorkflowExecutionSignaled"]
    assert Counter(told[5:-2]) == {UPDATED[0]: 9, UPDATED[1]: 10}, "they come together"
    assert told[-2:] == ["WorkflowExecutionSignaled", "WorkflowExecutionCompleted"]


async def test_many_workflows(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Updatable]):
        handles = await asyncio.gather(*(
            client.start_workflow(
                Updatable.run, id=names(f"w{n}"), task_queue=names.task_queue)
            for n in range(10)))
        for value in (1, 2, 3):
            assert await asyncio.gather(*(
                handle.execute_update(Updatable.add, 1) for handle in handles)) == [value] * 10
        await asyncio.gather(*(handle.execute_update(Updatable.ends) for handle in handles))
        assert await asyncio.gather(*(handle.result() for handle in handles)) == [3] * 10
    for handle in handles:
        assert story(await events_of(handle)) == [
            IDLE[0], *UPDATED * 4, "WorkflowExecutionCompleted"]
        await replay(handle)
