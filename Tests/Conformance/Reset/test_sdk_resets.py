"""Resets of workflows of the SDK: what the new run takes over, and what its code sees of it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from temporalio.api.enums.v1 import ResetReapplyExcludeType as Exclude
from temporalio.api.workflowservice import v1 as ws
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from Support.histories import IDLE, TASK, assert_history, find, story, types
from Support.scripts import Script, act, desks
from Support.sdk import events_of, eventually, make_worker, replayed, settles

SIGNALED, COMPLETED = "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"
UPDATED = ["WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]
FORKED = [*IDLE[:3], "WorkflowTaskFailed"]


def worker(client: Client, names):
    return make_worker(client, names.task_queue, workflows=[Script], activities=[act])


async def begin(client: Client, names, *steps: list[Any], **options: Any) -> WorkflowHandle:
    handle = await client.start_workflow(
        Script.run, list(steps), id=names(), task_queue=names.task_queue, **options)
    return client.get_workflow_handle(names(), run_id=handle.first_execution_run_id)


async def reset(
    client: Client, handle: WorkflowHandle, event_id: int, *excluded: int
) -> WorkflowHandle:
    """The run that goes on from a workflow task of the handle's run."""
    reply = await client.workflow_service.reset_workflow_execution(
        ws.ResetWorkflowExecutionRequest(
            namespace="default", reason="again", request_id=str(uuid.uuid4()),
            workflow_execution={"workflow_id": handle.id, "run_id": handle.run_id or ""},
            workflow_task_finish_event_id=event_id, reset_reapply_exclude_types=excluded))
    return client.get_workflow_handle(handle.id, run_id=reply.run_id)


async def mixed(client: Client, names) -> WorkflowHandle:
    """A workflow that waits, with a signal and an update behind its first task."""
    handle = await begin(client, names, ["hear", 4])
    await settles(handle, *IDLE)
    await handle.signal(Script.tell, "signal")
    await settles(handle, *IDLE, SIGNALED, *TASK)
    await handle.execute_update(Script.put, "update", id="u")
    await settles(handle, *IDLE, SIGNALED, *TASK, *TASK, *UPDATED)
    return handle


@pytest.mark.parametrize("excluded, kept", [
    ([], ["signal", "update"]),
    ([Exclude.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL], ["update"]),
    ([Exclude.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE], ["signal"]),
    ([Exclude.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL, Exclude.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE], []),
], ids=["all", "no-signals", "no-updates", "nothing"])
async def test_what_is_taken_over(
    client: Client, names, excluded: list[int], kept: list[str]
) -> None:
    async with worker(client, names):
        handle = await mixed(client, names)
        new = await reset(client, handle, 4, *excluded)
        assert types(await events_of(handle)) == [
            *IDLE, SIGNALED, *TASK, *TASK, *UPDATED, "WorkflowExecutionTerminated"]
        await eventually(lambda: _heard(new, kept))
        for _ in range(4 - len(kept)):
            await new.signal(Script.tell, "more")
        assert (await new.result())[0] == [*kept, *["more"] * (4 - len(kept))]
    events = await replayed(new, Script)
    assert types(events)[:4] == FORKED
    expected = {
        "signal": [SIGNALED], "update": ["WorkflowExecutionUpdateAdmitted"]}
    taken = [name for what in kept for name in expected[what]]
    assert types(events)[4:4 + len(taken)] == taken
    accepted = UPDATED if "update" in kept else []
    assert story(events)[2 + len(taken):] == [
        *accepted, *[SIGNALED] * (4 - len(kept)), COMPLETED]


async def _heard(handle: WorkflowHandle, expected: list[str]) -> bool:
    return await handle.query(Script.so_far) == expected


async def test_activity_runs_again(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["act", "result"], ["hear", 1])
        activity = ["ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted"]
        await settles(handle, *IDLE, *activity, *TASK)
        new = await reset(client, handle, 4)
        await new.signal(Script.tell, 1)
        assert await new.result() == ["attempt 1", [1]]
    assert desks[names()].attempts == [1, 1]
    assert [name for name in story(await replayed(new, Script)) if name != SIGNALED] == [
        "WorkflowExecutionStarted", "WorkflowTaskFailed", *activity, COMPLETED]


async def test_activity_before_the_point_keeps_its_result(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["act", "result"], ["hear", 1])
        activity = ["ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted"]
        await settles(handle, *IDLE, *activity, *TASK)
        new = await reset(client, handle, 10)
        await new.signal(Script.tell, 1)
        assert await new.result() == ["attempt 1", [1]]
    assert desks[names()].attempts == [1]
    events = await replayed(new, Script)
    assert types(events)[:10] == [*IDLE, *activity, *TASK[:2], "WorkflowTaskFailed"]
    assert story(events)[5:] == [SIGNALED, COMPLETED]


async def test_closed_workflow(client: Client, names) -> None:
    """A run that failed goes on from before its end, and its end stays as it was."""
    async with worker(client, names):
        handle = await begin(client, names, ["hear", 1], ["fail"])
        await settles(handle, *IDLE)
        await handle.signal(Script.tell, 1)
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        before = await events_of(handle)
        new = await reset(client, handle, 4)
        with pytest.raises(WorkflowFailureError):
            await new.result()
    assert await events_of(handle) == before
    assert_history(await replayed(new, Script), f"""
        1 WorkflowExecutionStarted {{"originalExecutionRunId": "{handle.run_id}"}}
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {{"cause": "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW", "baseRunId": "{handle.run_id}", "newRunId": "{new.run_id}"}}
        5 WorkflowExecutionSignaled {{"input": [1]}}
        6 WorkflowTaskScheduled
        7 WorkflowTaskStarted
        8 WorkflowTaskCompleted
        9 WorkflowExecutionFailed
    """)


async def test_timer_is_started_again(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["sleep", 0.3], ["hear", 1])
        await settles(handle, *IDLE, "TimerStarted", "TimerFired", *TASK)
        new = await reset(client, handle, 4)
        await settles(
            new, *FORKED, *TASK, "TimerStarted", "TimerFired", *TASK)
        await new.signal(Script.tell, 1)
        await new.result()
    assert types(await replayed(new, Script)) == [
        *FORKED, *TASK, "TimerStarted", "TimerFired", *TASK, SIGNALED, *TASK, COMPLETED]


async def test_reset_of_a_reset(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["hear", 2])
        await settles(handle, *IDLE)
        await handle.signal(Script.tell, "kept")
        await settles(handle, *IDLE, SIGNALED, *TASK)
        second = await reset(client, handle, 4)
        await settles(second, *FORKED, SIGNALED, *TASK)
        third = await reset(client, second, 8)
        await third.signal(Script.tell, "last")
        assert await third.result() == [["kept", "last"]]
    events = await replayed(third, Script)
    assert story(events) == [
        "WorkflowExecutionStarted", "WorkflowTaskFailed", SIGNALED, "WorkflowTaskFailed",
        SIGNALED, COMPLETED]
    assert find(events, "WorkflowTaskFailed", 1)["baseRunId"] == second.run_id
    assert find(events, "WorkflowExecutionStarted")["originalExecutionRunId"] == handle.run_id
    assert types(await replayed(second, Script)) == [
        *FORKED, SIGNALED, *TASK, "WorkflowExecutionTerminated"]
