"""What happens between the faults: a server that ends by itself, and what is never answered."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

from Durability.checker import Category
from Durability.faults import Faults
from Durability.journal import Journal, Kind


class DeadServer:
    """A server that has ended, until it is started."""

    def __init__(self) -> None:
        self.is_alive = False
        self.process = SimpleNamespace(returncode=-6)

    def start(self) -> None:
        self.is_alive = True

    def log_tail(self, _: int) -> str:
        return "its last words"


def _faults(server: Any, bound: float = 0.2) -> Faults:
    return Faults(None, server, Journal(), random.Random(1), print, bound)  # type: ignore[arg-type]


async def test_server_that_ends_by_itself() -> None:
    server = DeadServer()
    faults = _faults(server)
    watch = asyncio.create_task(faults.watch())
    while not server.is_alive:
        await asyncio.sleep(0.01)
    watch.cancel()
    [finding] = faults.findings
    assert finding.category is Category.WRONG
    assert "ended by itself with -6\nits last words" in finding.text


async def test_server_that_is_meant_to_be_dead() -> None:
    faults = _faults(DeadServer())
    faults.is_server_meant_to_be_dead = True
    watch = asyncio.create_task(faults.watch())
    await asyncio.sleep(0.3)
    watch.cancel()
    assert faults.findings == []


async def test_never_answered_after_a_fault() -> None:
    faults = _faults(DeadServer())
    faults.journal.begin(Kind.UPDATE, "w1", "u1")
    await faults.settle()
    [finding] = faults.findings
    assert str(finding) == "stuck: update u1 of w1 is not answered 0 s after a fault"


async def test_answered_after_a_fault() -> None:
    faults = _faults(DeadServer(), bound=5)
    operation = faults.journal.begin(Kind.UPDATE, "w1", "u1")
    asyncio.get_running_loop().call_later(0.1, operation.acknowledge)
    await faults.settle()
    # What is asked later is none of this fault's business.
    faults.journal.begin(Kind.UPDATE, "w1", "u2").give_up()
    assert faults.findings == []
