"""Connections are ended when they are old; no call is lost by it, however many are on their way."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import grpc
import pytest
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest, WorkflowServiceStub

from Support.bench import measured
from Support.server import TargetServer

CALLERS = 64
SECONDS = 2.0


def young(own_server, age: str) -> TargetServer:
    """A server whose connections soon are too old."""
    server: TargetServer = own_server(extra=[
        "--dynamic-config-value", f'frontend.keepAliveMaxConnectionAge="{age}"'])
    return server.start()


async def connections_seen(server: TargetServer) -> tuple[Counter[str], int]:
    """Codes of the calls many callers make at once, and how often their connection began anew."""
    codes: Counter[str] = Counter()
    connects = 0
    end = time.monotonic() + SECONDS
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = WorkflowServiceStub(channel)

        async def call() -> None:
            while time.monotonic() < end:
                try:
                    await stub.GetSystemInfo(GetSystemInfoRequest(), timeout=20)
                except grpc.aio.AioRpcError as error:
                    codes[f"{error.code().name}: {error.details()}"] += 1
                else:
                    codes["OK"] += 1

        async def watch() -> None:
            nonlocal connects
            state = channel.get_state()
            while True:
                await channel.wait_for_state_change(state)
                state = channel.get_state()
                connects += state is grpc.ChannelConnectivity.READY

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(call() for _ in range(CALLERS)))
        watching.cancel()
    return codes, connects


async def test_no_call_is_lost(own_server) -> None:
    codes, connects = await connections_seen(young(own_server, "150ms"))
    assert set(codes) == {"OK"} and codes["OK"] > CALLERS, codes
    assert connects > 3, "the connection was not ended"


@pytest.mark.parametrize("scenario", ["simple", "ping"])
def test_the_load_generator_loses_none(own_server, scenario: str) -> None:
    """Neither calls nor long polls, whose tasks would wait for their timeouts."""
    found = measured(
        scenario, "--address", young(own_server, "200ms").address, "--duration", SECONDS,
        "--warm-up", 0)
    assert found["operations"] > CALLERS and found["errors"] == {}, found["errors"]
    assert found["latency"]["max"] < 5_000
    if scenario == "ping":
        assert found["retries"] > 0, "no connection was ended, or none at an unlucky moment"
