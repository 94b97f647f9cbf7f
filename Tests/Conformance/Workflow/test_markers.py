"""Markers: local activities, patches, and what replays without running again."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from Support.histories import IDLE, TASK, assert_history, find, types
from Support.raw import RawClient, complete, marker
from Support.sdk import make_worker, replayed

# How a history ends whose workflow sleeps and is done.
SLEPT = ["TimerStarted", "TimerFired", *TASK, "WorkflowExecutionCompleted"]

_calls: dict[str, int] = {}


@activity.defn
async def local_work(key: str, fail_times: int) -> int:
    _calls[key] = _calls.get(key, 0) + 1
    if _calls[key] <= fail_times:
        raise ApplicationError("again")
    return _calls[key]


@workflow.defn
class Local:
    @workflow.run
    async def run(self, key: str, fail_times: int) -> int:
        result = await workflow.execute_local_activity(
            local_work, args=[key, fail_times], start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=20), backoff_coefficient=1.0))
        await workflow.sleep(0.05)
        return result


@workflow.defn
class Patched:
    @workflow.run
    async def run(self) -> str:
        branch = "new" if workflow.patched("my-patch") else "old"
        await workflow.sleep(0.05)
        return branch


@workflow.defn
class Draws:
    @workflow.run
    async def run(self) -> list[str]:
        first = str(workflow.uuid4())
        await workflow.sleep(0.05)
        return [first, str(workflow.random().random())]


async def test_local_activity(client: Client, names) -> None:
    worker = make_worker(
        client, names.task_queue, workflows=[Local], activities=[local_work],
        max_cached_workflows=0)
    async with worker:
        handle = await client.start_workflow(
            Local.run, args=[names(), 2], id=names(), task_queue=names.task_queue)
        assert await handle.result() == 3
    assert _calls[names()] == 3, "replay does not run it again"
    events = await replayed(handle, Local)
    assert find(events, "MarkerRecorded")["markerName"] == "core_local_activity"
    assert types(events) == [*IDLE, "MarkerRecorded", *SLEPT]


async def test_patched_marker(client: Client, names) -> None:
    async with make_worker(
        client, names.task_queue, workflows=[Patched], max_cached_workflows=0
    ):
        handle = await client.start_workflow(
            Patched.run, id=names(), task_queue=names.task_queue)
        assert await handle.result() == "new"
    events = await replayed(handle, Patched)
    assert types(events) == [
        *IDLE, "MarkerRecorded", "UpsertWorkflowSearchAttributes", *SLEPT]
    assert find(events, "MarkerRecorded")["markerName"] == "core_patch"
    upserted = find(events, "UpsertWorkflowSearchAttributes")
    assert upserted["searchAttributes"]["indexedFields"]["TemporalChangeVersion"] == ["my-patch"]
    description = await handle.describe()
    assert description.search_attributes["TemporalChangeVersion"] == ["my-patch"]


async def test_replay_gives_the_same(client: Client, names) -> None:
    async with make_worker(
        client, names.task_queue, workflows=[Draws], max_cached_workflows=0
    ):
        handle = await client.start_workflow(Draws.run, id=names(), task_queue=names.task_queue)
        result = await handle.result()
    assert len(result) == 2
    assert types(await replayed(handle, Draws)) == [*IDLE, *SLEPT]


def test_marker_as_recorded(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue), marker("note", first=1, second={"a": "b"}),
        complete())
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 MarkerRecorded {"markerName": "note", "details": {"first": [1], "second": [{"a": "b"}]}, "workflowTaskCompletedEventId": "4"}
        6 WorkflowExecutionCompleted
    """)
