"""Callbacks outlive the server: what is owed is delivered by the next one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

import pytest

from Support.callbacks import ANYWHERE, SOON, callbacks, flags, states, wait_states
from Support.raw import RawClient, complete
from Support.receiver import Answer, Receiver
from Support.server import TargetServer


@pytest.fixture
def stored(own_server: Callable[..., TargetServer], tmp_path: Path) -> TargetServer:
    return own_server(
        db_filename=tmp_path / "server.sqlite", extra=flags(ANYWHERE, SOON)).start()


def test_killed_while_a_receiver_thinks(stored: TargetServer, receiver: Receiver) -> None:
    receiver.answers("/slow", Answer(200, delay=30), 200)
    raw = RawClient(stored.address)
    run_id = raw.start("w", "q", completion_callbacks=[receiver.callback("/slow")]).run_id
    raw.respond(raw.next_workflow_task("q"), complete("kept"))
    receiver.wait("/slow")
    assert states(raw, "w") == ["SCHEDULED"]
    stored.kill()
    stored.start()
    raw = RawClient(stored.address)
    assert receiver.wait("/slow", 2).json == "kept"
    info = wait_states(raw, "w", "SUCCEEDED", run_id=run_id)[0]
    assert info.attempt == 1


def test_killed_between_attempts(stored: TargetServer) -> None:
    receiver = Receiver()
    port = receiver.port
    receiver.close()
    raw = RawClient(stored.address)
    raw.start("w", "q", completion_callbacks=[receiver.callback("/later")])
    raw.respond(raw.next_workflow_task("q"), complete("kept"))
    before = wait_states(raw, "w", "BACKING_OFF")[0]
    stored.kill()
    stored.start()
    raw = RawClient(stored.address)
    assert callbacks(raw, "w")[0].attempt >= before.attempt
    again = Receiver(port)
    try:
        assert again.wait("/later").json == "kept"
        assert wait_states(raw, "w", "SUCCEEDED")[0].attempt > before.attempt
    finally:
        again.close()


def test_stopped_while_a_receiver_thinks(stored: TargetServer, receiver: Receiver) -> None:
    receiver.answers("/slow", Answer(200, delay=30), 200)
    raw = RawClient(stored.address)
    raw.start("w", "q", completion_callbacks=[receiver.callback("/slow")])
    raw.terminate("w")
    receiver.wait("/slow")
    began = time.monotonic()
    stored.stop()
    assert time.monotonic() - began < 5, "a shutdown does not wait for receivers"
    stored.start()
    receiver.wait("/slow", 2)
    wait_states(RawClient(stored.address), "w", "SUCCEEDED")


def test_an_open_workflow_keeps_its_callbacks(stored: TargetServer, receiver: Receiver) -> None:
    raw = RawClient(stored.address)
    raw.start("w", "q", completion_callbacks=[receiver.callback("/open", key="v")])
    stored.kill()
    stored.start()
    raw = RawClient(stored.address)
    assert dict(callbacks(raw, "w")[0].callback.nexus.header) == {"key": "v"}
    raw.terminate("w")
    assert receiver.wait("/open").headers["key"] == "v"


def test_a_receiver_that_never_answers(
    own_server: Callable[..., TargetServer], receiver: Receiver
) -> None:
    server = own_server(
        extra=flags(ANYWHERE, SOON, 'callback.request.timeout="500ms"')).start()
    receiver.answers("/hangs", Answer(200, delay=3), 200)
    raw = RawClient(server.address)
    raw.start("w", "q", completion_callbacks=[receiver.callback("/hangs")])
    raw.terminate("w")
    receiver.wait("/hangs")
    info = wait_states(raw, "w", "BACKING_OFF")[0]
    assert info.last_attempt_failure.message == "request timed out"
    receiver.wait("/hangs", 2)
    wait_states(raw, "w", "SUCCEEDED")
