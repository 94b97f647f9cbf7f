"""Chains of runs of the SDK: retries, continue-as-new, cron, and changed options."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.workflowservice import v1 as ws
from temporalio.client import Client, WorkflowContinuedAsNewError, WorkflowHandle
from temporalio.common import RetryPolicy, SearchAttributePair, TypedSearchAttributes

from Support.histories import IDLE, assert_history, find, story, types
from Support.scripts import KEYWORD, Script, act
from Support.sdk import events_of, eventually, make_worker, replayed, settles

COMPLETED, FAILED = "WorkflowExecutionCompleted", "WorkflowExecutionFailed"
CONTINUED = "WorkflowExecutionContinuedAsNew"
STATE = "RETRY_STATE_"


def worker(client: Client, names):
    return make_worker(client, names.task_queue, workflows=[Script], activities=[act])


async def begin(client: Client, names, *steps: list[Any], **options: Any) -> WorkflowHandle:
    """The first run's own handle."""
    handle = await client.start_workflow(
        Script.run, list(steps), id=names(), task_queue=names.task_queue, **options)
    return client.get_workflow_handle(names(), run_id=handle.first_execution_run_id)


def policy(**options: Any) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(milliseconds=50), backoff_coefficient=1.0, **options)


async def chain(client: Client, first: WorkflowHandle) -> list[list[Any]]:
    """The histories of a chain's runs, each of which a worker can run again."""
    found, run_id = [], first.run_id
    while run_id:
        handle = client.get_workflow_handle(first.id, run_id=run_id)
        await eventually(lambda: _is_closed(handle))
        events = await replayed(handle, Script)
        found.append(events)
        run_id = getattr(
            getattr(events[-1], events[-1].WhichOneof("attributes")), "new_execution_run_id", "")
    return found


async def _is_closed(handle: WorkflowHandle) -> bool:
    return (await handle.describe()).close_time is not None


# A workflow's failure, its policy, and with what state the first run ends.
@pytest.mark.parametrize("failure, options, states", [
    ({}, {"maximum_attempts": 2}, ["IN_PROGRESS", "MAXIMUM_ATTEMPTS_REACHED"]),
    ({"non_retryable": True}, {}, ["NON_RETRYABLE_FAILURE"]),
    ({"type": "Fatal"}, {"non_retryable_error_types": ["Fatal"]}, ["NON_RETRYABLE_FAILURE"]),
    ({}, None, ["RETRY_POLICY_NOT_SET"]),
], ids=["attempts-run-out", "non-retryable", "non-retryable-type", "no-policy"])
async def test_failure_is_final(
    client: Client, names, failure: dict[str, Any], options: Any, states: list[str]
) -> None:
    async with worker(client, names):
        first = await begin(
            client, names, ["fail", 9, failure],
            retry_policy=None if options is None else policy(**options))
        runs = await chain(client, first)
    assert [types(events) for events in runs] == [[*IDLE, FAILED]] * len(states)
    assert [find(events, FAILED)["retryState"] for events in runs] == [
        STATE + state for state in states]


async def test_retry_takes_over_what_the_run_was_given(client: Client, names) -> None:
    async with worker(client, names):
        first = await begin(
            client, names, ["memo", {"added": 1}], ["keyword", "changed"], ["fail", 2], ["info"],
            ["last"], retry_policy=policy(), memo={"note": "kept"},
            search_attributes=TypedSearchAttributes([SearchAttributePair(KEYWORD, "kept")]))
        result = await client.get_workflow_handle(names()).result()
        runs = await chain(client, first)
    upserts = ["WorkflowPropertiesModified", "UpsertWorkflowSearchAttributes"]
    assert [types(events) for events in runs] == [
        [*IDLE, *upserts, FAILED], [*IDLE, *upserts, COMPLETED]]
    assert result[3]["attempt"] == 2 and result[4][1]
    started = find(runs[1], "WorkflowExecutionStarted")
    assert started["continuedFailure"]["message"] == "attempt 1"
    assert started["initiator"] == "CONTINUE_AS_NEW_INITIATOR_RETRY"
    assert started["memo"]["fields"]["note"] == "kept"


async def test_next_retry_delay(client: Client, names) -> None:
    async with worker(client, names):
        first = await begin(
            client, names, ["fail", 2, {"next_retry_delay": 1.2}], retry_policy=policy())
        runs = await chain(client, first)
    assert [types(events) for events in runs] == [[*IDLE, FAILED], [*IDLE, COMPLETED]]
    assert find(runs[1], "WorkflowExecutionStarted")["firstWorkflowTaskBackoff"] == "1.200s"


async def test_retry_of_a_timed_out_run(client: Client, names) -> None:
    async with worker(client, names):
        first = await begin(
            client, names, ["sleep", 60], retry_policy=policy(maximum_attempts=2),
            run_timeout=timedelta(milliseconds=500))
        runs = await chain(client, first)
    assert [types(events) for events in runs] == [
        [*IDLE, "TimerStarted", "WorkflowExecutionTimedOut"]] * 2
    assert [find(events, "WorkflowExecutionTimedOut")["retryState"] for events in runs] == [
        STATE + "IN_PROGRESS", STATE + "MAXIMUM_ATTEMPTS_REACHED"]


