"""The faults. Each strikes at a moment drawn from the seed and says what it did."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Awaitable, Callable

from Support.server import ServerFailed, TargetServer

from .checker import Category, Finding
from .journal import Journal
from .proxy import Cut
from .stores import PostgreSQLStore, SQLiteStore, Store

# How long the server may take to start while its database recovers.
START_TIMEOUT = 60.0


@dataclass
class Faults:
    """Everything that goes wrong in a run."""

    store: Store
    server: TargetServer
    journal: Journal
    rng: random.Random
    say: Callable[[str], None]
    bound: float
    """Seconds in which what was asked before the end of a fault has to be answered."""
    plant: str | None = None
    done: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    is_server_meant_to_be_dead: bool = False
    longest_settling: float = 0.0
    """How long it took at most until everything asked before the end of a fault was answered."""

    async def inject(self, kinds: list[str], *, seconds: float, count: int | None) -> None:
        """One fault after the other, each kind as often as the others, for so long or so many."""
        if not kinds:
            return
        ends_at = time.monotonic() + seconds
        waiting: list[str] = []
        while sum(self.done.values()) < count if count else time.monotonic() < ends_at:
            await asyncio.sleep(self.rng.uniform(0.1, 2))
            if not waiting:
                waiting = self.rng.sample(kinds, len(kinds))
            kind = waiting.pop()
            begun = time.monotonic()
            what = await self._strike(kind)
            if what is not None:
                self.done[kind] += 1
                self.say(f"{kind}: {what} ({time.monotonic() - begun:.1f} s)")
            if self.rng.random() < 0.3:
                await self.settle()

    async def _strike(self, kind: str) -> str | None:
        """Makes a fault of a kind; None if there was no occasion."""
        strikes: dict[str, Callable[[], Awaitable[str | None]]] = {
            "kill": self._kill, "backend": self._backend, "restart": self._restart,
            "disk": self._disk, "cut": self._cut}
        return await strikes[kind]()

    async def settle(self) -> None:
        """Everything that is asked now is answered within a bound, without a further fault."""
        pending, begun = self.journal.pending(), time.monotonic()
        deadline = begun + self.bound
        while any(not operation.is_settled for operation in pending):
            if time.monotonic() > deadline:
                for operation in pending:
                    if not operation.is_settled:
                        self.findings.append(Finding(
                            Category.STUCK, operation.workflow_id,
                            f"{operation} is not answered {self.bound:.0f} s after a fault"))
                return
            await asyncio.sleep(0.05)
        self.longest_settling = max(self.longest_settling, time.monotonic() - begun)

    async def _kill(self) -> str:
        await self._kill_server()
        planted = ""
        if self.plant == "rollback":
            assert isinstance(self.store, SQLiteStore)
            planted = ", with older data" if self.store.roll_back() else ""
        away = self.rng.choice((0.0, self.rng.uniform(0, 1.5)))
        await asyncio.sleep(away)
        await self.start_server()
        return f"killed the server, away for {away:.1f} s{planted}"

    async def _kill_server(self) -> None:
        self.is_server_meant_to_be_dead = True
        await asyncio.to_thread(self.server.kill)

    async def _also_kill(self) -> str:
        """Kills the server in the middle of another fault, now and then; what to say of it."""
        if self.rng.random() > 0.3:
            return ""
        await self._kill_server()
        return ", the server killed meanwhile"

    async def start_server(self) -> None:
        """Starts the server as a supervisor would: again, while its database is not there."""
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                await asyncio.to_thread(self.server.start)
                self.is_server_meant_to_be_dead = False
                return
            except ServerFailed as failure:
                await asyncio.to_thread(self.server.kill)
                if isinstance(self.store, SQLiteStore) or time.monotonic() > deadline:
                    self.findings.append(Finding(Category.WRONG, "", f"no start: {failure}"))
                    raise
            await asyncio.sleep(0.2)

    async def watch(self) -> None:
        """Notes when the server ends by itself, and starts it again."""
        while True:
            await asyncio.sleep(0.1)
            if self.is_server_meant_to_be_dead or self.server.is_alive:
                continue
            process = self.server.process
            code = process.returncode if process is not None else None
            self.findings.append(Finding(
                Category.WRONG, "",
                f"the server ended by itself with {code}\n{self.server.log_tail(20)}"))
            self.is_server_meant_to_be_dead = True
            await self.start_server()

    async def _backend(self) -> str | None:
        assert isinstance(self.store, PostgreSQLStore)
        pids = await asyncio.to_thread(self.store.backends)
        if not pids:
            return None
        if self.rng.random() < 0.5:
            pid = self.rng.choice(pids)
            await asyncio.to_thread(self.store.kill_backend, pid)
            return "kill -9 of a backend"
        chosen = self.rng.sample(pids, self.rng.randint(1, len(pids)))
        await asyncio.to_thread(self.store.end_backends, chosen)
        return f"ended {len(chosen)} of {len(pids)} backends"

    async def _restart(self) -> str:
        assert isinstance(self.store, PostgreSQLStore)
        away, killed = self.rng.choice((0.0, self.rng.uniform(0, 4))), ""
        if away:
            await asyncio.to_thread(self.store.cluster.halt)
            await asyncio.sleep(away)
            killed = await self._also_kill()
        await asyncio.to_thread(self.store.crash)
        if killed:
            await self.start_server()
        return f"PostgreSQL crashed, away for {away:.1f} s{killed}"

    async def _disk(self) -> str:
        assert self.store.disk is not None
        before = len(self.journal.operations)
        await asyncio.to_thread(self.store.disk.fill)
        try:
            await asyncio.sleep(self.rng.uniform(0.3, 1.5))
            used = ""
            if self.rng.random() < 0.5:
                used = await asyncio.to_thread(self.store.use_up)
            await asyncio.sleep(self.rng.uniform(0.2, 1.5))
            told = "full" if self.store.disk.is_full else "nearly full"
            killed = await self._also_kill()
        finally:
            restarted = await asyncio.to_thread(self.store.free)
        if killed:
            await self.start_server()
        began = len(self.journal.operations) - before
        return f"disk {told} while {began} operations began{used}{restarted}{killed}"

    async def _cut(self) -> str | None:
        assert isinstance(self.store, PostgreSQLStore) and self.store.proxy is not None
        where = self.rng.choice(list(Cut))
        count = self.rng.randint(1, 3)
        cuts = [self.store.proxy.cut(where, timeout=5) for _ in range(count)]
        made = sum(await asyncio.gather(*cuts))
        return f"cut {made} connections {where.value}" if made else None
