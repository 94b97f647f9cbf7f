"""A query sees everything that was accepted before it was asked, and leaves no event."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import Client

from Support.histories import IDLE, story
from Support.scripts import Script, act
from Support.sdk import make_worker, replayed, settles

COMPLETED = "WorkflowExecutionCompleted"


def worker(client: Client, names, **options: Any):
    return make_worker(
        client, names.task_queue, workflows=[Script], activities=[act], **options)


@pytest.mark.parametrize("cached", [1000, 0], ids=["sticky", "no-cache"])
async def test_signals_before_a_query(client: Client, names, cached: int) -> None:
    async with worker(client, names, max_cached_workflows=cached):
        handle = await client.start_workflow(
            Script.run, [["hear", 6]], id=names(), task_queue=names.task_queue)
        await settles(handle, *IDLE)
        for number in range(1, 6):
            await handle.signal(Script.tell, number)
            assert await handle.query(Script.so_far) == list(range(1, number + 1))
        await handle.signal(Script.tell, 6)
        await handle.result()
    assert story(await replayed(handle, Script)) == [
        IDLE[0], *["WorkflowExecutionSignaled"] * 6, COMPLETED]


async def test_updates_before_a_query(client: Client, names) -> None:
    async with worker(client, names):
        handle = await client.start_workflow(
            Script.run, [["hear", 2]], id=names(), task_queue=names.task_queue)
        await settles(handle, *IDLE)
        await handle.execute_update(Script.put, 1)
        assert await handle.query(Script.so_far) == [1]
        await handle.execute_update(Script.put, 2)
        await handle.result()
        assert await handle.query(Script.so_far) == [1, 2], "of the closed workflow"
    told = story(await replayed(handle, Script))
    assert [name.removeprefix("WorkflowExecution") for name in told] == [
        "Started", "UpdateAccepted", "UpdateCompleted", "UpdateAccepted", "UpdateCompleted",
        "Completed"]
