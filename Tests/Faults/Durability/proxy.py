"""A proxy in front of PostgreSQL that cuts a connection in the middle of a commit.

It reads what a client sends as far as it has to: the messages of PostgreSQL's protocol, the texts
of prepared statements, and so which messages write something. What writes ends with a Sync, at
which the database commits.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field
from enum import Enum

_WRITES = re.compile(rb"\b(INSERT|UPDATE|DELETE)\b")
_CHUNK = 1 << 16
_ANSWER_TIMEOUT = 3.0


class Cut(Enum):
    """Where a connection is cut."""

    BEFORE = "in the middle of a write, which is not done"
    DURING = "after the commit was sent, before the database has answered"
    AFTER = "after the database has answered, before the client hears of it"


class Messages:
    """Cuts a client's bytes into protocol messages. What begins a connection has no type."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_started = False

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now, as they came."""
        self._rest += data
        found = []
        while (length := self._next_length()) and len(self._rest) >= length:
            found.append(self._rest[:length])
            self._rest = self._rest[length:]
            # Requests for encryption come before the start and look like it.
            is_request = found[-1][4:8] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30")
            self._is_started = self._is_started or not is_request
        return found

    def _next_length(self) -> int:
        if not self._is_started:
            return int.from_bytes(self._rest[:4], "big") if len(self._rest) >= 8 else 0
        return 1 + int.from_bytes(self._rest[1:5], "big") if len(self._rest) >= 5 else 0


@dataclass
class Statements:
    """The prepared statements of a connection that write."""

    names: set[bytes] = field(default_factory=set)

    def writes(self, message: bytes) -> bool:
        """Whether a message makes the database write, once it is executed."""
        kind, body = message[:1], message[5:]
        if kind == b"P":
            name, text = body.split(b"\0", 2)[:2]
            (self.names.add if _WRITES.search(text) else self.names.discard)(name)
        elif kind == b"B":
            return body.split(b"\0", 2)[1] in self.names
        elif kind == b"Q":
            return body.startswith(b"COMMIT") or bool(_WRITES.search(body))
        return False


class Proxy:
    """Passes connections on to the database, and cuts those it is told to."""

    def __init__(self, upstream: str, rng: random.Random):
        self._host, _, port = upstream.rpartition(":")
        self._port = int(port)
        self._rng = rng
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._cuts: list[tuple[Cut, asyncio.Event]] = []
        self.address = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def cut(self, where: Cut, timeout: float) -> bool:
        """Cuts the next connection that writes. False if none did in time."""
        is_done = asyncio.Event()
        self._cuts.append((where, is_done))
        try:
            await asyncio.wait_for(is_done.wait(), timeout)
        except asyncio.TimeoutError:
            self._cuts = [cut for cut in self._cuts if cut[1] is not is_done]
            return is_done.is_set()
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            upstream = await asyncio.open_connection(self._host, self._port)
            await Connection(self, (reader, writer), upstream).run()
        except (OSError, asyncio.CancelledError):
            # No database, or the end of the proxy.
            writer.transport.abort()
        finally:
            self._connections.discard(task)

    def claim(self) -> tuple[Cut, asyncio.Event] | None:
        """A cut that is waiting to be made."""
        return self._cuts.pop(0) if self._cuts else None

    def offset(self, length: int) -> int:
        """How much of a message is passed on before the cut."""
        return self._rng.randrange(length)


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connection:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: Streams, database: Streams):
        self._proxy = proxy
        self._client = client
        self._database = database
        self._cut: tuple[Cut, asyncio.Event] | None = None
        self._is_sent = False
        """The commit that is to be cut has been passed on in full."""
        self._answered = asyncio.Event()

    async def run(self) -> None:
        """Passes bytes on in both directions until one side ends, or the cut is made."""
        ways = [asyncio.create_task(self._requests()), asyncio.create_task(self._answers())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for _, writer in (self._client, self._database):
                writer.transport.abort()
            if self._cut is not None:
                self._cut[1].set()

    async def _requests(self) -> None:
        reader, writer = self._client[0], self._database[1]
        messages, statements = Messages(), Statements()
        while data := await self._read(reader):
            passed = b""
            for message in messages.feed(data):
                is_write = statements.writes(message)
                if is_write and self._cut is None:
                    self._cut = self._proxy.claim()
                if is_write and self._cut is not None and self._cut[0] is Cut.BEFORE:
                    passed += message[: self._proxy.offset(len(message))]
                    return await self._flush(writer, passed)
                passed += message
                if self._cut is not None and message[:1] in (b"S", b"Q"):
                    return await self._end(writer, passed)
            await self._flush(writer, passed)

    async def _end(self, writer: asyncio.StreamWriter, passed: bytes) -> None:
        """Passes a commit on, and returns when the connection is to be cut."""
        assert self._cut is not None
        self._is_sent = True
        await self._flush(writer, passed)
        if self._cut[0] is Cut.AFTER:
            try:
                await asyncio.wait_for(self._answered.wait(), _ANSWER_TIMEOUT)
            except asyncio.TimeoutError:
                return

    async def _flush(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Writes, and waits until the kernel has all of it."""
        writer.write(data)
        writer.transport.set_write_buffer_limits(0)
        try:
            await writer.drain()
        except ConnectionError:
            return

    async def _answers(self) -> None:
        reader, writer = self._database[0], self._client[1]
        while data := await self._read(reader):
            if not self._is_sent:
                await self._flush(writer, data)
            elif b"Z\0\0\0\x05" in data:
                self._answered.set()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.read(_CHUNK)
        except ConnectionError:
            return b""
