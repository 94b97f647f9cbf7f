"""Histories as text that a Temporal user can read.

    1 WorkflowExecutionStarted
    2 WorkflowTaskScheduled
    3 TimerStarted {"timerId": "t1", "startToFireTimeout": "5s"}

An expected line names the attributes that matter; others are not compared. Payloads stand as
their JSON values, enums as their names. Every event counts: none may be missing or extra.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Iterable

from google.protobuf.json_format import MessageToDict
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

# A workflow task as a worker does it, and a run after its first one.
TASK = ["WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted"]
IDLE = ["WorkflowExecutionStarted", *TASK]


def type_name(event: HistoryEvent) -> str:
    """`WorkflowTaskStarted` for EVENT_TYPE_WORKFLOW_TASK_STARTED."""
    words = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").split("_")
    return "".join(word.capitalize() for word in words)


def attributes(event: HistoryEvent) -> dict[str, Any]:
    """The event's attributes as JSON values."""
    which = event.WhichOneof("attributes")
    if which is None:
        return {}
    return _plain(MessageToDict(getattr(event, which)))


def render(events: Iterable[HistoryEvent], *, keys: set[str] | None = None) -> str:
    """One line per event, with the named attributes or none."""
    lines = []
    for event in events:
        chosen = {k: v for k, v in attributes(event).items() if keys and k in keys}
        suffix = f" {json.dumps(chosen)}" if chosen else ""
        lines.append(f"{event.event_id} {type_name(event)}{suffix}")
    return "\n".join(lines)


def types(events: Iterable[HistoryEvent]) -> list[str]:
    """The event types only."""
    return [type_name(event) for event in events]


def story(events: Iterable[HistoryEvent]) -> list[str]:
    """The event types without workflow tasks: how many it takes depends on the worker.

    A task that failed or timed out is part of the story.
    """
    return [name for name in types(events) if name not in TASK]


def find(events: Iterable[HistoryEvent], name: str, index: int = 0) -> dict[str, Any]:
    """The attributes of the n-th event of a type."""
    found = [attributes(event) for event in events if type_name(event) == name]
    assert len(found) > index, f"no {name} number {index + 1} in the history"
    return found[index]


def assert_history(events: Iterable[HistoryEvent], expected: str) -> None:
    """The events are exactly the expected lines, comparing the attributes the lines name."""
    actual = list(events)
    wanted = [_parse(line) for line in expected.strip().splitlines() if line.strip()]
    got_lines, wanted_lines, same = [], [], len(actual) == len(wanted)
    for index in range(max(len(actual), len(wanted))):
        want = wanted[index] if index < len(wanted) else None
        event = actual[index] if index < len(actual) else None
        if want is not None:
            wanted_lines.append(_line(*want))
        if event is None:
            continue
        all_attributes = attributes(event)
        shown = {}
        if want is not None and want[1] == type_name(event):
            shown = {k: _narrow(all_attributes.get(k), v) for k, v in want[2].items()}
        else:
            same = False
        got = (event.event_id, type_name(event), shown)
        got_lines.append(_line(*got))
        same = same and got == want
    if not same:
        raise AssertionError(
            "history differs\nexpected:\n  " + "\n  ".join(wanted_lines)
            + "\ngot:\n  " + "\n  ".join(got_lines)
        )
    assert_well_formed(actual)


def assert_well_formed(events: list[HistoryEvent]) -> None:
    """What holds for every history: ids dense from the first, every event has a time.

    Times may fall: an event that waited for a workflow task to end keeps the time it happened at.
    """
    for before, after in zip(events, events[1:]):
        assert after.event_id == before.event_id + 1, "event ids are not dense"
    for event in events:
        assert event.event_time.seconds > 1_500_000_000, f"event {event.event_id} has no time"


def _line(number: int, name: str, shown: dict[str, Any]) -> str:
    return f"{number} {name}" + (f" {json.dumps(shown)}" if shown else "")


def _parse(line: str) -> tuple[int, str, dict[str, Any]]:
    number, name, *rest = line.strip().split(" ", 2)
    return int(number), name, json.loads(rest[0]) if rest else {}


def _narrow(value: Any, pattern: Any) -> Any:
    """The part of a value that a pattern speaks about."""
    if isinstance(value, dict) and isinstance(pattern, dict):
        return {k: _narrow(value.get(k), v) for k, v in pattern.items()}
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"payloads"}:
        return [_plain(item) for item in value["payloads"]]
    if "metadata" in value and set(value) <= {"metadata", "data"}:
        return _payload(value)
    return {key: _plain(item) for key, item in value.items()}


def _payload(value: dict[str, Any]) -> Any:
    encoding = base64.b64decode(value["metadata"].get("encoding", "")).decode()
    data = base64.b64decode(value.get("data", ""))
    if encoding == "json/plain":
        return json.loads(data)
    if encoding == "binary/null":
        return None
    return value
