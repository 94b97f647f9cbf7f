"""Fixtures of the cases about authorization."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from Support.auth import Deployment
from Support.server import TargetServer


@pytest.fixture
def deploy(
    tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Deployment]]:
    """Starts deployments that belong to one case."""
    with ExitStack() as ends:

        def make(*, start: bool = True, **options: Any) -> Deployment:
            deployment = Deployment(tmp_path, **options)
            ends.callback(deployment.end)
            report(request, deployment.server)
            return deployment.start() if start else deployment

        yield make


@pytest.fixture
def launch(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Starts servers that belong to one case, and have no Google and no OpenFGA."""
    with ExitStack() as ends:

        def make(server: TargetServer) -> TargetServer:
            ends.callback(server.kill)
            report(request, server)
            return server.start()

        yield make


def report(request: pytest.FixtureRequest, server: TargetServer) -> None:
    """Has the end of the server's log in the report if the case fails."""
    request.node.funcargs[f"server on {server.port}"] = server
