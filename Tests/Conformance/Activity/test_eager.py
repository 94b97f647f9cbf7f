"""Eager activities: the worker that scheduled them gets them with the answer."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client

from Support.histories import IDLE, TASK, assert_history, find, types
from Support.raw import (
    IDENTITY, RawClient, cancel_activity, complete, schedule_activity,
)
from Support.sdk import make_worker, replayed


def _eager(activity_id: str, queue: str):
    command = schedule_activity(activity_id, queue, start_to_close=30)
    command.schedule_activity_task_command_attributes.request_eager_execution = True
    return command


def test_task_comes_with_the_answer(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    reply = raw.respond(
        raw.next_workflow_task(names.task_queue), _eager("a", names.task_queue),
        schedule_activity("b", names("aq"), start_to_close=30))
    assert [task.activity_id for task in reply.activity_tasks] == ["a"]
    task = reply.activity_tasks[0]
    assert task.attempt == 1 and task.started_time.seconds > 0 and task.task_token
    assert task.workflow_execution.workflow_id == names()
    pending = raw.describe(names()).pending_activities
    assert pending[0].last_worker_identity == IDENTITY
    assert raw.next_activity_task(names("aq")).activity_id == "b"
    assert not raw.poll_activity(names.task_queue, timeout=2.5).task_token, "not handed out twice"
    raw.complete_activity(task, "here")
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled {"activityId": "a"}
        6 ActivityTaskScheduled {"activityId": "b"}
        7 ActivityTaskStarted {"scheduledEventId": "5", "identity": "raw-client", "attempt": 1}
        8 ActivityTaskCompleted {"scheduledEventId": "5", "result": ["here"]}
        9 WorkflowTaskScheduled
        10 WorkflowTaskStarted
        11 WorkflowTaskCompleted
        12 WorkflowExecutionCompleted
    """)


def test_not_when_the_workflow_closes(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    reply = raw.respond(
        raw.next_workflow_task(names.task_queue), _eager("a", names.task_queue), complete())
    assert not reply.activity_tasks
    assert types(raw.history(names()))[-1] == "WorkflowExecutionCompleted"


def test_not_when_cancelled_at_once(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    reply = raw.respond(
        raw.next_workflow_task(names.task_queue), _eager("a", names.task_queue),
        cancel_activity(5))
    assert not reply.activity_tasks
    assert "ActivityTaskCanceled" in types(raw.history(names()))


def test_times_out_like_any_other(raw: RawClient, names) -> None:
    command = _eager("a", names.task_queue)
    attributes = command.schedule_activity_task_command_attributes
    attributes.start_to_close_timeout.FromMilliseconds(300)
    attributes.retry_policy.maximum_attempts = 1
    raw.start(names(), names.task_queue)
    assert raw.respond(raw.next_workflow_task(names.task_queue), command).activity_tasks
    raw.next_workflow_task(names.task_queue)
    assert find(raw.history(names()), "ActivityTaskTimedOut")["retryState"] == (
        "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED")


def test_switched_off(own_server, names) -> None:
    target = own_server(extra=["--dynamic-config-value",
                                   "system.enableActivityEagerExecution=false"])
    target.start()
    raw = RawClient(target.address)
    raw.start(names(), names.task_queue)
    reply = raw.respond(
        raw.next_workflow_task(names.task_queue), _eager("a", names.task_queue))
    assert not reply.activity_tasks
    assert raw.next_activity_task(names.task_queue).activity_id == "a"
    raw.close()


@activity.defn
async def twice(number: int) -> int:
    return 2 * number


@workflow.defn
class Doubling:
    @workflow.run
    async def run(self, number: int) -> int:
        for _ in range(3):
            number = await workflow.execute_activity(
                twice, number, start_to_close_timeout=timedelta(seconds=10))
        return number


async def test_sdk_worker(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Doubling], activities=[twice]):
        handle = await client.start_workflow(
            Doubling.run, 1, id=names(), task_queue=names.task_queue)
        assert await handle.result() == 8
    one = ["ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted", *TASK]
    assert types(await replayed(handle, Doubling)) == [
        *IDLE, *one * 3, "WorkflowExecutionCompleted"]
