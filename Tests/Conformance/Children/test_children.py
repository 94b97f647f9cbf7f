"""Child workflows: how they start, end, and what their parents see of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.api.enums.v1 import ParentClosePolicy
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import (
    ApplicationError, CancelledError, ChildWorkflowError, TerminatedError, TimeoutError,
)

from Support.families import ALL, CancelsChild, Child, Parent, SignalsChild
from Support.histories import (
    IDLE, TASK, assert_history, attributes, find, story, type_name, types,
)
from Support.raw import RawClient
from Support.sdk import events_of, eventually, make_worker, replayed


async def _start(client: Client, names, *children: list[Any]) -> WorkflowHandle[Any, Any]:
    return await client.start_workflow(
        Parent.run, list(children), id=names("parent"), task_queue=names.task_queue)


async def _cause(handle: WorkflowHandle[Any, Any]) -> BaseException | None:
    """What the parent's failure says of its child."""
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    error = caught.value.cause
    assert isinstance(error, ChildWorkflowError)
    return error.cause


async def _assert_story(handle: WorkflowHandle[Any, Any], *expected: str) -> None:
    """The handle's events without workflow tasks, which a worker must be able to run again."""
    assert story(await replayed(handle, *ALL)) == ["WorkflowExecutionStarted", *expected]


async def _assert_each_completed(handle: WorkflowHandle[Any, Any], *child_ids: str) -> None:
    """The handle's events are those of these children, which mix, and its own start and end."""
    seen: dict[str, list[str]] = {}
    events = [e for e in await replayed(handle, *ALL) if type_name(e) not in TASK]
    for event in events[1:-1]:
        told = attributes(event)
        child_id = told.get("workflowId") or told["workflowExecution"]["workflowId"]
        seen.setdefault(child_id, []).append(type_name(event))
    assert seen == {child_id: [INITIATED, STARTED, FINISHED] for child_id in child_ids}
    assert [type_name(events[0]), type_name(events[-1])] == [
        "WorkflowExecutionStarted", "WorkflowExecutionCompleted"]


INITIATED = "StartChildWorkflowExecutionInitiated"
STARTED = "ChildWorkflowExecutionStarted"
FINISHED = "ChildWorkflowExecutionCompleted"
REACHED = [
    "RequestCancelExternalWorkflowExecutionInitiated",
    "ExternalWorkflowExecutionCancelRequested", "ChildWorkflowExecutionCanceled"]


async def _child_started(client: Client, child_id: str) -> WorkflowHandle[Any, Any]:
    """The child, once its worker has seen it."""
    handle = client.get_workflow_handle(child_id)

    async def is_worked_on() -> bool:
        try:
            return "WorkflowTaskCompleted" in types(await events_of(handle))
        except Exception:
            return False

    await eventually(is_worked_on)
    return handle


async def test_result(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "result"])
        assert await handle.result() == [f"result of {names('c')}"]
    child = await events_of(client.get_workflow_handle(names("c")))
    run_id = find(child, "WorkflowExecutionStarted")["originalExecutionRunId"]
    events = await events_of(handle)
    await _assert_story(handle, INITIATED, STARTED, FINISHED, "WorkflowExecutionCompleted")
    started = find(events, "ChildWorkflowExecutionStarted")
    assert started["workflowExecution"] == {"workflowId": names("c"), "runId": run_id}
    completed = find(events, "ChildWorkflowExecutionCompleted")
    assert completed["result"] == [f"result of {names('c')}"]
    assert completed["initiatedEventId"] == started["initiatedEventId"]
    assert_history(child, """
        1 WorkflowExecutionStarted {"parentWorkflowNamespace": "default", "attempt": 1}
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionCompleted
    """)


async def test_failure(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "failure"])
        cause = await _cause(handle)
    assert isinstance(cause, ApplicationError) and cause.type == "Oops"
    failed = find(await events_of(handle), "ChildWorkflowExecutionFailed")
    assert failed["retryState"] == "RETRY_STATE_RETRY_POLICY_NOT_SET"
    assert failed["failure"]["message"] == "child failed"
    assert types(await replayed(client.get_workflow_handle(names("c")), *ALL)) == [
        *IDLE, "WorkflowExecutionFailed"]
    await _assert_story(
        handle, INITIATED, STARTED, "ChildWorkflowExecutionFailed", "WorkflowExecutionFailed")


