"""Workers of the real SDK, and waiting for what they do."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any, Awaitable, Callable

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


def make_worker(client: Client, task_queue: str, **options: Any) -> Worker:
    """An SDK worker that runs workflows without the import sandbox, which would only slow it."""
    options.setdefault("workflow_runner", UnsandboxedWorkflowRunner())
    options.setdefault("graceful_shutdown_timeout", timedelta(seconds=0))
    return Worker(client, task_queue=task_queue, **options)


async def events_of(handle: WorkflowHandle[Any, Any]) -> list[HistoryEvent]:
    """The history of the handle's run as it is now."""
    return list((await handle.fetch_history()).events)


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
