"""Workflows that more than one suite uses."""

from __future__ import annotations

from typing import Any

from temporalio import workflow


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
