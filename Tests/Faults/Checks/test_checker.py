"""The checker finds what is lost, doubled, stuck or wrong, and nothing where all is well."""

from __future__ import annotations

from typing import Callable

import pytest

from Checks.histories import (
    changed, event, good_events, good_journal, index_of, numbered, stored,
)
from Durability.checker import Category, check
from Durability.journal import Journal, Kind, Outcome
from Durability.readback import Listed

LOST, DOUBLED = Category.LOST, Category.DOUBLED
STUCK, WRONG = Category.STUCK, Category.WRONG


def _found(journal: Journal, *histories) -> set[Category]:
    return {finding.category for finding in check(journal, stored(*histories))}


def _texts(journal: Journal, *histories) -> str:
    return "\n".join(map(str, check(journal, stored(*histories))))


def test_all_is_well() -> None:
    assert check(good_journal(), stored(good_events())) == []


def _renumbered(events, index: int, *kept) -> list:
    """Puts others in the place of an event, and keeps what refers to events right."""
    return numbered([*events[:index], *kept, *events[index + 1:]])


# What is acknowledged, and where it is in the history: its kind, and which of its kind.
ACKNOWLEDGED = [
    (Kind.SIGNAL, "2", "workflow_execution_signaled", 0),
    (Kind.SIGNAL, "4", "workflow_execution_signaled", 1),
    (Kind.ACTIVITY, "a0#3", "activity_task_completed", 0),
    (Kind.UPDATE, "u5", "workflow_execution_update_completed", 0),
    (Kind.TASK, "task#6", "workflow_task_completed", 0),
    (Kind.TASK, "task#8", "workflow_task_completed", 2),
    (Kind.RESULT, "result", "workflow_execution_completed", 0),
]


@pytest.mark.parametrize(("kind", "key", "event_kind", "which"), ACKNOWLEDGED)
def test_lost(kind: Kind, key: str, event_kind: str, which: int) -> None:
    events = good_events()
    told = _texts(
        good_journal(), _renumbered(events, index_of(events, event_kind, which)))
    assert f"lost: {kind.name.lower()} {key} of w1, acknowledged, is there 0 times" in told


@pytest.mark.parametrize(("kind", "key", "event_kind", "which"), ACKNOWLEDGED)
def test_doubled(kind: Kind, key: str, event_kind: str, which: int) -> None:
    events = good_events()
    index = index_of(events, event_kind, which)
    again = type(events[index])()
    again.CopyFrom(events[index])
    told = _texts(good_journal(), _renumbered(events, index, events[index], again))
    assert f"doubled: {kind.name.lower()} {key} of w1, acknowledged, is there 2 times" in told


def test_lost_start() -> None:
    told = _texts(good_journal())
    assert "lost: start 1 of w1, acknowledged, is there 0 times" in told


def test_started_twice() -> None:
    told = _texts(good_journal(), good_events(), good_events())
    assert "doubled: start 1 of w1, acknowledged, is there 2 times" in told


def test_another_run_than_the_one_acknowledged() -> None:
    journal = good_journal()
    journal.operations[0].answer = "another"
    assert _found(journal, good_events()) == {WRONG}


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.PENDING])
def test_unknown_outcome_is_there_at_most_once(outcome: Outcome) -> None:
    journal = good_journal()
    journal.operations[1].outcome = outcome
    assert _found(journal, good_events()) == set()
    absent = journal.begin(Kind.SIGNAL, "w1", "9")
    absent.outcome = outcome
    assert _found(journal, good_events()) == set()
    events = good_events()
    twice = _renumbered(events, 6, events[6], event(
        "workflow_execution_signaled",
        input=events[6].workflow_execution_signaled_event_attributes.input))
    assert DOUBLED in _found(journal, twice)


def test_refused_and_there() -> None:
    journal = good_journal()
    journal.operations[1].refuse(is_certain=True)
    assert _found(journal, good_events()) == {WRONG}


def test_refused_after_an_attempt_that_may_have_been_done() -> None:
    journal = good_journal()
    journal.operations[1].refuse(is_certain=False)
    assert _found(journal, good_events()) == set()


def test_nobody_asked_for_it() -> None:
    journal = good_journal()
    del journal.operations[1]
    assert "wrong: signal 2 of w1: nobody asked for it" in _texts(journal, good_events())


@pytest.mark.parametrize("index", [4, 8])
def test_another_answer_than_the_one_stored(index: int) -> None:
    journal = good_journal()
    journal.operations[index].answer = {"number": 6}
    assert _found(journal, good_events()) == {WRONG}


def test_gap() -> None:
    events = good_events()
    del events[6]
    assert "event ids are not dense: 8 follows 6" in _texts(good_journal(), events)


def test_history_without_its_beginning() -> None:
    assert "does not begin with the start" in _texts(good_journal(), numbered(good_events()[1:]))


def test_stuck() -> None:
    events = good_events()[:-1]
    journal = good_journal()
    journal.operations.pop()
    assert _found(journal, events) == {STUCK}


def test_event_after_the_end() -> None:
    def change(events) -> None:
        events.append(event("workflow_task_scheduled"))
        numbered(events)

    assert "has events after its end" in _texts(good_journal(), changed(change))


def _without(kind: str, which: int = 0) -> Callable:
    def change(events) -> None:
        del events[index_of(events, kind, which)]
        numbered(events)
    return change


@pytest.mark.parametrize("kind", ["timer_fired", "activity_task_completed"])
def test_never_ends(kind: str) -> None:
    assert "begins never ends" in _texts(good_journal(), changed(_without(kind)))


def test_ends_twice() -> None:
    def change(events) -> None:
        fired = events[index_of(events, "timer_fired")]
        events.insert(-1, type(fired).FromString(fired.SerializeToString()))
        numbered(events)

    assert _found(good_journal(), changed(change)) == {DOUBLED}


def test_timer_too_early() -> None:
    def change(events) -> None:
        fired = events[index_of(events, "timer_fired")]
        fired.event_time.FromNanoseconds(fired.event_time.ToNanoseconds() - 600_000_000)

    assert "a timer of 1.0 s fired after 0.9 s" in _texts(good_journal(), changed(change))


def test_accepted_and_never_completed() -> None:
    journal = good_journal()
    journal.operations[4].give_up()
    events = changed(_without("workflow_execution_update_completed"))
    assert "update u5 is accepted and never completed" in _texts(journal, events)


def test_result_that_the_history_does_not_tell() -> None:
    journal = good_journal()
    del journal.operations[1]
    events = changed(_without("workflow_execution_signaled"))
    assert "its history tells {'signals': [4]" in _texts(journal, events)


def test_lists() -> None:
    there = stored(good_events())
    row = there.listed[0]
    for listed, category in (
        ([], LOST), ([row, row], DOUBLED),
        ([Listed("w1", "run", True, row.events)], WRONG),
        ([Listed("w1", "run", False, row.events - 1)], WRONG),
    ):
        there.listed = listed
        assert {finding.category for finding in check(good_journal(), there)} == {category}


def test_counts() -> None:
    there = stored(good_events())
    for counted in ({"Completed": 0, "Running": 0}, {"Completed": 1, "Running": 1}):
        there.counted = counted
        assert [finding.category for finding in check(good_journal(), there)] == [WRONG]