@pytest.mark.parametrize("how, interval", [("retry", None), ("cron", "@every 1s")])
async def test_result_of_one_run_only(
    client: Client, names, how: str, interval: str | None
) -> None:
    """To the SDK, which follows continuations only, a run that has a next one is continued."""
    async with worker(client, names):
        steps = ["fail", 2] if how == "retry" else ["hear", 0]
        first = await begin(
            client, names, steps, retry_policy=policy(maximum_attempts=2),
            cron_schedule=interval or "")
        with pytest.raises(WorkflowContinuedAsNewError) as caught:
            await first.result(follow_runs=False)
        events = await replayed(first, Script)
        if how == "retry":
            assert await first.result() == [2], "of the last run"
        else:
            await client.get_workflow_handle(names()).terminate()
    end = FAILED if how == "retry" else COMPLETED
    assert types(events) == [*IDLE, end]
    assert find(events, end)["newExecutionRunId"] == caught.value.new_execution_run_id


@pytest.mark.parametrize("changed", [False, True], ids=["kept", "changed"])
async def test_continue_as_new_and_attributes(client: Client, names, changed: bool) -> None:
    options = {"memo": {"note": "new"}, "keyword": "new"} if changed else {}
    async with worker(client, names):
        first = await begin(
            client, names, ["again", [["info"]], options], memo={"note": "kept"},
            search_attributes=TypedSearchAttributes([SearchAttributePair(KEYWORD, "kept")]))
        runs = await chain(client, first)
    assert [types(events) for events in runs] == [[*IDLE, CONTINUED], [*IDLE, COMPLETED]]
    expected = "new" if changed else "kept"
    info = find(runs[1], COMPLETED)["result"][0][0]
    assert (info["memo"], info["keyword"]) == ({"note": expected}, expected)
    for attributes in (find(runs[0], CONTINUED), find(runs[1], "WorkflowExecutionStarted")):
        assert attributes["memo"]["fields"] == {"note": expected}


async def test_continue_as_new_ends_the_attempts(client: Client, names) -> None:
    """The run after it counts from one, with the policy it was given or had before."""
    async with worker(client, names):
        first = await begin(
            client, names, ["fail", 2], ["again", [["fail", 2]]], retry_policy=policy())
        runs = await chain(client, first)
    assert [types(events) for events in runs] == [
        [*IDLE, end] for end in (FAILED, CONTINUED, FAILED, COMPLETED)]
    assert [find(events, "WorkflowExecutionStarted")["attempt"] for events in runs] == [1, 2, 1, 2]


async def test_continue_as_new_with_other_options(client: Client, names) -> None:
    async with worker(client, names), make_worker(client, names("other"), workflows=[Script]):
        first = await begin(client, names, ["again", [["sleep", 9]], {
            "task_queue": names("other"), "run_timeout": 1, "attempts": 1}])
        runs = await chain(client, first)
    assert [types(events) for events in runs] == [
        [*IDLE, CONTINUED], [*IDLE, "TimerStarted", "WorkflowExecutionTimedOut"]]
    started = find(runs[1], "WorkflowExecutionStarted")
    assert started["taskQueue"]["name"] == names("other")
    assert started["workflowRunTimeout"] == "1s"


async def test_cron_after_a_failure(client: Client, names) -> None:
    """The schedule goes on; the next run knows of the failure."""
    async with worker(client, names):
        first = await begin(client, names, ["fail"], ["last"], cron_schedule="@every 1s")
        await eventually(lambda: _is_closed(first))
        events = await replayed(first, Script)
        second = find(events, FAILED)["newExecutionRunId"]
        started = find(await events_of(client.get_workflow_handle(names(), run_id=second)),
                       "WorkflowExecutionStarted")
        await client.get_workflow_handle(names()).terminate()
    assert types(events) == [*IDLE, FAILED]
    assert started["initiator"] == "CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE"
    assert started["continuedFailure"]["message"] == "attempt 1" and started["attempt"] == 1
    assert started["cronSchedule"] == "@every 1s"


async def change_options(client: Client, handle: WorkflowHandle, path: str, **options: Any) -> None:
    await client.workflow_service.update_workflow_execution_options(
        ws.UpdateWorkflowExecutionOptionsRequest(
            namespace="default", workflow_execution={"workflow_id": handle.id},
            workflow_execution_options=options, update_mask=FieldMask(paths=[path])))


async def test_options_while_it_runs(client: Client, names) -> None:
    """They are written at once, and no worker is woken for them."""
    async with worker(client, names):
        handle = await begin(client, names, ["hear", 1], ["act", "result"])
        await settles(handle, *IDLE)
        await change_options(client, handle, "priority", priority={"priority_key": 4})
        await settles(handle, *IDLE, "WorkflowExecutionOptionsUpdated")
        await handle.signal(Script.tell, 1)
        await handle.result()
    assert_history(await replayed(handle, Script), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionOptionsUpdated {"priority": {"priorityKey": 4}}
        6 WorkflowExecutionSignaled
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 ActivityTaskScheduled
        11 ActivityTaskStarted
        12 ActivityTaskCompleted
        13 WorkflowTaskScheduled
        14 WorkflowTaskStarted
        15 WorkflowTaskCompleted
        16 WorkflowExecutionCompleted
    """)


async def test_override_is_put_and_taken_away(client: Client, names) -> None:
    async with worker(client, names):
        handle = await begin(client, names, ["hear", 1])
        await settles(handle, *IDLE)
        await change_options(
            client, handle, "versioning_override", versioning_override={"auto_upgrade": True})
        await change_options(client, handle, "versioning_override")
        await handle.signal(Script.tell, 1)
        await handle.result()
    events = await replayed(handle, Script)
    assert story(events) == [
        IDLE[0], *["WorkflowExecutionOptionsUpdated"] * 2, "WorkflowExecutionSignaled", COMPLETED]
    changes = [event.workflow_execution_options_updated_event_attributes for event in events
               if event.HasField("workflow_execution_options_updated_event_attributes")]
    assert changes[0].versioning_override.auto_upgrade
    assert changes[1].unset_versioning_override
