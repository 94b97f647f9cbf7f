"""What the program decides, given a history and what arrives."""

from __future__ import annotations

from dataclasses import replace

from temporalio.api.enums.v1 import CommandType
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Input, Meta, Request

from Checks.histories import PLAN, RESULT, event, good_events, index_of, numbered
from Durability.program import Decision, Seen, activity_of, decide, plan_input, update_input
from Durability.readback import Run
from Support.raw import payloads
from Support.updates import packed


def _commands(decision: Decision) -> list[str]:
    return [
        CommandType.Name(command.command_type).removeprefix("COMMAND_TYPE_")
        for command in decision.commands]


def _update(*, is_slow: bool) -> Message:
    asked = Request(
        meta=Meta(update_id="u9"), input=Input(args=update_input(9, is_slow=is_slow)))
    return Message(id="u9/request", protocol_instance_id="u9", body=packed(asked))


def _before_the_end() -> Seen:
    events = good_events()
    return Seen.of(events[:index_of(events, "workflow_task_scheduled", 2)])


def test_begins() -> None:
    events = good_events()[:1]
    assert _commands(decide(Seen.of(events), [], "q")) == ["START_TIMER", "SCHEDULE_ACTIVITY_TASK"]


def test_activities_in_turn_or_at_once() -> None:
    for is_parallel, count in ((False, 1), (True, 3)):
        plan = replace(PLAN, activities=3, is_parallel=is_parallel, timer=0.0)
        seen = Seen.of([event("workflow_execution_started", input=plan_input(plan))])
        assert _commands(decide(seen, [], "q")) == ["SCHEDULE_ACTIVITY_TASK"] * count


def test_completes_when_all_is_done() -> None:
    [command] = decide(_before_the_end(), [], "q").commands
    assert command.complete_workflow_execution_command_attributes.result == payloads(RESULT)


def test_waits_for_what_is_not_done() -> None:
    events = good_events()
    for kind in ("timer_fired", "activity_task_completed"):
        kept = [one for one in events[:17] if not one.HasField(f"{kind}_event_attributes")]
        assert _commands(decide(Seen.of(kept), [], "q")) == []


def test_fast_update() -> None:
    decision = decide(_before_the_end(), [_update(is_slow=False)], "q")
    assert _commands(decision) == ["PROTOCOL_MESSAGE"] * 2 + ["COMPLETE_WORKFLOW_EXECUTION"]
    assert len(decision.messages) == 2


def test_slow_update_waits_for_its_activity() -> None:
    decision = decide(_before_the_end(), [_update(is_slow=True)], "q")
    assert _commands(decision) == ["PROTOCOL_MESSAGE", "SCHEDULE_ACTIVITY_TASK"]
    seen = _before_the_end()
    seen.accepted["u9"] = {"number": 9, "is_slow": True}
    assert _commands(decide(seen, [], "q")) == [], "it does not complete without it"
    seen.results[activity_of("u9")] = "done#10"
    assert _commands(decide(seen, [], "q")) == ["PROTOCOL_MESSAGE", "COMPLETE_WORKFLOW_EXECUTION"]


def test_history_tells_what_the_program_returned() -> None:
    run = Run.of("w1", "run", numbered(good_events()))
    assert run.seen.result == RESULT