async def test_termination(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "wait"])
        child = await _child_started(client, names("c"))
        await child.terminate(reason="enough")
        cause = await _cause(handle)
    assert isinstance(cause, TerminatedError)
    assert types(await replayed(child, *ALL)) == [*IDLE, "WorkflowExecutionTerminated"]
    await _assert_story(
        handle, INITIATED, STARTED, "ChildWorkflowExecutionTerminated", "WorkflowExecutionFailed")


async def test_cancellation_by_a_client(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "wait"])
        child = await _child_started(client, names("c"))
        await child.cancel()
        cause = await _cause(handle)
    assert isinstance(cause, CancelledError)
    assert types(await replayed(child, *ALL)) == [
        *IDLE, "WorkflowExecutionCancelRequested", *TASK, "WorkflowExecutionCanceled"]
    await _assert_story(
        handle, INITIATED, STARTED, "ChildWorkflowExecutionCanceled", "WorkflowExecutionFailed")


@pytest.mark.parametrize("option", ["run_timeout", "execution_timeout"])
async def test_timeout(client: Client, names, option: str) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "wait", {option: 1}])
        cause = await _cause(handle)
    assert isinstance(cause, TimeoutError)
    assert story(await replayed(client.get_workflow_handle(names("c")), *ALL)) == [
        IDLE[0], "WorkflowExecutionTimedOut"]
    timed_out = find(await events_of(handle), "ChildWorkflowExecutionTimedOut")
    expected = "NOT_SET" if option == "run_timeout" else "TIMEOUT"
    assert timed_out["retryState"].endswith((expected, "NOT_SET"))
    await _assert_story(
        handle, INITIATED, STARTED, "ChildWorkflowExecutionTimedOut", "WorkflowExecutionFailed")


async def test_continue_as_new(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "continues"])
        assert await handle.result() == [f"result of {names('c')}"]
    events = await events_of(handle)
    first = find(events, "ChildWorkflowExecutionStarted")["workflowExecution"]["runId"]
    last = find(events, "ChildWorkflowExecutionCompleted")["workflowExecution"]["runId"]
    assert first != last
    runs = [await replayed(client.get_workflow_handle(names("c"), run_id=run_id), *ALL)
            for run_id in (first, last)]
    assert [types(run) for run in runs] == [
        [*IDLE, "WorkflowExecutionContinuedAsNew"], [*IDLE, "WorkflowExecutionCompleted"]]
    second = find(runs[1], "WorkflowExecutionStarted")
    assert second["continuedExecutionRunId"] == first
    assert second["parentWorkflowExecution"]["workflowId"] == names("parent")
    assert second["firstExecutionRunId"] == first
    await _assert_story(
        handle, INITIATED, STARTED, "ChildWorkflowExecutionCompleted",
        "WorkflowExecutionCompleted")


async def test_retry(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "second attempt", {"attempts": 2}])
        assert await handle.result() == ["attempt 2"]
    await _assert_story(handle, INITIATED, STARTED, FINISHED, "WorkflowExecutionCompleted")
    started = find(await events_of(handle), STARTED)["workflowExecution"]["runId"]
    runs = [await replayed(client.get_workflow_handle(names("c"), run_id=run_id), *ALL)
            for run_id in (started, None)]
    assert [types(events) for events in runs] == [
        [*IDLE, "WorkflowExecutionFailed"], [*IDLE, "WorkflowExecutionCompleted"]]


async def test_retries_run_out(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "failure", {"attempts": 2}])
        assert isinstance(await _cause(handle), ApplicationError)
    failed = find(await events_of(handle), "ChildWorkflowExecutionFailed")
    assert failed["retryState"] == "RETRY_STATE_NON_RETRYABLE_FAILURE"
    assert types(await replayed(client.get_workflow_handle(names("c")), *ALL)) == [
        *IDLE, "WorkflowExecutionFailed"]
    await _assert_story(
        handle, INITIATED, STARTED, "ChildWorkflowExecutionFailed", "WorkflowExecutionFailed")


