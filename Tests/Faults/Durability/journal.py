"""What was asked of the server, and what became of it as far as those who asked know."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Outcome(Enum):
    """What the one who asked knows."""

    PENDING = "pending"
    """Not answered yet: there at most once."""
    ACKNOWLEDGED = "acknowledged"
    """Answered with OK: there exactly once."""
    UNKNOWN = "unknown"
    """Given up after an attempt that may have been done: there at most once."""
    REFUSED = "refused"
    """The first attempt was refused: not there."""


class Kind(Enum):
    """What is asked. The value is its name in the last line of a run."""

    START = "starts"
    SIGNAL = "signals"
    TASK = "task completions"
    ACTIVITY = "activity completions"
    UPDATE = "updates"
    RESULT = "results"
    """A result that a client was told: the one in the history."""


@dataclass(eq=False)
class Operation:
    """One request, however often it was sent."""

    kind: Kind
    workflow_id: str
    key: str
    """What it is found by in a history."""
    number: int
    outcome: Outcome = Outcome.PENDING
    answer: Any = None
    """What the server said, if histories tell it as well."""
    begun: float = field(default_factory=time.monotonic)

    @property
    def is_settled(self) -> bool:
        return self.outcome is not Outcome.PENDING

    def acknowledge(self, answer: Any = None) -> None:
        self.outcome, self.answer = Outcome.ACKNOWLEDGED, answer

    def refuse(self, *, is_certain: bool) -> None:
        self.outcome = Outcome.REFUSED if is_certain else Outcome.UNKNOWN

    def give_up(self) -> None:
        self.outcome = Outcome.UNKNOWN

    def __str__(self) -> str:
        return f"{self.kind.name.lower()} {self.key} of {self.workflow_id}"


class Journal:
    """Every operation of a run."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.answers: Counter[str] = Counter()
        """How often each status code was answered."""
        self.unexpected: Counter[str] = Counter()
        """Answers that no fault explains."""
        self._numbers = itertools.count(1)

    def number(self) -> int:
        """A number nobody else has."""
        return next(self._numbers)

    def begin(self, kind: Kind, workflow_id: str, key: str) -> Operation:
        """Writes down that something is going to be asked."""
        operation = Operation(kind, workflow_id, key, len(self.operations))
        self.operations.append(operation)
        return operation

    def acknowledged(self) -> Counter[Kind]:
        """How many operations of each kind were acknowledged."""
        return Counter(
            operation.kind for operation in self.operations
            if operation.outcome is Outcome.ACKNOWLEDGED)

    def pending(self) -> list[Operation]:
        """What is not settled now."""
        return [operation for operation in self.operations if not operation.is_settled]

    def workflow_ids(self) -> list[str]:
        """Every workflow somebody tried to start."""
        return [
            operation.workflow_id for operation in self.operations
            if operation.kind is Kind.START]
