"""Sticky execution: partial history, fallback when its worker is gone, a killed worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from datetime import timedelta

from temporalio.client import Client

from Support.errors import skip_if_unimplemented
from Support.histories import IDLE, TASK, assert_history, find, story, types
from Support.programs import Collects
from Support.raw import RawClient, complete, execution, start_timer
from Support.sdk import events_of, make_worker, replayed

SIGNALED, COMPLETED = "WorkflowExecutionSignaled", "WorkflowExecutionCompleted"


def test_sticky_task_has_the_new_events_only(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), sticky=names("sticky"))
    poller = threading.Timer(0.2, raw.signal, [names(), "s"])
    poller.start()
    task = raw.next_workflow_task(names("sticky"), sticky_of=names.task_queue)
    assert [e.event_id for e in task.history.events] == [4, 5, 6, 7]
    assert task.previous_started_event_id == 3
    assert task.workflow_execution_task_queue.name == names.task_queue
    raw.respond(task, complete(), sticky=names("sticky"))
    scheduled = find(raw.history(names(), run_id), "WorkflowTaskScheduled", 1)
    assert scheduled["taskQueue"] == {
        "name": names("sticky"), "kind": "TASK_QUEUE_KIND_STICKY",
        "normalName": names.task_queue,
    }


def test_fallback_when_the_sticky_task_is_not_taken(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    # The sticky queue is known to be polled: only then does a task wait on it.
    assert not raw.poll_workflow(
        names("sticky"), sticky_of=names.task_queue, timeout=2.2).task_token
    raw.respond(task, sticky=names("sticky"), sticky_timeout=0.5)
    raw.signal(names(), "s")
    full = raw.next_workflow_task(names.task_queue)
    assert full.history.events[0].event_id == 1, "the whole history"
    raw.respond(full, complete())
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionSignaled
        6 WorkflowTaskScheduled {"taskQueue": {"kind": "TASK_QUEUE_KIND_STICKY"}}
        7 WorkflowTaskTimedOut {"timeoutType": "TIMEOUT_TYPE_SCHEDULE_TO_START", "scheduledEventId": "6"}
        8 WorkflowTaskScheduled {"taskQueue": {"kind": "TASK_QUEUE_KIND_NORMAL"}, "attempt": 1}
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)


def test_sticky_queue_nobody_ever_polled(raw: RawClient, names) -> None:
    """Matching knows that no worker is there: the normal queue gets the task at once."""
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue), start_timer("t", 60), sticky=names("sticky"),
        sticky_timeout=60)
    raw.signal(names(), "s")
    task = raw.next_workflow_task(names.task_queue, timeout=8)
    assert task.history.events[0].event_id == 1
    raw.respond(task, complete())


def test_reset_sticky_queue(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue), sticky=names("sticky"), sticky_timeout=60)
    with skip_if_unimplemented():
        raw.call("ResetStickyTaskQueue", execution=execution(names()))
    raw.signal(names(), "s")
    raw.respond(raw.next_workflow_task(names.task_queue, timeout=8), complete())


async def test_another_worker_takes_over(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        await handle.signal(Collects.add, "from the first")
        assert await handle.query(Collects.so_far) == ["from the first"]
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        await handle.signal(Collects.add, "from the second")
        await handle.signal(Collects.stop_at, 2)
        assert await handle.result() == ["from the first", "from the second"]
    assert story(await replayed(handle, Collects)) == [IDLE[0], *[SIGNALED] * 3, COMPLETED]


async def test_without_a_cache_every_task_replays(client: Client, names) -> None:
    worker = make_worker(client, names.task_queue, workflows=[Collects], max_cached_workflows=0)
    async with worker:
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        for value in range(5):
            await handle.signal(Collects.add, value)
        await handle.signal(Collects.stop_at, 5)
        assert await handle.result() == [0, 1, 2, 3, 4]
    assert story(await replayed(handle, Collects)) == [IDLE[0], *[SIGNALED] * 6, COMPLETED]


HANGING_WORKER = textwrap.dedent("""
    import asyncio, os, sys, time
    from temporalio import workflow
    from temporalio.client import Client
    from temporalio.worker import UnsandboxedWorkflowRunner, Worker

    @workflow.defn(name="Collects")
    class Hangs:
        @workflow.run
        async def run(self) -> list:
            print("in the task", flush=True)
            time.sleep(600)
            return []

    async def main():
        client = await Client.connect(sys.argv[1])
        await Worker(client, task_queue=sys.argv[2], workflows=[Hangs], debug_mode=True,
                     workflow_runner=UnsandboxedWorkflowRunner()).run()

    asyncio.run(main())
""")


async def test_worker_killed_in_the_middle_of_a_task(client: Client, server, names) -> None:
    handle = await client.start_workflow(
        Collects.run, id=names(), task_queue=names.task_queue, start_signal="stop_at",
        start_signal_args=[1], task_timeout=timedelta(seconds=2))
    await handle.signal(Collects.add, "kept")
    doomed = subprocess.Popen(
        [sys.executable, "-c", HANGING_WORKER, server.address, names.task_queue],
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        assert doomed.stdout is not None
        assert doomed.stdout.readline() == b"in the task\n"
        assert types(await events_of(handle))[-1] == "WorkflowTaskStarted"
    finally:
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        assert await handle.result() == ["kept"]
    events = await replayed(handle, Collects)
    assert types(events) == [
        IDLE[0], SIGNALED, TASK[0], SIGNALED, TASK[1], "WorkflowTaskTimedOut", *TASK, COMPLETED]
    timed_out = find(events, "WorkflowTaskTimedOut")
    assert timed_out["timeoutType"] == "TIMEOUT_TYPE_START_TO_CLOSE"