async def test_id_in_use(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        await client.start_workflow(
            Child.run, "wait", id=names("c"), task_queue=names.task_queue)
        handle = await _start(client, names, [names("c"), "result"])
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    # The SDK's own error for it is no failure of the application's, so the parent fails with it.
    assert "already" in str(caught.value.cause).lower()
    failed = find(await events_of(handle), "StartChildWorkflowExecutionFailed")
    assert failed["cause"].endswith("WORKFLOW_ALREADY_EXISTS")
    assert failed["workflowId"] == names("c")
    await _assert_story(
        handle, INITIATED, "StartChildWorkflowExecutionFailed", "WorkflowExecutionFailed")


async def test_ids_are_used_again_after_the_end(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        for number in range(2):
            handle = await client.start_workflow(
                Parent.run, [[names("c"), "result"]], id=names(f"p{number}"),
                task_queue=names.task_queue)
            await handle.result()
            await _assert_story(handle, INITIATED, STARTED, FINISHED, "WorkflowExecutionCompleted")
            child = await replayed(client.get_workflow_handle(names("c")), *ALL)
            assert types(child) == [*IDLE, "WorkflowExecutionCompleted"]
    second = find(await events_of(handle), "ChildWorkflowExecutionCompleted")
    assert second["workflowExecution"]["workflowId"] == names("c")


async def test_parent_and_root(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "family"], [names("d"), "grandchild"])
        child, grandchild = await handle.result()
    parent = [names("parent"), handle.first_execution_run_id]
    assert child == [parent, parent]
    assert grandchild[0][0] == names("d") and grandchild[1] == parent
    await _assert_each_completed(handle, names("c"), names("d"))
    middle, last = names("d"), f"{names('d')}-child"
    await _assert_each_completed(client.get_workflow_handle(middle), last)
    for child_id in (names("c"), last):
        assert types(await replayed(client.get_workflow_handle(child_id), *ALL)) == [
            *IDLE, "WorkflowExecutionCompleted"]


async def test_lists_by_parent_and_root(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "family"], [names("d"), "grandchild"])
        await handle.result()

    async def ids(query: str) -> set[str]:
        return {run.id async for run in client.list_workflows(query)}

    grandchild = f"{names('d')}-child"
    assert await ids(f"ParentWorkflowId = '{names('parent')}'") == {names("c"), names("d")}
    assert await ids(f"ParentRunId = '{handle.first_execution_run_id}'") == {
        names("c"), names("d")}
    assert await ids(f"ParentWorkflowId = '{names('d')}'") == {grandchild}
    assert await ids(f"RootWorkflowId = '{names('parent')}'") == {
        names("parent"), names("c"), names("d"), grandchild}
    assert await ids(f"RootRunId = '{handle.first_execution_run_id}'") == {
        names("parent"), names("c"), names("d"), grandchild}
    await _assert_each_completed(handle, names("c"), names("d"))
    await _assert_each_completed(client.get_workflow_handle(names("d")), grandchild)


async def test_describe(client: Client, raw: RawClient, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "wait", {"policy": 2}])
        await _child_started(client, names("c"))
        described = await eventually(lambda: _described(raw, names))
        child = raw.describe(names("c")).workflow_execution_info
        pending = described.pending_children[0]
        assert pending.workflow_id == names("c") and pending.workflow_type_name == "Child"
        assert pending.run_id == child.execution.run_id and pending.initiated_id == 5
        assert pending.parent_close_policy == ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
        assert child.parent_execution.workflow_id == names("parent")
        assert child.parent_execution.run_id == handle.first_execution_run_id
        assert child.root_execution == child.parent_execution
        assert child.parent_namespace_id
        await client.get_workflow_handle(names("c")).terminate()
        await _cause(handle)
    assert not raw.describe(names("parent")).pending_children
    assert types(await replayed(client.get_workflow_handle(names("c")), *ALL)) == [
        *IDLE, "WorkflowExecutionTerminated"]
    await _assert_story(
        handle, INITIATED, STARTED, "ChildWorkflowExecutionTerminated", "WorkflowExecutionFailed")


