"""Activities that no workflow started: from their start to their outcome."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import ActivityExecutionStatus as Status
from temporalio.api.enums.v1 import PendingActivityState as State
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.client import ActivityFailureError, Client
from temporalio.common import RetryPolicy as SDKRetryPolicy
from temporalio.exceptions import ApplicationError

from Support.errors import expect_error
from Support.raw import Header, RawClient, failure, payload, payloads
from Support.sdk import make_worker


@activity.defn
async def greet(name: str) -> str:
    info = activity.info()
    assert info.workflow_id is None and info.activity_run_id
    return f"hello {name}"


@activity.defn
async def break_for_good() -> None:
    raise ApplicationError("broken", type="Broken", non_retryable=True)


async def test_sdk_executes_an_activity(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, activities=[greet]):
        result = await client.execute_activity(
            greet, "you", id=names(), task_queue=names.task_queue,
            start_to_close_timeout=timedelta(seconds=20))
    assert result == "hello you"
    handle = client.get_activity_handle(names(), result_type=str)
    assert await handle.result() == "hello you"
    described = await handle.describe()
    assert described.status.name == "COMPLETED" and described.attempt == 1
    assert described.activity_type == "greet" and described.task_queue == names.task_queue


async def test_sdk_gets_the_failure(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, activities=[break_for_good]):
        handle = await client.start_activity(
            break_for_good, id=names(), task_queue=names.task_queue,
            start_to_close_timeout=timedelta(seconds=20),
            retry_policy=SDKRetryPolicy(maximum_attempts=3))
        with pytest.raises(ActivityFailureError) as caught:
            await handle.result()
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "Broken" and cause.message == "broken"


def test_task_has_what_was_started(raw: RawClient, names) -> None:
    header = Header(fields={"h": payload("header")})
    started = raw.start_activity(
        names(), names.task_queue, input=payloads(1, "two"), header=header, heartbeat=20,
        schedule_to_close=120, start_to_close=60, priority={"priority_key": 2})
    assert started.started and started.link.activity.activity_id == names()
    assert started.link.activity.namespace == "default"
    assert started.link.activity.run_id == started.run_id
    task = raw.next_activity_task(names.task_queue)
    assert task.activity_id == names() and task.activity_run_id == started.run_id
    assert task.workflow_namespace == "default" and task.activity_type.name == "Work"
    assert not task.workflow_execution.workflow_id and not task.workflow_type.name
    assert task.input == payloads(1, "two") and task.header == header
    assert task.attempt == 1 and task.priority.priority_key == 2
    assert task.schedule_to_close_timeout.seconds == 120
    assert task.start_to_close_timeout.seconds == 60 and task.heartbeat_timeout.seconds == 20
    assert task.retry_policy.initial_interval.seconds == 1
    assert task.scheduled_time == task.current_attempt_scheduled_time
    raw.complete_activity(task, "done")
    outcome = raw.activity_outcome(names())
    assert outcome.run_id == started.run_id and outcome.outcome.result == payloads("done")


def test_description_before_during_and_after(raw: RawClient, names) -> None:
    metadata = UserMetadata(summary=payload("summary"))
    run_id = raw.start_activity(
        names(), names.task_queue, input=payloads(7), schedule_to_close=100,
        user_metadata=metadata).run_id
    before = raw.describe_activity(names(), include_input=True)
    info = before.info
    assert before.run_id == info.run_id == run_id and before.input == payloads(7)
    assert info.status == Status.ACTIVITY_EXECUTION_STATUS_RUNNING and info.attempt == 1
    assert info.run_state == State.PENDING_ACTIVITY_STATE_SCHEDULED
    assert info.schedule_to_start_timeout.seconds == 100
    assert info.expiration_time.seconds - info.schedule_time.seconds == 100
    assert info.execution_time == info.schedule_time and info.user_metadata == metadata
    assert not info.HasField("close_time") and not info.HasField("last_started_time")

    task = raw.next_activity_task(names.task_queue)
    raw.heartbeat(task, "half")
    during = raw.describe_activity(names(), run_id, include_heartbeat_details=True).info
    assert during.run_state == State.PENDING_ACTIVITY_STATE_STARTED
    assert during.heartbeat_details == payloads("half") and during.total_heartbeat_count == 1
    assert during.last_worker_identity == "raw-client" and during.HasField("last_started_time")
    assert during.state_transition_count > info.state_transition_count

    raw.complete_activity(task, 9)
    after = raw.describe_activity(names(), include_outcome=True)
    assert not after.HasField("input") and not after.info.HasField("heartbeat_details")
    assert after.outcome.result == payloads(9)
    assert after.info.status == Status.ACTIVITY_EXECUTION_STATUS_COMPLETED
    assert after.info.run_state == State.PENDING_ACTIVITY_STATE_UNSPECIFIED
    assert after.info.HasField("close_time") and after.info.state_size_bytes > 0
    assert after.info.execution_duration.ToNanoseconds() == (
        after.info.close_time.ToNanoseconds() - after.info.schedule_time.ToNanoseconds())


def test_answers_by_id(raw: RawClient, names) -> None:
    """A worker without a token names an activity by its id alone."""
    def by_id(rpc: str, what: str, **fields):
        return raw.call(rpc, workflow_id="", activity_id=names(what), identity="other", **fields)

    for what in ("complete", "fail", "cancel"):
        raw.start_activity(names(what), names.task_queue, retry={"maximum_attempts": 1})
        assert raw.next_activity_task(names.task_queue).activity_id == names(what)
    assert not by_id("RecordActivityTaskHeartbeatById", "cancel").cancel_requested
    by_id("RespondActivityTaskCompletedById", "complete", result=payloads(1))
    by_id("RespondActivityTaskFailedById", "fail", failure=failure("no"))
    raw.call("RequestCancelActivityExecution", activity_id=names("cancel"))
    assert by_id("RecordActivityTaskHeartbeatById", "cancel").cancel_requested
    by_id("RespondActivityTaskCanceledById", "cancel", details=payloads("stopped"))

    assert raw.activity_outcome(names("complete")).outcome.result == payloads(1)
    assert raw.activity_outcome(names("fail")).outcome.failure.message == "no"
    canceled = raw.activity_outcome(names("cancel")).outcome.failure
    assert canceled.canceled_failure_info.details == payloads("stopped")
    info = raw.describe_activity(names("complete")).info
    assert info.last_worker_identity == "other"


def test_completed_by_id_before_a_worker_took_it(raw: RawClient, names) -> None:
    run_id = raw.start_activity(names(), names.task_queue).run_id
    raw.call(
        "RespondActivityTaskCompletedById", activity_id=names(), run_id=run_id,
        result=payloads("early"))
    assert raw.activity_outcome(names()).outcome.result == payloads("early")
    assert not raw.poll_activity(names.task_queue, timeout=2.5).task_token


def test_failing_by_id_needs_a_worker(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue)
    with expect_error("NOT_FOUND", detail="NotFoundFailure", match="^activity not found for ID"):
        raw.call("RespondActivityTaskFailedById", activity_id=names(), failure=failure("no"))


def test_token_of_an_ended_attempt(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue, retry={"initial_interval": {"nanos": 1_000_000}})
    first = raw.next_activity_task(names.task_queue)
    raw.fail_activity(first, failure("again"))
    second = raw.next_activity_task(names.task_queue)
    for task, close in ((first, False), (second, True)):
        if close:
            raw.complete_activity(second)
        for report in (raw.heartbeat, raw.complete_activity):
            with expect_error("NOT_FOUND", match=f"^activity not found for ID: {names()}$"):
                report(task)


def test_start_delay(raw: RawClient, names) -> None:
    raw.start_activity(names(), names.task_queue, delay=1.5, schedule_to_close=60)
    info = raw.describe_activity(names()).info
    begin = info.schedule_time.ToNanoseconds()
    assert info.start_delay.ToNanoseconds() == 1_500_000_000
    assert info.execution_time.ToNanoseconds() == begin + 1_500_000_000
    assert info.next_attempt_schedule_time == info.execution_time
    assert info.expiration_time.ToNanoseconds() == begin + 61_500_000_000
    task = raw.next_activity_task(names.task_queue)
    assert task.started_time.ToNanoseconds() >= begin + 1_500_000_000
    assert task.scheduled_time.ToNanoseconds() == begin
    assert task.current_attempt_scheduled_time.ToNanoseconds() == begin + 1_500_000_000


def test_capabilities(raw: RawClient) -> None:
    info = raw.call("DescribeNamespace").namespace_info.capabilities
    assert info.standalone_activities and info.standalone_activity_start_delay
    assert not info.standalone_activity_operator_commands


def test_switched_off(own_server) -> None:
    server = own_server(extra=["--dynamic-config-value", "activity.enableStandalone=false"]).start()
    raw = RawClient(server.address)
    with expect_error("UNIMPLEMENTED", match="^Standalone activity is disabled$"):
        raw.start_activity("a", "q")
    for rpc, fields in (
        ("DescribeActivityExecution", {"activity_id": "a"}), ("ListActivityExecutions", {}),
        ("CountActivityExecutions", {}), ("PollActivityExecution", {"activity_id": "a"}),
    ):
        with expect_error("UNIMPLEMENTED", match="^Standalone activity is disabled$"):
            raw.call(rpc, **fields)
    with expect_error("INVALID_ARGUMENT", match="WorkflowId is not set"):
        raw.call("RespondActivityTaskCompletedById", activity_id="a")
    capabilities = raw.call("DescribeNamespace").namespace_info.capabilities
    assert not capabilities.standalone_activities
    server.stop()
