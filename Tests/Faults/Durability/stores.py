"""Where the server keeps its data, and what can be done to it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable

from Support.postgresql import Cluster, execute, persistence_config
from Support.server import TargetServer

from .disk import CannotMount, Disk
from .proxy import Proxy

# How long PostgreSQL may take to recover.
RECOVERY_TIMEOUT = 60.0
# More files of the write-ahead log than PostgreSQL keeps in store.
_LOG_FILES = 10


class Unrecovered(Exception):
    """The database did not come back."""


def until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise Unrecovered(f"{what} after {timeout:.0f} s")
        time.sleep(0.05)


def _small_disk(directory: Path) -> tuple[Disk | None, str]:
    """A disk that can be full, or why there is none."""
    try:
        return Disk(directory / "disk"), ""
    except (CannotMount, OSError) as error:
        return None, f"cannot mount a tmpfs: {error}"


class SQLiteStore:
    """A file of the server's own."""

    def __init__(self, directory: Path, *, can_be_full: bool):
        self.disk, self.no_disk = _small_disk(directory) if can_be_full else (None, "")
        self.directory = self.disk.path if self.disk else directory
        self.file = self.directory / "server.sqlite"
        self._older: Path = directory / "older"

    async def prepare(self) -> None:
        """There is nothing to do."""

    def server(self, directory: Path) -> TargetServer:
        return TargetServer(directory, db_filename=self.file)

    def use_up(self) -> str:
        """All of the server's writes need room anyhow."""
        return ""

    def free(self) -> str:
        """Ends a full disk."""
        assert self.disk is not None
        self.disk.free()
        return ""

    def crash(self) -> None:
        """There is no database server that could."""

    async def close(self) -> None:
        if self.disk is not None:
            self.disk.unmount()

    def roll_back(self) -> bool:
        """Damage on purpose, while the server is dead: puts an older copy in the file's place.

        The first time there is none: then one is made, and the answer is False.
        """
        has_older = self._older.exists()
        source, target = (self._older, self.directory)
        if not has_older:
            self._older.mkdir()
            source, target = target, source
        for name in ("server.sqlite", "server.sqlite-wal", "server.sqlite-shm"):
            (target / name).unlink(missing_ok=True)
            if (source / name).exists():
                shutil.copyfile(source / name, target / name)
        return has_older


class PostgreSQLStore:
    """A cluster of the run's own, behind a proxy if connections are to be cut."""

    def __init__(
        self, directory: Path, *, can_be_full: bool, can_be_cut: bool, rng: random.Random
    ):
        # The cluster's user has to get there.
        directory.chmod(0o755)
        self.disk, self.no_disk = _small_disk(directory) if can_be_full else (None, "")
        # Little WAL is kept, so that a full disk is felt there as well.
        given = os.environ.get("POSTGRES_SETTINGS", "")
        os.environ["POSTGRES_SETTINGS"] = f"max_wal_size=64MB min_wal_size=32MB {given}"
        self.directory = self.disk.path if self.disk else directory
        try:
            self.cluster = Cluster(self.directory)
        except AssertionError:
            if self.disk is not None:
                self.disk.unmount()
            raise
        self.proxy = Proxy(self.cluster.address, rng) if can_be_cut else None

    async def prepare(self) -> None:
        if self.proxy is not None:
            await self.proxy.start()

    def server(self, directory: Path) -> TargetServer:
        made = TargetServer(directory)
        file = persistence_config(directory, directory / "faults", self.cluster.address)
        if self.proxy is not None:
            file.write_text(file.read_text().replace(self.cluster.address, self.proxy.address))
        made.persistence_config = file
        return made

    def backends(self) -> list[int]:
        """The processes that serve the server's connections."""
        found = execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = 'temporal' "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid",
            self.cluster.address)
        return [int(pid) for pid in found.split()]

    def kill_backend(self, pid: int) -> None:
        """SIGKILL, after which PostgreSQL ends all others as well and recovers."""
        os.kill(pid, signal.SIGKILL)
        self.wait_until_it_answers()

    def end_backends(self, pids: list[int]) -> None:
        """Ends connections as an administrator does."""
        named = ", ".join(str(pid) for pid in pids)
        execute(
            f"SELECT pg_terminate_backend(pid) FROM unnest(ARRAY[{named}]) AS pid",
            self.cluster.address)

    def use_up(self) -> str:
        """Begins files of the write-ahead log until there is no room for one.

        That is no error of a statement: it ends PostgreSQL.
        """
        write = "pg_logical_emit_message(false, 'faults', 'x')"
        for _ in range(_LOG_FILES):
            if not self.answers(f"SELECT 1 FROM (SELECT {write}, pg_switch_wal()) AS switched"):
                return ", no room for the log"
            time.sleep(0.05)
        return ""

    def free(self) -> str:
        """Ends a full disk, and starts PostgreSQL again if it did not survive it."""
        assert self.disk is not None
        self.disk.free()
        try:
            self.wait_until_it_answers(3)
            return ""
        except Unrecovered:
            self.crash()
            return ", PostgreSQL had ended"

    def crash(self) -> None:
        """Ends PostgreSQL as a crash would, and starts it."""
        self.cluster.restart()
        self.wait_until_it_answers()

    def answers(self, sql: str = "SELECT 1") -> bool:
        try:
            return execute(sql, self.cluster.address) == "1"
        except (AssertionError, subprocess.TimeoutExpired):
            return False

    def wait_until_it_answers(self, timeout: float = RECOVERY_TIMEOUT) -> None:
        until(self.answers, timeout, "PostgreSQL does not answer")

    async def close(self) -> None:
        if self.proxy is not None:
            await self.proxy.stop()
        self.cluster.stop()
        if self.disk is not None:
            self.disk.unmount()


Store = SQLiteStore | PostgreSQLStore
