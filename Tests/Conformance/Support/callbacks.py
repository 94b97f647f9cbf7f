"""What the cases about completion callbacks share."""

from __future__ import annotations

import time

from temporalio.api.enums.v1 import CallbackState
from temporalio.api.workflow.v1 import CallbackInfo

from .raw import RawClient

ANYWHERE = 'callback.allowedAddresses=[{"Pattern":"*","AllowInsecure":true}]'
SOON = 'callback.retryPolicy.initialInterval="300ms"'


def flags(*values: str) -> list[str]:
    """Dynamic configuration as command-line flags."""
    return [word for value in values for word in ("--dynamic-config-value", value)]


def callbacks(raw: RawClient, workflow_id: str, run_id: str = "") -> list[CallbackInfo]:
    """The callbacks of a run as described."""
    return list(raw.describe(workflow_id, run_id).callbacks)


def states(raw: RawClient, workflow_id: str, run_id: str = "") -> list[str]:
    """The states of a run's callbacks."""
    return [
        CallbackState.Name(info.state).removeprefix("CALLBACK_STATE_")
        for info in callbacks(raw, workflow_id, run_id)]


def wait_states(
    raw: RawClient, workflow_id: str, *expected: str, run_id: str = "", timeout: float = 15
) -> list[CallbackInfo]:
    """Waits until the callbacks of a run are in these states."""
    deadline = time.monotonic() + timeout
    while states(raw, workflow_id, run_id) != list(expected):
        assert time.monotonic() < deadline, states(raw, workflow_id, run_id)
        time.sleep(0.05)
    return callbacks(raw, workflow_id, run_id)
