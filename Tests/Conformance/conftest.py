"""Fixtures of the conformance suite.

`server`  the shared ephemeral server; it must live through every case as the same process.
`client`  an SDK client in namespace `default`.
`raw`     a client and worker by hand in namespace `default`.
`names`   names for workflows and task queues made from the case's own name.
`own_server`  makes servers that belong to one case, for cases about starts and ends.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
import pytest_asyncio
from temporalio.client import Client

from Support.postgresql import ON_POSTGRESQL
from Support.raw import RawClient
from Support.server import SharedServer, TargetServer, binary_path


def pytest_sessionstart(session: pytest.Session) -> None:
    if not session.config.option.collectonly and not binary_path().exists():
        pytest.exit(f"no server binary at {binary_path()}; build it first", returncode=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if ON_POSTGRESQL:
        items[:] = [item for item in items if item.get_closest_marker("sqlite_files") is None]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    """Adds the end of the server's log to a failed case's report."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for value in getattr(item, "funcargs", {}).values():
        if isinstance(value, TargetServer):
            report.sections.append(("server log", value.log_tail()))


class Names:
    """Unique names from the case's own name."""

    def __init__(self, case: str):
        short = re.sub(r"[^A-Za-z0-9]+", "-", case.removeprefix("test_")).strip("-")[:60]
        self.base = f"{short}-{uuid.uuid4().hex[:8]}"

    def __call__(self, what: str = "w") -> str:
        return f"{self.base}-{what}"

    @property
    def task_queue(self) -> str:
        return self("tq")


@pytest.fixture
def names(request: pytest.FixtureRequest) -> Names:
    return Names(request.node.name)


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServer]:
    shared = SharedServer(tmp_path_factory.mktemp("server"))
    yield shared
    shared.stop()


@pytest.fixture
def server(shared_server: SharedServer) -> Iterator[TargetServer]:
    running = shared_server.ensure()
    pid = running.pid
    yield running
    assert running.is_alive and running.pid == pid, f"the server died\n{running.log_tail()}"


@pytest_asyncio.fixture
async def client(server: TargetServer) -> Client:
    return await Client.connect(server.address)


@pytest.fixture
def raw(server: TargetServer) -> Iterator[RawClient]:
    made = RawClient(server.address)
    yield made
    made.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., TargetServer]]:
    made: list[TargetServer] = []

    def make(**options: Any) -> TargetServer:
        target = TargetServer(tmp_path, **options)
        made.append(target)
        return target

    yield make
    for target in made:
        target.kill()
