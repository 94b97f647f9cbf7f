"""Fixtures of the cases about completion callbacks.

`receiver`  an HTTP server of the case's own.
`watched`   a client of a server which may call any address, and tries again soon.
"""

from __future__ import annotations

from typing import Iterator

import pytest

from Support.callbacks import ANYWHERE, SOON, flags
from Support.raw import RawClient
from Support.receiver import Receiver
from Support.server import TargetServer

@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def watching_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TargetServer]:
    server = TargetServer(tmp_path_factory.mktemp("callbacks"), extra=flags(ANYWHERE, SOON))
    server.start()
    yield server
    if server.is_alive:
        server.stop()


@pytest.fixture
def watched(watching_server: TargetServer) -> Iterator[RawClient]:
    assert watching_server.is_alive, watching_server.log_tail()
    made = RawClient(watching_server.address)
    yield made
    made.close()
    assert watching_server.is_alive, watching_server.log_tail()
