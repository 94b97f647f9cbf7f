"""Heartbeat details: carried into the next attempt, shown by describe."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from Support.histories import IDLE, TASK, types
from Support.raw import (
    RawClient, RetryPolicy as RawRetryPolicy, failure, payloads, schedule_activity, seconds,
)
from Support.sdk import events_of, make_worker


@activity.defn
async def resume() -> list[int]:
    seen = list(activity.info().heartbeat_details)
    if activity.info().attempt < 3:
        activity.heartbeat(*seen, activity.info().attempt * 10)
        raise ApplicationError("carry on")
    return seen


@workflow.defn
class Resuming:
    @workflow.run
    async def run(self) -> list[int]:
        return await workflow.execute_activity(
            resume, start_to_close_timeout=timedelta(seconds=10),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=50), backoff_coefficient=1.0))


async def test_details_reach_the_next_attempt(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Resuming], activities=[resume]):
        handle = await client.start_workflow(
            Resuming.run, id=names(), task_queue=names.task_queue)
        assert await handle.result() == [10, 20]
    assert types(await events_of(handle)) == [
        *IDLE, "ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted", *TASK,
        "WorkflowExecutionCompleted"]


def _running(raw: RawClient, names):
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity(
            "a", names("aq"), start_to_close=30, heartbeat=10,
            retry=RawRetryPolicy(initial_interval=seconds(0.05))))
    return raw.next_activity_task(names("aq"))


def test_details_survive_attempts_without_heartbeat(raw: RawClient, names) -> None:
    task = _running(raw, names)
    assert task.heartbeat_details.payloads == []
    raw.heartbeat(task, "progress")
    raw.fail_activity(task, failure("1"))
    second = raw.next_activity_task(names("aq"))
    assert second.heartbeat_details.payloads[0].data == b'"progress"'
    raw.fail_activity(second, failure("2"))
    third = raw.next_activity_task(names("aq"))
    assert third.attempt == 3
    assert third.heartbeat_details.payloads[0].data == b'"progress"'


def test_details_given_with_the_failure(raw: RawClient, names) -> None:
    task = _running(raw, names)
    raw.fail_activity(task, failure("1"), last_heartbeat_details=payloads("at the end"))
    second = raw.next_activity_task(names("aq"))
    assert second.heartbeat_details.payloads[0].data == b'"at the end"'


def test_describe_shows_the_last_heartbeat(raw: RawClient, names) -> None:
    task = _running(raw, names)
    reply = raw.heartbeat(task, "half")
    assert not reply.cancel_requested
    info = raw.describe(names()).pending_activities[0]
    assert info.heartbeat_details.payloads[0].data == b'"half"'
    assert info.HasField("last_heartbeat_time")


def test_activity_task_carries_what_it_needs(raw: RawClient, names) -> None:
    task = _running(raw, names)
    assert task.workflow_namespace == "default"
    assert task.workflow_execution.workflow_id == names()
    assert task.workflow_type.name == "Raw"
    assert (task.activity_id, task.activity_type.name, task.attempt) == ("a", "Work", 1)
    assert task.start_to_close_timeout.ToSeconds() == 30
    assert task.heartbeat_timeout.ToSeconds() == 10
    assert task.scheduled_time.seconds > 0 and task.started_time.seconds > 0
    assert task.current_attempt_scheduled_time.seconds > 0
