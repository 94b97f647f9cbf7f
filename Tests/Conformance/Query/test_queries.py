"""Queries: running and closed workflows, sticky cache on and off, failures, rejections."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from temporalio.api.enums.v1 import QueryRejectCondition, QueryResultType
from temporalio.api.query.v1 import WorkflowQueryResult
from temporalio.client import Client, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition as Reject

from Support.errors import expect_error
from Support.histories import IDLE, TASK, render, story, types
from Support.programs import Collects
from Support.raw import RawClient, complete, payloads
from Support.sdk import events_of, make_worker, replayed

SIGNALED, COMPLETED = "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"
TERMINATED = "WorkflowExecutionTerminated"
CACHES = pytest.mark.parametrize("cached", [1000, 0], ids=["sticky", "no-cache"])


@CACHES
async def test_query_a_running_workflow(client: Client, names, cached: int) -> None:
    worker = make_worker(
        client, names.task_queue, workflows=[Collects], max_cached_workflows=cached)
    async with worker:
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        for value in range(5):
            await handle.signal(Collects.add, value)
            assert await handle.query(Collects.so_far) == list(range(value + 1))
    assert story(await replayed(handle, Collects)) == [IDLE[0], *[SIGNALED] * 5]


@CACHES
async def test_query_a_closed_workflow(client: Client, names, cached: int) -> None:
    worker = make_worker(
        client, names.task_queue, workflows=[Collects], max_cached_workflows=cached)
    async with worker:
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue, start_signal="stop_at",
            start_signal_args=[1])
        await handle.signal(Collects.add, "x")
        await handle.result()
        closed = await events_of(handle)
        assert await handle.query(Collects.so_far) == ["x"]
    assert await replayed(handle, Collects) == closed
    assert story(closed) == [IDLE[0], SIGNALED, SIGNALED, COMPLETED]


async def test_query_by_another_worker(client: Client, names) -> None:
    """The worker with the cached workflow is gone; another one replays the history."""
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        await handle.signal(Collects.add, 1)
        assert await handle.query(Collects.so_far) == [1]
    before = await events_of(handle)
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        assert await handle.query(Collects.so_far) == [1]
    assert await replayed(handle, Collects) == before
    assert story(before) == [IDLE[0], SIGNALED]


async def test_queries_write_no_history(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        assert await handle.query(Collects.so_far) == []
        before = render(await events_of(handle))
        for _ in range(5):
            await handle.query(Collects.so_far)
        assert render(await events_of(handle)) == before
    assert types(await replayed(handle, Collects)) == IDLE


async def test_failing_query(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        with pytest.raises(WorkflowQueryFailedError, match="no such thing"):
            await handle.query(Collects.fails)
    assert types(await replayed(handle, Collects)) == IDLE


async def test_unknown_query(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        with pytest.raises(WorkflowQueryFailedError, match="nonsense"):
            await handle.query("nonsense")
    assert types(await replayed(handle, Collects)) == IDLE


async def test_stack_trace_query(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        assert "Stack for" in await handle.query("__stack_trace")
    assert types(await replayed(handle, Collects)) == IDLE


async def test_reject_conditions(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        for condition in (Reject.NOT_OPEN, Reject.NOT_COMPLETED_CLEANLY):
            assert await handle.query(Collects.so_far, reject_condition=condition) == []
        await handle.signal(Collects.stop_at, 0)
        await handle.result()
        clean = Reject.NOT_COMPLETED_CLEANLY
        assert await handle.query(Collects.so_far, reject_condition=clean) == []
        with pytest.raises(WorkflowQueryRejectedError) as caught:
            await handle.query(Collects.so_far, reject_condition=Reject.NOT_OPEN)
        assert caught.value.status == 2, "COMPLETED"
    assert types(await replayed(handle, Collects)) == [*IDLE, SIGNALED, *TASK, COMPLETED]


def test_terminated_is_not_completed_cleanly(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.terminate(names())
    reply = raw.query(
        names(), "q",
        reject=QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY)
    assert reply.HasField("query_rejected") and reply.query_rejected.status == 5, "TERMINATED"
    assert types(raw.history(names())) == [*IDLE[:2], TERMINATED]


def test_query_an_unknown_workflow(raw: RawClient, names) -> None:
    with expect_error("NOT_FOUND"):
        raw.query(names("none"), "q")


def test_query_without_a_worker(raw: RawClient, names) -> None:
    """Nobody polls: the query ends with the caller's deadline or at once, never hangs."""
    raw.start(names(), names.task_queue)
    raw.respond(raw.next_workflow_task(names.task_queue))
    with pytest.raises(grpc.RpcError) as caught:
        raw.query(names(), "q", timeout=2)
    assert caught.value.code().name in ("DEADLINE_EXCEEDED", "FAILED_PRECONDITION")
    assert types(raw.history(names())) == IDLE


