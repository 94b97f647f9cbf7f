"""A worker: polls, does what the program says, answers until the answer is acknowledged."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Awaitable, Callable

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as ws

from Support.raw import payloads

from .calls import NAMESPACE, Caller, Code, OutcomeUnknown, Refused
from .journal import Journal, Kind, Operation
from .program import Seen, decide

POLL_TIMEOUT = 20.0


class Worker:
    """Pollers for workflow and activity tasks of one task queue."""

    def __init__(self, caller: Caller, journal: Journal, rng: random.Random, task_queue: str):
        self._caller = caller
        self._journal = journal
        self._rng = rng
        self._queue = TaskQueue(name=task_queue)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, pollers: int) -> None:
        """Starts so many pollers of each kind."""
        for index in range(pollers):
            for poll in (self._workflow_task, self._activity_task):
                self._tasks.append(asyncio.create_task(self._loop(poll, f"poller-{index}")))

    async def stop(self) -> None:
        """Ends all pollers, and raises what one of them failed with."""
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError) and ended is not None:
                raise ended

    async def _loop(self, poll: Callable[[str], Awaitable[None]], identity: str) -> None:
        while True:
            try:
                await poll(identity)
            except OutcomeUnknown:
                await asyncio.sleep(self._rng.uniform(0.02, 0.2))

    async def _workflow_task(self, identity: str) -> None:
        task = await self._ask(ws.PollWorkflowTaskQueueRequest(
            namespace=NAMESPACE, task_queue=self._queue, identity=identity))
        if task is None or not task.task_token:
            return
        events = await self._events(task)
        if events is None:
            return
        decision = decide(Seen.of(events), task.messages, self._queue.name)
        operation = self._begin(Kind.TASK, task, "task")
        await self._settle(operation, ws.RespondWorkflowTaskCompletedRequest(
            namespace=NAMESPACE, task_token=task.task_token, identity=operation.key,
            commands=decision.commands, messages=decision.messages))

    async def _activity_task(self, identity: str) -> None:
        task = await self._ask(ws.PollActivityTaskQueueRequest(
            namespace=NAMESPACE, task_queue=self._queue, identity=identity))
        if task is None or not task.task_token:
            return
        await asyncio.sleep(self._rng.choice((0, 0, 0.01, 0.1, 0.5)))
        operation = self._begin(Kind.ACTIVITY, task, task.activity_id)
        await self._settle(operation, ws.RespondActivityTaskCompletedRequest(
            namespace=NAMESPACE, task_token=task.task_token, identity=identity,
            result=payloads(operation.key)))

    async def _ask(self, request: Any) -> Any:
        """The answer to a poll; None if it was refused."""
        try:
            return await self._caller.call(request, timeout=POLL_TIMEOUT, is_patient=False)
        except Refused as refusal:
            self._caller.unexpected(request, refusal)
            await asyncio.sleep(0.1)
            return None

    async def _events(self, task: ws.PollWorkflowTaskQueueResponse) -> list[HistoryEvent] | None:
        """The whole history of a task; None if the run is gone."""
        events, token = list(task.history.events), task.next_page_token
        while token:
            request = ws.GetWorkflowExecutionHistoryRequest(
                namespace=NAMESPACE, execution=task.workflow_execution, next_page_token=token)
            try:
                page = await self._caller.call(request)
            except Refused as refusal:
                self._caller.unexpected(request, refusal)
                return None
            events += page.history.events
            token = page.next_page_token
        return events

    def _begin(self, kind: Kind, task: Any, name: str) -> Operation:
        execution: WorkflowExecution = task.workflow_execution
        return self._journal.begin(
            kind, execution.workflow_id, f"{name}#{self._journal.number()}")

    async def _settle(self, operation: Operation, request: Any) -> None:
        """Answers a task. It may be refused: the task may have timed out, or been answered already
        by an attempt whose outcome is not known, be it ours or the server's own: it sends a
        request again to a shard that has just been reloaded. So `NOT_FOUND` leaves it open whether
        the task was answered, as it does in Temporal.
        """
        try:
            await self._caller.call(request)
            operation.acknowledge()
        except asyncio.CancelledError:
            operation.give_up()
            raise
        except Refused as refusal:
            is_gone = refusal.code is Code.NOT_FOUND
            operation.refuse(is_certain=refusal.is_certain and not is_gone)
            is_overtaken = refusal.message.startswith("UnhandledCommand")
            if not (is_gone or is_overtaken):
                self._caller.unexpected(request, refusal)
