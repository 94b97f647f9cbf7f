"""Histories made by hand: one workflow as it is when all is well, and changes to it."""

from __future__ import annotations

from typing import Any, Callable

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Input, Meta, Outcome as UpdateOutcome, Request

from Durability.journal import Journal, Kind
from Durability.program import Plan, plan_input, signal_input, update_input
from Durability.readback import Listed, Run, Stored
from Support.raw import payloads, seconds

PLAN = Plan(
    number=1, activities=1, is_parallel=False, timer=1.0, signals=1, updates=1,
    begins_with_signal=False, is_patient=True, is_left_open=False)
RESULT = {"signals": [2, 4], "activities": {"a0": "a0#3"}}
CHANGED = {"number": 5}


def event(kind: str, at: float = 0, **fields: Any) -> HistoryEvent:
    """An event of a kind, `at` seconds after the first."""
    made = HistoryEvent(event_type=EventType.Value(f"EVENT_TYPE_{kind.upper()}"))
    made.event_time.FromNanoseconds(int((1_700_000_000 + at) * 1e9))
    attributes = getattr(made, f"{kind}_event_attributes")
    attributes.SetInParent()
    attributes.MergeFrom(type(attributes)(**fields))
    return made


def _task(scheduled: int, identity: str) -> list[HistoryEvent]:
    return [
        event("workflow_task_scheduled"),
        event("workflow_task_started", scheduled_event_id=scheduled),
        event("workflow_task_completed", scheduled_event_id=scheduled, identity=identity)]


def _update() -> list[HistoryEvent]:
    asked = Request(
        meta=Meta(update_id="u5"), input=Input(args=update_input(5, is_slow=False)))
    return [
        event(
            "workflow_execution_update_accepted", protocol_instance_id="u5",
            accepted_request=asked),
        event(
            "workflow_execution_update_completed", meta=Meta(update_id="u5"),
            outcome=UpdateOutcome(success=payloads(CHANGED)))]


def good_events() -> list[HistoryEvent]:
    """A workflow with one of everything."""
    made = [
        event("workflow_execution_started", input=plan_input(PLAN)),
        *_task(2, "task#6"),
        event("timer_started", timer_id="t", start_to_fire_timeout=seconds(1)),
        event("activity_task_scheduled", activity_id="a0"),
        event("workflow_execution_signaled", input=signal_input(2)),
        event("activity_task_started", scheduled_event_id=6),
        event(
            "activity_task_completed", scheduled_event_id=6, started_event_id=8,
            result=payloads("a0#3")),
        *_task(10, "task#7"),
        *_update(),
        event("timer_fired", 1.5, timer_id="t", started_event_id=5),
        event("workflow_execution_signaled", input=signal_input(4, finish=True)),
        *_task(17, "task#8"),
        event("workflow_execution_completed", result=payloads(RESULT))]
    return numbered(made)


def numbered(events: list[HistoryEvent]) -> list[HistoryEvent]:
    """The events with dense ids."""
    for index, one in enumerate(events):
        one.event_id = index + 1
    return events


def good_journal() -> Journal:
    """What was acknowledged of that workflow: everything."""
    journal = Journal()
    for kind, key, answer in (
        (Kind.START, "1", "run"), (Kind.SIGNAL, "2", None), (Kind.SIGNAL, "4", None),
        (Kind.ACTIVITY, "a0#3", None), (Kind.UPDATE, "u5", CHANGED), (Kind.TASK, "task#6", None),
        (Kind.TASK, "task#7", None), (Kind.TASK, "task#8", None), (Kind.RESULT, "result", RESULT),
    ):
        journal.begin(kind, "w1", key).acknowledge(answer)
    return journal


def stored(*histories: list[HistoryEvent]) -> Stored:
    """Runs of the workflow with these histories, listed and counted as they are."""
    runs = [
        Run.of("w1", "run" if index == 0 else f"run{index}", events)
        for index, events in enumerate(histories)]
    listed = [Listed("w1", run.run_id, not run.is_closed, len(run.events)) for run in runs]
    counted = {
        "Completed": sum(run.is_closed for run in runs),
        "Running": sum(not run.is_closed for run in runs)}
    return Stored({"w1": runs} if runs else {}, listed, counted)


Change = Callable[[list[HistoryEvent]], None]


def changed(change: Change) -> list[HistoryEvent]:
    """The good history after a change, with dense ids all the same."""
    events = good_events()
    change(events)
    return events


def index_of(events: list[HistoryEvent], kind: str, which: int = 0) -> int:
    """Where the n-th event of a kind is."""
    name = f"{kind}_event_attributes"
    return [index for index, one in enumerate(events) if one.HasField(name)][which]