def test_query_a_run_that_never_completed_a_task(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.terminate(names())
    with expect_error("FAILED_PRECONDITION", detail="WorkflowNotReadyFailure"):
        raw.query(names(), "q")
    assert types(raw.history(names())) == [*IDLE[:2], TERMINATED]


class _Asker(threading.Thread):
    """A query that waits for its answer while the case plays the worker."""

    def __init__(self, raw: RawClient, workflow_id: str, kind: str, **options):
        super().__init__(daemon=True)
        self.reply = None
        self.error: Exception | None = None
        self._ask = lambda: raw.query(workflow_id, kind, **options)
        self.start()

    def run(self) -> None:
        try:
            self.reply = self._ask()
        except Exception as error:  # handed to the case
            self.error = error

    def answer(self):
        self.join(15)
        assert not self.is_alive(), "the query still waits"
        if self.error is not None:
            raise self.error
        return self.reply


def test_direct_query_as_a_worker_sees_it(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue))
    asker = _Asker(raw, names(), "state", timeout=15)
    task = raw.next_workflow_task(names.task_queue)
    assert task.query.query_type == "state"
    assert task.workflow_execution.run_id == run_id
    assert task.started_event_id == 0 and len(task.history.events) == 4
    raw.call(
        "RespondQueryTaskCompleted", task_token=task.task_token,
        completed_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED, query_result=payloads("ok"))
    assert asker.answer().query_result.payloads[0].data == b'"ok"'
    assert raw.history(names()) == list(task.history.events), "a query leaves no event"
    assert types(task.history.events) == IDLE


def test_failed_query_has_its_detail(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(raw.next_workflow_task(names.task_queue))
    asker = _Asker(raw, names(), "state", timeout=15)
    task = raw.next_workflow_task(names.task_queue)
    raw.call(
        "RespondQueryTaskCompleted", task_token=task.task_token,
        completed_type=QueryResultType.QUERY_RESULT_TYPE_FAILED, error_message="broken query")
    with expect_error("INVALID_ARGUMENT", detail="QueryFailedFailure", match="broken query"):
        asker.answer()
    assert types(raw.history(names())) == IDLE


def test_query_rides_on_a_pending_task(raw: RawClient, names) -> None:
    """A query that sees a scheduled task waits for it and is answered with its completion."""
    raw.start(names(), names.task_queue)
    raw.respond(raw.next_workflow_task(names.task_queue))
    raw.signal(names(), "s")
    asker = _Asker(raw, names(), "state", timeout=15)
    # The query must be buffered before the task is polled; an unanswered one would go direct.
    threading.Event().wait(0.5)
    task = raw.next_workflow_task(names.task_queue)
    assert len(task.queries) == 1
    (query_id, query), = task.queries.items()
    assert query.query_type == "state"
    result = WorkflowQueryResult(
        result_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED, answer=payloads("consistent"))
    raw.respond(task, complete(), query_results={query_id: result})
    assert asker.answer().query_result.payloads[0].data == b'"consistent"'
    assert types(raw.history(names())) == [*IDLE, SIGNALED, *TASK, COMPLETED]


def test_wrong_query_token(raw: RawClient) -> None:
    with expect_error("INVALID_ARGUMENT"):
        raw.call(
            "RespondQueryTaskCompleted", task_token=b"\xff\xfenot a token",
            completed_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED)


def test_query_waits_for_a_start_delay(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, delay=1)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(raw.query, names(), "q")
        raw.signal(names(), "does not end the wait")
        task = raw.next_workflow_task(names.task_queue)
        assert len(task.queries) == 1
        result = WorkflowQueryResult(
            result_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED, answer=payloads("late"))
        raw.respond(task, query_results={key: result for key in task.queries})
        assert asked.result().query_result == payloads("late")
    assert types(raw.history(names())) == [IDLE[0], SIGNALED, *TASK]


def test_query_that_ends_before_the_start_delay(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, delay=60)
    with expect_error(
        "FAILED_PRECONDITION", detail="WorkflowNotReadyFailure",
        match="^Workflow task is not scheduled yet.$",
    ):
        raw.query(names(), "q", timeout=5)
    assert types(raw.history(names())) == IDLE[:1]


def test_query_of_a_run_that_ends_in_its_start_delay(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, delay=3)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(raw.query, names(), "q")
        time.sleep(0.3)
        raw.terminate(names())
        with expect_error("FAILED_PRECONDITION", detail="WorkflowNotReadyFailure"):
            asked.result()
    assert types(raw.history(names())) == [IDLE[0], TERMINATED]
