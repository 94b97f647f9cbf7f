"""Workflows that more than one suite uses."""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError


@workflow.defn
class Collects:
    """Gathers signals until it has as many as `stop_at` said."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.wanted = -1

    @workflow.run
    async def run(self) -> list[Any]:
        await workflow.wait_condition(lambda: len(self.seen) == self.wanted)
        return self.seen

    @workflow.signal
    def add(self, value: Any) -> None:
        self.seen.append(value)

    @workflow.signal
    def stop_at(self, count: int) -> None:
        self.wanted = count

    @workflow.query
    def so_far(self) -> list[Any]:
        return self.seen

    @workflow.query
    def fails(self) -> None:
        raise ValueError("no such thing")


@workflow.defn
class Updatable:
    """Adds up what updates bring, until it is told to finish."""

    def __init__(self) -> None:
        self.total = 0
        self.is_open = False
        self.is_finished = False

    @workflow.run
    async def run(self) -> int:
        await workflow.wait_condition(lambda: self.is_finished)
        return self.total

    @workflow.update
    def add(self, value: int) -> int:
        self.total += value
        return self.total

    @add.validator
    def validate_add(self, value: int) -> None:
        if value < 0:
            raise ApplicationError("nothing below zero", type="TooSmall")

    @workflow.update
    async def add_when_open(self, value: int) -> int:
        await workflow.wait_condition(lambda: self.is_open)
        self.total += value
        return self.total

    @workflow.update
    def fails(self) -> None:
        raise ApplicationError("went wrong", type="Wrong")

    @workflow.update
    def ends(self) -> str:
        self.is_finished = True
        return "ended"

    @workflow.signal
    def open(self) -> None:
        self.is_open = True

    @workflow.signal
    def finish(self) -> None:
        self.is_finished = True

    @workflow.query
    def so_far(self) -> int:
        return self.total