async def _described(raw: RawClient, names) -> Any:
    described = raw.describe(names("parent"))
    return described if described.pending_children else None


async def test_many_at_once(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(
            client, names, *[[names(f"c{number}"), "result"] for number in range(30)])
        results = await handle.result()
    assert results == [f"result of {names(f'c{number}')}" for number in range(30)]
    await _assert_each_completed(handle, *[names(f"c{number}") for number in range(30)])


@pytest.mark.parametrize("how", ["at once", "signal first"])
async def test_cancellation_by_the_parent(client: Client, names, how: str) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await client.start_workflow(
            CancelsChild.run, args=[names("c"), how], id=names("parent"),
            task_queue=names.task_queue)
        assert await handle.result() == "CancelledError"
        events = await events_of(handle)
        child = await events_of(client.get_workflow_handle(names("c")))
    signal_first = how == "signal first"
    signal = ["SignalExternalWorkflowExecutionInitiated", "ExternalWorkflowExecutionSignaled"]
    await _assert_story(
        handle, INITIATED, STARTED, *signal * signal_first, *REACHED,
        "WorkflowExecutionCompleted")
    request = find(child, "WorkflowExecutionCancelRequested")
    assert request["externalWorkflowExecution"]["workflowId"] == names("parent")
    initiated = find(events, "RequestCancelExternalWorkflowExecutionInitiated")
    assert initiated["childWorkflowOnly"] is True
    assert story(child) == [
        IDLE[0], *["WorkflowExecutionSignaled"] * signal_first,
        "WorkflowExecutionCancelRequested", "WorkflowExecutionCanceled"]


async def test_cancelled_parent_cancels_its_child(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "wait"])
        child = await _child_started(client, names("c"))
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    assert types(await replayed(child, *ALL)) == [
        *IDLE, "WorkflowExecutionCancelRequested", *TASK, "WorkflowExecutionCanceled"]
    await _assert_story(
        handle, INITIATED, STARTED, "WorkflowExecutionCancelRequested", *REACHED,
        "WorkflowExecutionCanceled")


async def test_signal_to_a_child(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await client.start_workflow(
            SignalsChild.run, names("c"), id=names("parent"), task_queue=names.task_queue)
        assert await handle.result() == ["hello"]
        child = await events_of(client.get_workflow_handle(names("c")))
    assert story(child) == [
        IDLE[0], "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"]
    signal = find(child, "WorkflowExecutionSignaled")
    assert signal["externalWorkflowExecution"]["workflowId"] == names("parent")
    assert signal["identity"] == "history-service"
    await _assert_story(
        handle, INITIATED, STARTED, "SignalExternalWorkflowExecutionInitiated",
        "ExternalWorkflowExecutionSignaled", "ChildWorkflowExecutionCompleted",
        "WorkflowExecutionCompleted")


async def test_reset_of_a_child(client: Client, raw: RawClient, names) -> None:
    """The parent hears nothing of the reset, and the result of the run that goes on."""
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await _start(client, names, [names("c"), "signal"])
        child = await _child_started(client, names("c"))
        await asyncio.sleep(0.2)
        run_id = raw.call(
            "ResetWorkflowExecution", workflow_execution={"workflow_id": names("c")},
            workflow_task_finish_event_id=4, request_id="reset", reason="again").run_id
        await child.signal(Child.hear, "after")
        assert await handle.result() == [["after"]]
    completed = find(await events_of(handle), "ChildWorkflowExecutionCompleted")
    assert completed["workflowExecution"]["runId"] == run_id
    await _assert_story(handle, INITIATED, STARTED, FINISHED, "WorkflowExecutionCompleted")
    assert story(await replayed(client.get_workflow_handle(names("c"), run_id=run_id), *ALL)) == [
        IDLE[0], "WorkflowTaskFailed", "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"]
