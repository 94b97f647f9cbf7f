"""The workflow that the load runs, and the plan each workflow follows.

A workflow is done when its activities are done, its timer has fired, its updates are answered and a
signal has told it to finish. What a worker does is decided from the history alone, so any worker
can go on at any time. Its result tells what it saw: it has to be what its history tells.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, field
from typing import Any, Iterable

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payloads, RetryPolicy
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.protocol.v1 import Message

from Support.raw import complete, payloads, schedule_activity, seconds, start_timer
from Support.updates import acceptance, completion, protocol_message, request_in

# How long a lost activity or workflow task is waited for.
TASK_TIMEOUT = 3.0


@dataclass(frozen=True)
class Plan:
    """What one workflow does, and what its client asks of it."""

    number: int
    activities: int
    is_parallel: bool
    timer: float
    signals: int
    updates: int
    begins_with_signal: bool
    is_patient: bool
    """Its client sends each request again until it is answered."""
    is_left_open: bool
    """Its client does not tell it to finish; that is done when all faults are over."""

    @staticmethod
    def draw(rng: random.Random, number: int) -> Plan:
        return Plan(
            number=number,
            activities=rng.choice((0, 1, 1, 2, 3)),
            is_parallel=rng.random() < 0.5,
            timer=rng.choice((0.0, 0.0, round(rng.uniform(0.05, 3.0), 3))),
            signals=rng.randrange(5),
            updates=rng.randrange(4),
            begins_with_signal=rng.random() < 0.2,
            is_patient=rng.random() < 0.75,
            is_left_open=rng.random() < 0.2,
        )


def value(sent: Payloads) -> Any:
    """The JSON value of the first payload."""
    return json.loads(sent.payloads[0].data) if sent.payloads else None


@dataclass
class Seen:
    """What a history tells, as far as the program cares."""

    plan: Plan | None = None
    signals: list[int] = field(default_factory=list)
    is_told_to_finish: bool = False
    timers_started: int = 0
    timers_fired: int = 0
    scheduled: dict[int, str] = field(default_factory=dict)
    """The ids of activities by the event that scheduled them."""
    results: dict[str, Any] = field(default_factory=dict)
    accepted: dict[str, Any] = field(default_factory=dict)
    """The arguments of updates by their ids."""
    completed: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(events: Iterable[HistoryEvent]) -> Seen:
        seen = Seen()
        for event in events:
            which = event.WhichOneof("attributes")
            seen._add(which, getattr(event, which), event.event_id)
        return seen

    def _add(self, which: str, attributes: Any, event_id: int) -> None:
        match which:
            case "workflow_execution_started_event_attributes":
                self.plan = Plan(**value(attributes.input))
            case "workflow_execution_signaled_event_attributes":
                sent = value(attributes.input)
                self.signals.append(sent["number"])
                self.is_told_to_finish |= sent["finish"]
            case "timer_started_event_attributes":
                self.timers_started += 1
            case "timer_fired_event_attributes":
                self.timers_fired += 1
            case "activity_task_scheduled_event_attributes":
                self.scheduled[event_id] = attributes.activity_id
            case "activity_task_completed_event_attributes":
                done = self.scheduled.get(attributes.scheduled_event_id, "nothing")
                self.results[done] = value(attributes.result)
            case "workflow_execution_update_accepted_event_attributes":
                self.accepted[attributes.protocol_instance_id] = value(
                    attributes.accepted_request.input.args)
            case "workflow_execution_update_completed_event_attributes":
                self.completed[attributes.meta.update_id] = value(attributes.outcome.success)

    @property
    def result(self) -> dict[str, Any]:
        """What the workflow returns."""
        return {"signals": sorted(self.signals), "activities": self.results}


@dataclass
class Decision:
    """The answer to a workflow task."""

    commands: list[Command] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.messages.append(message)
        self.commands.append(protocol_message(message.id))


def decide(seen: Seen, asked: Iterable[Message], task_queue: str) -> Decision:
    """What the program does now, given its history and the updates that arrived."""
    decision = Decision()
    assert seen.plan is not None
    if seen.plan.timer and not seen.timers_started:
        decision.commands.append(start_timer("t", seen.plan.timer))
    for activity_id in _next_activities(seen):
        decision.commands.append(_activity(activity_id, task_queue))
    is_busy = _answer_updates(seen, asked, decision, task_queue)
    if seen.is_told_to_finish and not is_busy and _is_done(seen):
        decision.commands.append(complete(seen.result))
    return decision


def _planned(plan: Plan) -> list[str]:
    return [f"a{index}" for index in range(plan.activities)]


def _next_activities(seen: Seen) -> list[str]:
    """The planned activities to schedule now: all of them, or each after the one before it."""
    begun = set(seen.scheduled.values())
    waiting = [name for name in _planned(seen.plan) if name not in begun]
    if seen.plan.is_parallel:
        return waiting
    is_running = any(name in begun - seen.results.keys() for name in _planned(seen.plan))
    return [] if is_running else waiting[:1]


def _is_done(seen: Seen) -> bool:
    has_results = all(name in seen.results for name in _planned(seen.plan))
    return has_results and (not seen.plan.timer or seen.timers_fired > 0)


def _activity(activity_id: str, task_queue: str) -> Command:
    return schedule_activity(
        activity_id, task_queue, start_to_close=TASK_TIMEOUT,
        retry=RetryPolicy(initial_interval=seconds(0.1), maximum_interval=seconds(1)))


def activity_of(update_id: str) -> str:
    """The activity that a slow update waits for."""
    return f"for-{update_id}"


def _answer_updates(
    seen: Seen, asked: Iterable[Message], decision: Decision, task_queue: str
) -> bool:
    """Accepts and completes updates; slow ones when their activity is done.

    Returns whether one of them stays open.
    """
    is_busy = False
    for update_id, sent in seen.accepted.items():
        if update_id in seen.completed:
            continue
        outcome = seen.results.get(activity_of(update_id))
        if outcome is None:
            is_busy = True
        else:
            decision.send(_completion(update_id, {"number": sent["number"], "by": outcome}))
    for message in asked:
        sent = value(request_in(message).input.args)
        update_id = message.protocol_instance_id
        decision.send(acceptance(message))
        if sent["is_slow"]:
            decision.commands.append(_activity(activity_of(update_id), task_queue))
            is_busy = True
        else:
            decision.send(_completion(update_id, {"number": sent["number"]}))
    return is_busy


def _completion(update_id: str, outcome: Any) -> Message:
    return completion(Message(protocol_instance_id=update_id), outcome)


def plan_input(plan: Plan) -> Payloads:
    """The plan as the input of its workflow."""
    return payloads(asdict(plan))


def signal_input(number: int, *, finish: bool = False) -> Payloads:
    """The input of a signal that carries a number."""
    return payloads({"number": number, "finish": finish})


def update_input(number: int, *, is_slow: bool) -> Payloads:
    """The arguments of an update that carries a number."""
    return payloads({"number": number, "is_slow": is_slow})
