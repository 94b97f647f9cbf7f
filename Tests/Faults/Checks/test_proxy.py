"""The proxy cuts where it says it does."""

from __future__ import annotations

import asyncio
import random
from typing import AsyncIterator

import pytest
import pytest_asyncio

from Durability.proxy import Cut, Messages, Proxy, Statements

READY = b"Z\0\0\0\x05I"


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


START = (13).to_bytes(4, "big") + b"\0\x03\0\0user\0"
READ = message(b"P", b"r\0SELECT 1\0\0\0")
WRITE = message(b"P", b"w\0WITH a AS (INSERT INTO t VALUES (1)) SELECT 1\0\0\0")
BIND_READ = message(b"B", b"\0r\0\0\0\0\0\0\0")
BIND_WRITE = message(b"B", b"\0w\0\0\0\0\0\0\0")
SYNC = message(b"S")


class Database:
    """Takes what is sent, and says that it is ready after each Sync."""

    def __init__(self) -> None:
        self.received = b""
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                self.received += data
                if data.endswith(SYNC):
                    writer.write(READY)
        except ConnectionError:
            pass
        writer.close()
        self.ended.set()


@pytest_asyncio.fixture
async def database() -> AsyncIterator[tuple[Database, Proxy]]:
    made = Database()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    proxy = Proxy(f"127.0.0.1:{listening.sockets[0].getsockname()[1]}", random.Random(1))
    await proxy.start()
    yield made, proxy
    await proxy.stop()
    listening.close()


async def _connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = proxy.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(START + READ + WRITE + BIND_READ + SYNC)
    assert await reader.readexactly(len(READY)) == READY
    return reader, writer


async def _ending(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return b""


def test_messages_in_pieces() -> None:
    whole = START + READ + WRITE + BIND_WRITE + SYNC
    for size in (1, 3, 7, len(whole)):
        messages, found = Messages(), []
        for index in range(0, len(whole), size):
            found += messages.feed(whole[index:index + size])
        assert found == [START, READ, WRITE, BIND_WRITE, SYNC]


def test_what_writes() -> None:
    statements = Statements()
    sent = [READ, WRITE, BIND_READ, BIND_WRITE, SYNC, message(b"Q", b"COMMIT\0")]
    assert [statements.writes(one) for one in sent] == [False, False, False, True, False, True]


async def test_passes_on(database: tuple[Database, Proxy]) -> None:
    there, proxy = database
    reader, writer = await _connect(proxy)
    writer.write(BIND_WRITE + SYNC)
    assert await reader.readexactly(len(READY)) == READY
    assert there.received.endswith(BIND_WRITE + SYNC)


@pytest.mark.parametrize("where", list(Cut))
async def test_cuts(database: tuple[Database, Proxy], where: Cut) -> None:
    there, proxy = database
    reader, writer = await _connect(proxy)
    cut = asyncio.create_task(proxy.cut(where, 5))
    await asyncio.sleep(0)
    writer.write(BIND_READ + SYNC)
    assert await reader.readexactly(len(READY)) == READY, "what does not write is left alone"
    writer.write(BIND_WRITE + SYNC)
    assert await _ending(reader) == b"", "the answer does not arrive"
    assert await cut
    await asyncio.wait_for(there.ended.wait(), 5)
    is_sent = there.received.endswith(BIND_WRITE + SYNC)
    if where is not Cut.DURING:
        assert is_sent is (where is Cut.AFTER)
    # The next connection works.
    await _connect(proxy)


async def test_nothing_to_cut(database: tuple[Database, Proxy]) -> None:
    _, proxy = database
    assert not await proxy.cut(Cut.AFTER, 0.05)
    reader, writer = await _connect(proxy)
    writer.write(BIND_WRITE + SYNC)
    assert await reader.readexactly(len(READY)) == READY, "it is not cut later"
