"""Durations at and beyond what the API allows, in every place that takes one.

Each is either taken (and held to the server's own longest duration) or refused as an argument;
none may end the server, at once or when it is used later.
"""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import WorkflowType
from temporalio.api.taskqueue.v1 import StickyExecutionAttributes, TaskQueue

from Support.errors import expect_error, may_fail_with
from Support.raw import (
    RawClient, RetryPolicy, complete, continue_as_new, fail, failure, schedule_activity,
    start_timer, ws,
)
from Support.server import TargetServer

EXTREMES = {
    "max": Duration(seconds=2**63 - 1, nanos=999_999_999),
    "min": Duration(seconds=-(2**63), nanos=-999_999_999),
    "ten-thousand-years": Duration(seconds=315_576_000_000),
    "large": Duration(seconds=10**18),
    "nanos-max": Duration(seconds=1, nanos=2**31 - 1),
    "nanos-min": Duration(seconds=1, nanos=-(2**31)),
    "mixed-signs": Duration(seconds=5, nanos=-1),
    "one-nanosecond": Duration(nanos=1),
}

extreme = pytest.mark.parametrize("length", EXTREMES.values(), ids=EXTREMES.keys())
REFUSED = "INVALID_ARGUMENT"


@extreme
@pytest.mark.parametrize("field", [
    "workflow_execution_timeout", "workflow_run_timeout", "workflow_task_timeout",
    "workflow_start_delay",
])
def test_start(raw: RawClient, names, field: str, length: Duration) -> None:
    with may_fail_with(REFUSED):
        raw.start(names(), names.task_queue, **{field: length})
        raw.describe(names())
        with may_fail_with("NOT_FOUND"):
            raw.terminate(names())


@extreme
@pytest.mark.parametrize("field", ["initial_interval", "maximum_interval"])
@pytest.mark.parametrize("attempts", [0, 1, 2])
def test_retry_policy_of_a_workflow(
    raw: RawClient, names, field: str, attempts: int, length: Duration
) -> None:
    policy = RetryPolicy(
        backoff_coefficient=1e300, maximum_attempts=attempts, **{field: length})
    with may_fail_with(REFUSED):
        raw.start(names(), names.task_queue, retry_policy=policy)
        task = raw.next_workflow_task(names.task_queue)
        raw.respond(task, fail("once"))
        raw.describe(names())


@extreme
def test_timer(raw: RawClient, names, length: Duration) -> None:
    raw.start(names(), names.task_queue)
    command = start_timer("t", 1)
    command.start_timer_command_attributes.start_to_fire_timeout.CopyFrom(length)
    task = raw.next_workflow_task(names.task_queue)
    with may_fail_with(REFUSED):
        raw.respond(task, command)
    raw.describe(names())
    raw.terminate(names())


@extreme
@pytest.mark.parametrize("field", [
    "schedule_to_close_timeout", "schedule_to_start_timeout", "start_to_close_timeout",
    "heartbeat_timeout", "initial_interval", "maximum_interval",
])
def test_activity(raw: RawClient, names, field: str, length: Duration) -> None:
    raw.start(names(), names.task_queue)
    command = schedule_activity("a", names("aq"), start_to_close=30)
    attributes = command.schedule_activity_task_command_attributes
    if field.endswith("interval"):
        attributes.retry_policy.backoff_coefficient = 1e300
        getattr(attributes.retry_policy, field).CopyFrom(length)
    else:
        getattr(attributes, field).CopyFrom(length)
    task = raw.next_workflow_task(names.task_queue)
    with may_fail_with(REFUSED):
        raw.respond(task, command)
        if length.seconds > 10:
            activity = raw.next_activity_task(names("aq"))
            raw.heartbeat(activity)
            with may_fail_with("NOT_FOUND"):
                raw.fail_activity(activity, failure("again"))
    raw.describe(names())
    raw.terminate(names())


@extreme
def test_next_retry_delay(raw: RawClient, names, length: Duration) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names("aq"), start_to_close=30))
    cause = failure("again")
    cause.application_failure_info.next_retry_delay.CopyFrom(length)
    with may_fail_with(REFUSED):
        raw.fail_activity(raw.next_activity_task(names("aq")), cause)
    raw.describe(names())
    raw.terminate(names())


@extreme
@pytest.mark.parametrize("field", [
    "workflow_run_timeout", "workflow_task_timeout", "backoff_start_interval", "initial_interval",
])
def test_continue_as_new(raw: RawClient, names, field: str, length: Duration) -> None:
    raw.start(names(), names.task_queue)
    command = continue_as_new("Raw", names.task_queue)
    attributes = command.continue_as_new_workflow_execution_command_attributes
    target = attributes.retry_policy if field == "initial_interval" else attributes
    getattr(target, field).CopyFrom(length)
    task = raw.next_workflow_task(names.task_queue)
    with may_fail_with(REFUSED):
        raw.respond(task, command)
    raw.describe(names())


@extreme
def test_sticky_timeout(raw: RawClient, names, length: Duration) -> None:
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    sticky = StickyExecutionAttributes(
        worker_task_queue=TaskQueue(name=names("sticky")), schedule_to_start_timeout=length)
    with may_fail_with(REFUSED):
        raw.respond(task, sticky_attributes=sticky)
        raw.signal(names(), "s")
    raw.describe(names())


@extreme
def test_namespace_retention(raw: RawClient, names, length: Duration) -> None:
    with may_fail_with(REFUSED):
        raw.call(
            "RegisterNamespace", namespace=names("ns"),
            workflow_execution_retention_period=length)
        raw.call("DescribeNamespace", namespace=names("ns"))


@extreme
def test_signal_with_start(raw: RawClient, names, length: Duration) -> None:
    with may_fail_with(REFUSED):
        raw.call(
            "SignalWithStartWorkflowExecution", workflow_id=names(),
            workflow_type=WorkflowType(name="Raw"), task_queue=TaskQueue(name=names.task_queue),
            signal_name="s", workflow_start_delay=length,
            retry_policy=RetryPolicy(initial_interval=length))


def test_they_survive_a_restart(own_server, tmp_path) -> None:
    """The longest timers there are do not keep a server from starting again."""
    server: TargetServer = own_server(db_filename=tmp_path / "s.sqlite").start()
    raw = RawClient(server.address)
    longest = EXTREMES["ten-thousand-years"]
    with may_fail_with(REFUSED):
        raw.start("delayed", "q", workflow_start_delay=longest, workflow_run_timeout=longest)
    raw.start("timed", "q2")
    command = start_timer("t", 1)
    command.start_timer_command_attributes.start_to_fire_timeout.CopyFrom(longest)
    task: ws.PollWorkflowTaskQueueResponse = raw.next_workflow_task("q2")
    with may_fail_with(REFUSED):
        raw.respond(task, command)
    server.kill()
    server.start()
    raw = RawClient(server.address)
    assert raw.describe("timed").workflow_execution_info.status == 1
    raw.signal("timed", "s")
    raw.respond(raw.next_workflow_task("q2"), complete())
    with expect_error("NOT_FOUND"):
        raw.signal("timed", "s")
    server.stop()
