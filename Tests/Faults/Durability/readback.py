"""Reads back everything the server has: each run's history, and the lists."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Iterable

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice import v1 as ws

from .calls import NAMESPACE, Caller, Code, Refused
from .journal import Kind
from .program import Seen, value

READERS = 8
_CLOSINGS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
}
OPEN = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
COMPLETED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED


@dataclass
class Run:
    """What a run's history tells."""

    workflow_id: str
    run_id: str
    events: list[HistoryEvent]
    found: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    """How often each operation is there, by its kind and key."""
    answers: dict[tuple[Kind, str], Any] = field(default_factory=dict)
    """What the history tells of an operation's answer."""
    seen: Seen = field(default_factory=Seen)
    closings: list[int] = field(default_factory=list)
    """The ids of the events that close it: one, the last, if all is well."""

    @property
    def is_closed(self) -> bool:
        return bool(self.closings)

    @staticmethod
    def of(workflow_id: str, run_id: str, events: list[HistoryEvent]) -> Run:
        run = Run(workflow_id, run_id, events)
        for event in events:
            run._add(event)
        run.seen = Seen.of(events)
        return run

    def _note(self, kind: Kind, key: str, answer: Any = None) -> None:
        self.found[kind, key] += 1
        self.answers[kind, key] = answer

    def _add(self, event: HistoryEvent) -> None:
        which = event.WhichOneof("attributes")
        if event.event_type in _CLOSINGS:
            self.closings.append(event.event_id)
        match which:
            case "workflow_execution_started_event_attributes":
                plan = value(event.workflow_execution_started_event_attributes.input)
                self._note(Kind.START, str(plan["number"]), self.run_id)
            case "workflow_execution_signaled_event_attributes":
                sent = value(event.workflow_execution_signaled_event_attributes.input)
                self._note(Kind.SIGNAL, str(sent["number"]))
            case "workflow_task_completed_event_attributes":
                self._note(Kind.TASK, event.workflow_task_completed_event_attributes.identity)
            case "activity_task_completed_event_attributes":
                result = value(event.activity_task_completed_event_attributes.result)
                self._note(Kind.ACTIVITY, str(result))
            case "workflow_execution_update_completed_event_attributes":
                done = event.workflow_execution_update_completed_event_attributes
                self._note(Kind.UPDATE, done.meta.update_id, value(done.outcome.success))
            case "workflow_execution_completed_event_attributes":
                result = value(event.workflow_execution_completed_event_attributes.result)
                self._note(Kind.RESULT, "result", result)


@dataclass(frozen=True)
class Listed:
    """A row of the list of workflows."""

    workflow_id: str
    run_id: str
    is_open: bool
    events: int


@dataclass
class Stored:
    """Everything that is there."""

    runs: dict[str, list[Run]]
    listed: list[Listed]
    counted: dict[str, int]
    """How many workflows the server counts by a status's name."""


async def run_ids(caller: Caller, listed: Iterable[Listed], known: Iterable[str]) -> set[
    tuple[str, str]
]:
    """Every run: those in the list, and those of the ids somebody tried to start."""
    found = {(row.workflow_id, row.run_id) for row in listed}
    for workflow_id, run_id in await _each(
        [(caller, workflow_id) for workflow_id in known], _current
    ):
        if run_id:
            found.add((workflow_id, run_id))
    return found


async def _current(caller: Caller, workflow_id: str) -> tuple[str, str]:
    """The current run of a workflow id; an empty run id if there is none."""
    try:
        reply = await caller.call(ws.DescribeWorkflowExecutionRequest(
            namespace=NAMESPACE, execution=WorkflowExecution(workflow_id=workflow_id)))
    except Refused as refusal:
        if refusal.code is not Code.NOT_FOUND:
            raise
        return workflow_id, ""
    return workflow_id, reply.workflow_execution_info.execution.run_id


async def _each(arguments: list[tuple[Any, ...]], read: Any) -> list[Any]:
    """Calls something for each, some at a time."""
    turns = asyncio.Semaphore(READERS)

    async def one(*given: Any) -> Any:
        async with turns:
            return await read(*given)

    return await asyncio.gather(*(one(*given) for given in arguments))


async def lists(caller: Caller) -> list[Listed]:
    """All rows of the list of workflows."""
    rows: list[Listed] = []
    token = b""
    while True:
        page = await caller.call(ws.ListWorkflowExecutionsRequest(
            namespace=NAMESPACE, page_size=500, next_page_token=token))
        rows += [
            Listed(
                info.execution.workflow_id, info.execution.run_id, info.status == OPEN,
                info.history_length)
            for info in page.executions]
        token = page.next_page_token
        if not token:
            return rows


async def _history(caller: Caller, workflow_id: str, run_id: str) -> Run:
    events: list[HistoryEvent] = []
    token = b""
    while True:
        page = await caller.call(ws.GetWorkflowExecutionHistoryRequest(
            namespace=NAMESPACE, next_page_token=token,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id)))
        events += page.history.events
        token = page.next_page_token
        if not token:
            return Run.of(workflow_id, run_id, events)


async def read_all(caller: Caller, known: Iterable[str]) -> Stored:
    """Reads everything that is there."""
    listed = await lists(caller)
    ids = await run_ids(caller, listed, known)
    runs: dict[str, list[Run]] = {}
    for run in await _each([(caller, *pair) for pair in sorted(ids)], _history):
        runs.setdefault(run.workflow_id, []).append(run)
    counted = {}
    for status in ("Running", "Completed"):
        reply = await caller.call(ws.CountWorkflowExecutionsRequest(
            namespace=NAMESPACE, query=f"ExecutionStatus = '{status}'"))
        counted[status] = reply.count
    return Stored(runs, listed, counted)
