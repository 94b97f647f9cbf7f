"""Compares what was acknowledged with what is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Iterable, Iterator

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from .journal import Journal, Kind, Operation, Outcome
from .readback import Run, Stored


class Category(Enum):
    """What can be wrong. The value is its name in the last line of a run."""

    LOST = "lost"
    """Acknowledged, and not there."""
    DOUBLED = "doubled"
    """There more than once."""
    STUCK = "stuck"
    """Does not go on, or is not answered, although nothing is wrong any more."""
    WRONG = "wrong"
    """Anything else that must not be."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    category: Category
    workflow_id: str
    text: str

    def __str__(self) -> str:
        return f"{self.category.value}: {self.text}"


def check(journal: Journal, stored: Stored) -> list[Finding]:
    """Everything that is wrong with what is there."""
    return [
        *_operations(journal, stored), *_strangers(journal, stored), *_visibility(stored),
        *(
            finding for runs in stored.runs.values() for run in runs
            for finding in check_run(run))]


def _operations(journal: Journal, stored: Stored) -> Iterator[Finding]:
    """Acknowledged ones are there once, refused ones never, all others at most once."""
    for operation in journal.operations:
        name, runs = (operation.kind, operation.key), stored.runs.get(operation.workflow_id, [])
        count = sum(run.found[name] for run in runs)
        told = f"{operation}, {operation.outcome.value}, is there {_times(count)}"
        if count > 1:
            yield Finding(Category.DOUBLED, operation.workflow_id, told)
        elif count == 0 and operation.outcome is Outcome.ACKNOWLEDGED:
            yield Finding(Category.LOST, operation.workflow_id, told)
        elif count == 1 and operation.outcome is Outcome.REFUSED:
            yield Finding(Category.WRONG, operation.workflow_id, told)
        elif count == 1 and operation.outcome is Outcome.ACKNOWLEDGED:
            yield from _answer(operation, next(run for run in runs if run.found[name]))


def _times(count: int) -> str:
    return f"{count} times" if count != 1 else "once"


def _answer(operation: Operation, run: Run) -> Iterator[Finding]:
    """What was answered is what the history tells."""
    stored = run.answers[operation.kind, operation.key]
    if operation.answer is not None and operation.answer != stored:
        yield Finding(
            Category.WRONG, operation.workflow_id,
            f"{operation} was answered with {operation.answer}, the history has {stored}")


def _strangers(journal: Journal, stored: Stored) -> Iterator[Finding]:
    """Nothing is there that nobody asked for."""
    asked = {
        (operation.workflow_id, operation.kind, operation.key)
        for operation in journal.operations}
    for workflow_id, runs in stored.runs.items():
        for run in runs:
            for kind, key in run.found:
                if kind is not Kind.RESULT and (workflow_id, kind, key) not in asked:
                    yield Finding(
                        Category.WRONG, workflow_id,
                        f"{kind.name.lower()} {key} of {workflow_id}: nobody asked for it")


def _visibility(stored: Stored) -> Iterator[Finding]:
    """The list has each run once, as its history tells it; the counts agree."""
    rows = Counter((row.workflow_id, row.run_id) for row in stored.listed)
    for (workflow_id, run_id), count in rows.items():
        if count > 1:
            yield Finding(
                Category.DOUBLED, workflow_id, f"{workflow_id} {run_id} is listed {count} times")
    by_run = {(row.workflow_id, row.run_id): row for row in stored.listed}
    every = [run for runs in stored.runs.values() for run in runs]
    for run in every:
        row = by_run.get((run.workflow_id, run.run_id))
        if row is None:
            yield Finding(Category.LOST, run.workflow_id, f"{run.workflow_id} is not listed")
        elif row.is_open == run.is_closed:
            told = "open" if row.is_open else "closed"
            yield Finding(
                Category.WRONG, run.workflow_id,
                f"{run.workflow_id} is listed as {told}, its history tells the opposite")
        elif run.is_closed and row.events != len(run.events):
            yield Finding(
                Category.WRONG, run.workflow_id,
                f"{run.workflow_id} is listed with {row.events} events, it has {len(run.events)}")
    for status, is_closed in (("Completed", True), ("Running", False)):
        count = sum(run.is_closed is is_closed for run in every)
        if stored.counted[status] != count:
            yield Finding(
                Category.WRONG, "", f"{status} is counted as {stored.counted[status]}, "
                f"the histories of {count} runs tell it")


