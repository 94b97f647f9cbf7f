"""DeleteWorkflowExecution: nothing of the run is left."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from temporalio.client import Client

from Support.errors import expect_error
from Support.families import ALL, Child, EndsItself, Parent
from Support.histories import IDLE, TASK, story, types
from Support.raw import RawClient, complete, continue_as_new, start_child
from Support.sdk import events_of, eventually, eventually_sync, make_worker, replayed


def _is_gone(raw: RawClient, workflow_id: str, run_id: str = "") -> bool:
    """Whether neither describe, history nor lists know of it."""
    for read in (raw.describe, raw.history):
        try:
            read(workflow_id, run_id)
            return False
        except grpc.RpcError as error:
            assert error.code().name == "NOT_FOUND"
    query = f"WorkflowId = '{workflow_id}'" + (f" AND RunId = '{run_id}'" if run_id else "")
    return raw.call("CountWorkflowExecutions", query=query).count == 0


def test_closed(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    raw.delete(names())
    eventually_sync(lambda: _is_gone(raw, names()))


def test_open(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    raw.delete(names(), run_id)
    eventually_sync(lambda: _is_gone(raw, names(), run_id))
    with expect_error("NOT_FOUND", detail="NotFoundFailure"):
        raw.respond(task, complete())


def test_again(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.terminate(names())
    raw.delete(names())
    eventually_sync(lambda: _is_gone(raw, names()))
    with expect_error("NOT_FOUND", detail="NotFoundFailure", match="not found"):
        raw.delete(names())


def test_id_is_free_again(raw: RawClient, names) -> None:
    """The policy that rejects ids of closed workflows knows nothing of a deleted one."""
    raw.start(names(), names.task_queue)
    raw.terminate(names())
    raw.delete(names())
    eventually_sync(lambda: _is_gone(raw, names()))
    assert raw.start(names(), names.task_queue, workflow_id_reuse_policy=3).started


def test_older_run(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue), continue_as_new("Raw", names.task_queue))
    raw.delete(names(), first)
    eventually_sync(lambda: _is_gone(raw, names(), first))
    assert raw.describe(names()).workflow_execution_info.status == 1
    raw.respond(raw.next_workflow_task(names.task_queue), complete())


def test_current_run_of_a_chain(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue), continue_as_new("Raw", names.task_queue))
    raw.delete(names())
    eventually_sync(lambda: raw.call(
        "CountWorkflowExecutions", query=f"WorkflowId = '{names()}'").count == 1)
    assert types(raw.history(names(), first))[-1] == "WorkflowExecutionContinuedAsNew"


def test_waiting_reader(raw: RawClient, names) -> None:
    """Who waits for the end is told of it."""
    run_id = raw.start(names(), names.task_queue).run_id
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: raw.wait_closed(names(), run_id))
        time.sleep(0.3)
        raw.delete(names(), run_id)
        event = waiting.result()
    terminated = event.workflow_execution_terminated_event_attributes
    assert terminated.reason == "Delete workflow execution"
    assert terminated.identity == "history-service"


async def test_child(client: Client, raw: RawClient, names) -> None:
    async with make_worker(client, names.task_queue, workflows=ALL):
        handle = await client.start_workflow(
            Parent.run, [[names("c"), "wait"]], id=names("p"), task_queue=names.task_queue)

        async def is_started() -> bool:
            return "ChildWorkflowExecutionStarted" in types(await events_of(handle))

        await eventually(is_started)
        raw.delete(names("c"))
        with pytest.raises(Exception):
            await handle.result()
    assert story(await replayed(handle, *ALL)) == [
        "WorkflowExecutionStarted", "StartChildWorkflowExecutionInitiated",
        "ChildWorkflowExecutionStarted", "ChildWorkflowExecutionTerminated",
        "WorkflowExecutionFailed"]
    eventually_sync(lambda: _is_gone(raw, names("c")))


async def test_parent(client: Client, raw: RawClient, names) -> None:
    """Its child goes the way of its policy; then the child's end finds no parent."""
    async with make_worker(client, names.task_queue, workflows=ALL):
        await client.start_workflow(
            EndsItself.run, args=[names("c"), 2, "signal"], id=names("p"),
            task_queue=names.task_queue)
        child = client.get_workflow_handle(names("c"))

        async def is_started() -> bool:
            try:
                return "WorkflowTaskCompleted" in types(await events_of(child))
            except Exception:
                return False

        await eventually(is_started)
        raw.delete(names("p"))
        eventually_sync(lambda: _is_gone(raw, names("p")))
        await child.signal(Child.hear, "alone")
        assert await child.result() == ["alone"]
    assert types(await replayed(child, *ALL)) == [
        *IDLE, "WorkflowExecutionSignaled", *TASK, "WorkflowExecutionCompleted"]


def test_restart(own_server, tmp_path) -> None:
    """What is being deleted when the process is killed is gone after the restart."""
    server = own_server(db_filename=tmp_path / "server.sqlite").start()
    raw = RawClient(server.address)
    for number in range(20):
        raw.start(f"w{number}", "q")
    for number in range(20):
        raw.delete(f"w{number}")
    server.kill()
    server.start()
    raw = RawClient(server.address)
    for number in range(20):
        eventually_sync(lambda: _is_gone(raw, f"w{number}"))
    server.stop()


def test_restart_with_a_child(own_server, tmp_path) -> None:
    server = own_server(db_filename=tmp_path / "server.sqlite").start()
    raw = RawClient(server.address)
    raw.start("p", "q")
    raw.respond(raw.next_workflow_task("q"), start_child("c", task_queue="cq"))
    eventually_sync(lambda: "ChildWorkflowExecutionStarted" in types(raw.history("p")))
    raw.delete("c")
    server.kill()
    server.start()
    raw = RawClient(server.address)
    eventually_sync(lambda: "ChildWorkflowExecutionTerminated" in types(raw.history("p")))
    eventually_sync(lambda: _is_gone(raw, "c"))
    server.stop()
