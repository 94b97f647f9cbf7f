"""Polls and backlog: deadlines, lost pollers, no task lost and none twice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue

from Support.errors import expect_error, skip_if_unimplemented
from Support.raw import RawClient, complete, schedule_activity, ws


@pytest.mark.parametrize("kind", ["Workflow", "Activity"])
def test_poll_without_a_deadline(raw: RawClient, names, kind: str) -> None:
    request = getattr(ws, f"Poll{kind}TaskQueueRequest")(
        namespace="default", task_queue=TaskQueue(name=names.task_queue))
    call = getattr(raw.stub, f"Poll{kind}TaskQueue").future(request)
    with expect_error("INVALID_ARGUMENT", match="timeout is not set"):
        call.result(timeout=5)


@pytest.mark.parametrize("kind", ["workflow", "activity"])
def test_poll_with_too_short_a_deadline(raw: RawClient, names, kind: str) -> None:
    with expect_error("FAILED_PRECONDITION", match="too short"):
        getattr(raw, f"poll_{kind}")(names.task_queue, timeout=1)


@pytest.mark.parametrize("kind", ["workflow", "activity"])
def test_poll_ends_empty_before_its_deadline(raw: RawClient, names, kind: str) -> None:
    before = time.monotonic()
    task = getattr(raw, f"poll_{kind}")(names.task_queue, timeout=3)
    assert not task.task_token
    assert 1 <= time.monotonic() - before < 3


@pytest.mark.parametrize("name", ["", "/_sys/x/1x"])
def test_wrong_queue_names(raw: RawClient, name: str) -> None:
    with expect_error("INVALID_ARGUMENT"):
        raw.poll_workflow(name, timeout=5)


def test_waiting_poll_gets_a_new_task_at_once(raw: RawClient, names) -> None:
    got: list[float] = []

    def poll() -> None:
        task = raw.next_workflow_task(names.task_queue)
        got.append(time.monotonic())
        raw.respond(task, complete())

    poller = threading.Thread(target=poll)
    poller.start()
    time.sleep(0.3)
    started = time.monotonic()
    raw.start(names(), names.task_queue)
    poller.join(20)
    assert got and got[0] - started < 2


def test_task_is_not_given_to_a_poller_that_left(raw: RawClient, names) -> None:
    request = ws.PollWorkflowTaskQueueRequest(
        namespace="default", task_queue=TaskQueue(name=names.task_queue))
    for _ in range(5):
        left = raw.stub.PollWorkflowTaskQueue.future(request, timeout=60)
        threading.Event().wait(0.05)
        left.cancel()
    raw.start(names(), names.task_queue)
    raw.respond(raw.next_workflow_task(names.task_queue, timeout=9), complete())


def test_backlog_is_dispatched_once_each(raw: RawClient, names) -> None:
    count = 300
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda i: raw.start(names(str(i)), names.task_queue), range(count)))
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def drain(_: int) -> None:
        while True:
            with lock:
                if len(seen) == count:
                    return
            task = raw.poll_workflow(names.task_queue, timeout=4)
            if task.task_token:
                raw.respond(task, complete())
                with lock:
                    seen[task.workflow_execution.workflow_id] += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(drain, range(8)))
    assert set(seen.values()) == {1} and len(seen) == count


def test_workflow_and_activity_queues_are_apart(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    assert not raw.poll_activity(names.task_queue, timeout=2.5).task_token
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names.task_queue, start_to_close=30))
    assert not raw.poll_workflow(names.task_queue, timeout=2.5).task_token
    assert raw.next_activity_task(names.task_queue).activity_id == "a"


def test_tasks_of_closed_workflows_are_not_delivered(raw: RawClient, names) -> None:
    raw.start(names("gone"), names.task_queue)
    raw.terminate(names("gone"))
    raw.start(names("here"), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    assert task.workflow_execution.workflow_id == names("here")
    assert not raw.poll_workflow(names.task_queue, timeout=2.5).task_token


def test_many_polls_at_once(raw: RawClient, names) -> None:
    count = 100
    with ThreadPoolExecutor(count) as pool:
        polls = [
            pool.submit(raw.poll_workflow, names.task_queue, timeout=15) for _ in range(count)]
        for index in range(count):
            raw.start(names(str(index)), names.task_queue)
        tasks = [poll.result() for poll in polls]
    assert {t.workflow_execution.workflow_id for t in tasks} == {
        names(str(i)) for i in range(count)}


def test_describe_shows_pollers(raw: RawClient, names) -> None:
    raw.poll_workflow(names.task_queue, timeout=2.2, identity="the poller")
    with skip_if_unimplemented():
        reply = raw.call(
            "DescribeTaskQueue", task_queue=TaskQueue(name=names.task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
    assert [p.identity for p in reply.pollers] == ["the poller"]