def check_run(run: Run) -> Iterator[Finding]:
    """What holds for every history of a run that has ended."""

    def wrong(text: str, category: Category = Category.WRONG) -> Finding:
        return Finding(category, run.workflow_id, f"{run.workflow_id} {run.run_id}: {text}")

    ids = [event.event_id for event in run.events]
    if ids != list(range(1, len(ids) + 1)):
        yield wrong(f"event ids are not dense: {_around_gap(ids)}")
    if not run.events or (
        run.events[0].event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
    ):
        yield wrong("the history does not begin with the start")
    if not run.is_closed:
        yield wrong("is still open", Category.STUCK)
        return
    if len(run.closings) > 1:
        yield wrong("is closed more than once", Category.DOUBLED)
    elif run.closings[0] != ids[-1]:
        yield wrong("has events after its end")
    result = run.answers.get((Kind.RESULT, "result"))
    if result != run.seen.result:
        yield wrong(f"its result is {result}, its history tells {run.seen.result}")
    for category, text in [*_ends(run.events), *_timers(run.events), *_accepted(run)]:
        yield wrong(text, category)


def _around_gap(ids: list[int]) -> str:
    for before, after in zip([0, *ids], ids):
        if after != before + 1:
            return f"{after} follows {before}"
    return ""


_Problem = tuple[Category, str]
# For each kind of event that begins something, how those that end it name it.
_ENDS = {
    "activity_task_scheduled": (
        "scheduled_event_id",
        ("activity_task_completed", "activity_task_failed", "activity_task_timed_out",
         "activity_task_canceled")),
    "workflow_task_scheduled": (
        "scheduled_event_id",
        ("workflow_task_completed", "workflow_task_failed", "workflow_task_timed_out")),
    "timer_started": ("started_event_id", ("timer_fired", "timer_canceled")),
}


def _ends(events: list[HistoryEvent]) -> Iterator[_Problem]:
    """What a history begins ends once in it: activities, workflow tasks, timers."""
    for beginning, (field, endings) in _ENDS.items():
        begun = [e.event_id for e in events if e.HasField(f"{beginning}_event_attributes")]
        ended = Counter(
            getattr(getattr(event, f"{ending}_event_attributes"), field)
            for event in events for ending in endings
            if event.HasField(f"{ending}_event_attributes"))
        for event_id in begun:
            if ended[event_id] == 0:
                yield Category.WRONG, f"what event {event_id} ({beginning}) begins never ends"
            elif ended[event_id] > 1:
                yield Category.DOUBLED, f"what event {event_id} ({beginning}) begins ends twice"
        for event_id in ended.keys() - set(begun):
            yield Category.WRONG, f"something ends that event {event_id} did not begin"


def _timers(events: list[HistoryEvent]) -> Iterator[_Problem]:
    """No timer fires before its time."""
    started = {e.event_id: e for e in events if e.HasField("timer_started_event_attributes")}
    for event in events:
        if not event.HasField("timer_fired_event_attributes"):
            continue
        begin = started.get(event.timer_fired_event_attributes.started_event_id)
        if begin is None:
            continue
        delay = begin.timer_started_event_attributes.start_to_fire_timeout.ToNanoseconds()
        passed = event.event_time.ToNanoseconds() - begin.event_time.ToNanoseconds()
        if passed < delay:
            yield Category.WRONG, f"a timer of {delay / 1e9} s fired after {passed / 1e9} s"


def _accepted(run: Run) -> Iterable[_Problem]:
    """Each update is accepted once, and completed if it is."""
    accepted = Counter(
        event.workflow_execution_update_accepted_event_attributes.protocol_instance_id
        for event in run.events
        if event.HasField("workflow_execution_update_accepted_event_attributes"))
    for update_id, count in accepted.items():
        if count > 1:
            yield Category.DOUBLED, f"update {update_id} is accepted {count} times"
        if not run.found[Kind.UPDATE, update_id]:
            yield Category.WRONG, f"update {update_id} is accepted and never completed"
    for kind, key in run.found:
        if kind is Kind.UPDATE and not accepted[key]:
            yield Category.WRONG, f"update {key} is completed and was never accepted"
