"""Signal-with-start in every state a workflow id can be in."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.client import Client

from Support.errors import expect_error
from Support.histories import assert_history, types
from Support.programs import Collects
from Support.raw import RawClient, complete, seconds
from Support.sdk import events_of, make_worker

FRESH = """
    1 WorkflowExecutionStarted
    2 WorkflowExecutionSignaled {"signalName": "s", "input": [1]}
    3 WorkflowTaskScheduled
"""


def test_not_found_starts(raw: RawClient, names) -> None:
    reply = raw.signal_with_start(names(), names.task_queue, "s", 1)
    assert reply.started
    assert_history(raw.history(names(), reply.run_id), FRESH)


def test_running_signals(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    reply = raw.signal_with_start(names(), names.task_queue, "s", 1)
    assert not reply.started and reply.run_id == run_id
    assert types(raw.history(names()))[-1] == "WorkflowExecutionSignaled"


def test_running_with_a_started_task_buffers(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    assert raw.signal_with_start(names(), names.task_queue, "s", 1).run_id == run_id
    assert types(raw.history(names()))[-1] == "WorkflowTaskStarted"
    raw.respond(task)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())


def test_closed_starts_again(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue).run_id
    raw.terminate(names())
    reply = raw.signal_with_start(names(), names.task_queue, "s", 1)
    assert reply.started and reply.run_id != first
    assert_history(raw.history(names(), reply.run_id), FRESH)


def test_closed_and_duplicates_rejected(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.terminate(names())
    policy = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
    with expect_error("ALREADY_EXISTS", detail="WorkflowExecutionAlreadyStartedFailure"):
        raw.signal_with_start(names(), names.task_queue, "s", 1, workflow_id_reuse_policy=policy)


@pytest.mark.parametrize("completes", [True, False])
def test_closed_and_only_failed_may_repeat(raw: RawClient, names, completes: bool) -> None:
    raw.start(names(), names.task_queue)
    if completes:
        raw.respond(raw.next_workflow_task(names.task_queue), complete())
    else:
        raw.terminate(names())
    policy = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
    if completes:
        with expect_error("ALREADY_EXISTS"):
            raw.signal_with_start(
                names(), names.task_queue, "s", 1, workflow_id_reuse_policy=policy)
    else:
        assert raw.signal_with_start(
            names(), names.task_queue, "s", 1, workflow_id_reuse_policy=policy).started


def test_running_is_terminated_on_request(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue).run_id
    policy = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
    reply = raw.signal_with_start(
        names(), names.task_queue, "s", 1, workflow_id_conflict_policy=policy)
    assert reply.started and reply.run_id != first
    assert types(raw.history(names(), first))[-1] == "WorkflowExecutionTerminated"
    assert_history(raw.history(names(), reply.run_id), FRESH)


def test_conflict_policy_fail_makes_no_sense(raw: RawClient, names) -> None:
    policy = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL
    with expect_error("INVALID_ARGUMENT"):
        raw.signal_with_start(
            names(), names.task_queue, "s", 1, workflow_id_conflict_policy=policy)


def test_same_request_twice_signals_once(raw: RawClient, names) -> None:
    first = raw.signal_with_start(names(), names.task_queue, "s", 1, request_id="r")
    second = raw.signal_with_start(names(), names.task_queue, "s", 1, request_id="r")
    assert first.run_id == second.run_id
    assert_history(raw.history(names()), FRESH)


def test_under_a_start_delay(raw: RawClient, names) -> None:
    reply = raw.signal_with_start(
        names(), names.task_queue, "s", 1, workflow_start_delay=seconds(60))
    assert reply.started
    assert types(raw.history(names())) == [
        "WorkflowExecutionStarted", "WorkflowExecutionSignaled"], "no task before the delay ends"


def test_no_signal_name(raw: RawClient, names) -> None:
    with expect_error("INVALID_ARGUMENT"):
        raw.signal_with_start(names(), names.task_queue, "", 1)


async def test_with_the_sdk(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        for value in range(3):
            handle = await client.start_workflow(
                Collects.run, id=names(), task_queue=names.task_queue, start_signal="add",
                start_signal_args=[value])
        await handle.signal(Collects.stop_at, 3)
        assert await handle.result() == [0, 1, 2]
    story = [name for name in types(await events_of(handle)) if "Task" not in name]
    assert story == [
        "WorkflowExecutionStarted", *["WorkflowExecutionSignaled"] * 4,
        "WorkflowExecutionCompleted"]
