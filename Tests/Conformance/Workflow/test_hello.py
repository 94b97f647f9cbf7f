"""A normal program: a workflow, an activity, results and failures, with the real SDK."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

from Support.histories import IDLE, TASK, assert_history, attributes, story, type_name, types
from Support.sdk import events_of, make_worker, replayed

SHORT = timedelta(seconds=10)
# The events of a workflow with one activity.
WHOLE = [
    *IDLE, "ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted", *TASK,
    "WorkflowExecutionCompleted"]


@activity.defn
async def greet(name: str) -> str:
    return f"Hello, {name}!"


@workflow.defn
class Hello:
    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(greet, name, start_to_close_timeout=SHORT)


@workflow.defn
class Fan:
    @workflow.run
    async def run(self, count: int) -> list[str]:
        return await asyncio.gather(*[
            workflow.execute_activity(greet, f"n{i}", start_to_close_timeout=SHORT)
            for i in range(count)
        ])


@workflow.defn
class Failing:
    @workflow.run
    async def run(self) -> None:
        raise ApplicationError("no luck", {"code": 7}, type="NoLuck", non_retryable=True)


@workflow.defn
class Nothing:
    @workflow.run
    async def run(self) -> None:
        return None


async def test_hello_world(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Hello], activities=[greet]):
        handle = await client.start_workflow(
            Hello.run, "World", id=names(), task_queue=names.task_queue)
        assert await handle.result() == "Hello, World!"
    assert_history(await events_of(handle), """
        1 WorkflowExecutionStarted {"workflowType": {"name": "Hello"}, "input": ["World"], "attempt": 1}
        2 WorkflowTaskScheduled {"attempt": 1, "startToCloseTimeout": "10s"}
        3 WorkflowTaskStarted {"scheduledEventId": "2"}
        4 WorkflowTaskCompleted {"scheduledEventId": "2", "startedEventId": "3"}
        5 ActivityTaskScheduled {"activityType": {"name": "greet"}, "input": ["World"], "workflowTaskCompletedEventId": "4"}
        6 ActivityTaskStarted {"scheduledEventId": "5", "attempt": 1}
        7 ActivityTaskCompleted {"scheduledEventId": "5", "startedEventId": "6", "result": ["Hello, World!"]}
        8 WorkflowTaskScheduled {"attempt": 1}
        9 WorkflowTaskStarted {"scheduledEventId": "8"}
        10 WorkflowTaskCompleted {"scheduledEventId": "8", "startedEventId": "9"}
        11 WorkflowExecutionCompleted {"result": ["Hello, World!"], "workflowTaskCompletedEventId": "10"}
    """)


async def test_hello_world_without_eager_activities(client: Client, names) -> None:
    worker = make_worker(
        client, names.task_queue, workflows=[Hello], activities=[greet],
        disable_eager_activity_execution=True)
    async with worker:
        handle = await client.start_workflow(
            Hello.run, "Matching", id=names(), task_queue=names.task_queue)
        assert await handle.result() == "Hello, Matching!"
    assert types(await replayed(handle, Hello)) == WHOLE


async def test_hello_world_in_the_sdk_sandbox(client: Client, names) -> None:
    worker = Worker(
        client, task_queue=names.task_queue, workflows=[Hello], activities=[greet])
    async with worker:
        handle = await client.start_workflow(
            Hello.run, "Sandbox", id=names(), task_queue=names.task_queue)
        assert await handle.result() == "Hello, Sandbox!"
    assert types(await replayed(handle, Hello)) == WHOLE


async def test_activities_side_by_side(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Fan], activities=[greet]):
        handle = await client.start_workflow(
            Fan.run, 50, id=names(), task_queue=names.task_queue)
        assert await handle.result() == [f"Hello, n{i}!" for i in range(50)]
    events = await replayed(handle, Fan)
    told = story(events)
    assert told[:51] == [IDLE[0], *["ActivityTaskScheduled"] * 50]
    # What comes while a workflow task runs waits for its end: the activities mix.
    assert Counter(told[51:]) == {
        "ActivityTaskStarted": 50, "ActivityTaskCompleted": 50, "WorkflowExecutionCompleted": 1}
    assert told[-1] == "WorkflowExecutionCompleted"
    seen: dict[str, list[str]] = defaultdict(list)
    for event in events:
        if "scheduledEventId" in attributes(event) and type_name(event) not in TASK:
            seen[attributes(event)["scheduledEventId"]].append(type_name(event))
    assert list(seen.values()) == [["ActivityTaskStarted", "ActivityTaskCompleted"]] * 50


async def test_many_workflows_at_once(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Hello], activities=[greet]):
        results = await asyncio.gather(*[
            client.execute_workflow(
                Hello.run, str(i), id=names(f"w{i}"), task_queue=names.task_queue)
            for i in range(100)
        ])
    assert results == [f"Hello, {i}!" for i in range(100)]
    for i in range(100):
        assert types(await replayed(client.get_workflow_handle(names(f"w{i}")), Hello)) == WHOLE


async def test_workflow_failure_reaches_the_caller(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Failing]):
        handle = await client.start_workflow(
            Failing.run, id=names(), task_queue=names.task_queue)
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.message, cause.type, cause.non_retryable) == ("no luck", "NoLuck", True)
    assert cause.details == ({"code": 7},)
    assert_history(await events_of(handle), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionFailed {"failure": {"message": "no luck"}, "retryState": "RETRY_STATE_RETRY_POLICY_NOT_SET"}
    """)


async def test_workflow_without_result(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Nothing]):
        handle = await client.start_workflow(
            Nothing.run, id=names(), task_queue=names.task_queue)
        assert await handle.result() is None
    assert types(await replayed(handle, Nothing)) == [*IDLE, "WorkflowExecutionCompleted"]


@activity.defn
async def always_wrong() -> None:
    raise ApplicationError("wrong", type="Wrong", non_retryable=True)


@workflow.defn
class WrapsFailure:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(always_wrong, start_to_close_timeout=SHORT)


async def test_activity_failure_fails_the_workflow_with_its_cause(client: Client, names) -> None:
    worker = make_worker(
        client, names.task_queue, workflows=[WrapsFailure], activities=[always_wrong])
    async with worker:
        handle = await client.start_workflow(
            WrapsFailure.run, id=names(), task_queue=names.task_queue)
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    error = caught.value.cause
    assert isinstance(error, ActivityError) and error.activity_type == "always_wrong"
    assert isinstance(error.cause, ApplicationError) and error.cause.type == "Wrong"
    assert types(await replayed(handle, WrapsFailure)) == [
        *WHOLE[:6], "ActivityTaskFailed", *TASK, "WorkflowExecutionFailed"]
