"""Workers of the real SDK, and waiting for what they do."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any, Awaitable, Callable

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from .histories import types


def make_worker(client: Client, task_queue: str, **options: Any) -> Worker:
    """An SDK worker that runs workflows without the import sandbox, which would only slow it."""
    options.setdefault("workflow_runner", UnsandboxedWorkflowRunner())
    options.setdefault("graceful_shutdown_timeout", timedelta(seconds=0))
    return Worker(client, task_queue=task_queue, **options)


async def events_of(handle: WorkflowHandle[Any, Any]) -> list[HistoryEvent]:
    """The history of the handle's run as it is now."""
    return list((await handle.fetch_history()).events)


async def settles(handle: WorkflowHandle[Any, Any], *expected: str) -> list[HistoryEvent]:
    """The history of the handle's run once its events are exactly these."""
    deadline = time.monotonic() + 15
    while types(events := await events_of(handle)) != list(expected):
        assert time.monotonic() < deadline, f"stays at {types(events)}"
        await asyncio.sleep(0.02)
    return events


async def replayed(handle: WorkflowHandle[Any, Any], *workflows: type) -> list[HistoryEvent]:
    """The history of the handle's run, which a worker must be able to run again."""
    history = await handle.fetch_history()
    replayer = Replayer(workflows=workflows, workflow_runner=UnsandboxedWorkflowRunner())
    await replayer.replay_workflow(history)
    return list(history.events)


async def eventually(
    check: Callable[[], Awaitable[Any]], *, timeout: float = 15, every: float = 0.05
) -> Any:
    """The first true value of `check`; for states that no call lets one wait for."""
    deadline = time.monotonic() + timeout
    while True:
        value = await check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {timeout} s; last value: {value!r}")
        await asyncio.sleep(every)


def eventually_sync(check: Callable[[], Any], *, timeout: float = 15, every: float = 0.05) -> Any:
    """`eventually` for cases without an event loop."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {timeout} s; last value: {value!r}")
        time.sleep(every)
