"""Tables of refused requests: what is sent, and the code, detail and text it is refused with."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable

import grpc
from temporalio.api.operatorservice import v1 as op
from temporalio.api.workflowservice import v1 as ws

from .errors import read_failure
from .raw import RawClient, complete, schedule_activity
from .server import REPOSITORY

DETAILS = "temporal.api.errordetails.v1."
TOO_LONG = "x" * 1001
TOO_LARGE = "x" * (2 * 1024 * 1024 + 1)
NO_SUCH_RUN = "00000000-0000-4000-8000-000000000000"


class World:
    """What a refused request may speak of; made when a case asks for it."""

    def __init__(self, raw: RawClient, base: str):
        self.raw = raw
        self.base = base
        self.queue = f"{base}-tq"

    @property
    def running(self) -> str:
        """An open workflow whose task nobody has taken; started again, it is the same one."""
        self.raw.start(f"{self.base}-running", self.queue, request_id=self.base)
        return f"{self.base}-running"

    @property
    def closed(self) -> str:
        """A terminated workflow that never ran."""
        self.raw.start(f"{self.base}-closed", self.queue)
        self.raw.terminate(f"{self.base}-closed")
        return f"{self.base}-closed"

    @property
    def completed(self) -> str:
        """A workflow that completed."""
        self.raw.start(f"{self.base}-completed", f"{self.queue}-completed")
        self.raw.respond(self.raw.next_workflow_task(f"{self.queue}-completed"), complete())
        return f"{self.base}-completed"

    @property
    def task(self) -> ws.PollWorkflowTaskQueueResponse:
        """A workflow task that is with this worker."""
        self.raw.start(f"{self.base}-task", self.queue)
        return self.raw.next_workflow_task(self.queue)

    @property
    def answered_task(self) -> ws.PollWorkflowTaskQueueResponse:
        """A workflow task that was completed before."""
        task = self.task
        self.raw.respond(task)
        return task

    @property
    def scheduled_activity(self) -> str:
        """A workflow with an activity `a` that nobody has taken."""
        task = self.task
        self.raw.respond(task, schedule_activity("a", self.queue, start_to_close=60))
        return task.workflow_execution.workflow_id

    @property
    def activity(self) -> ws.PollActivityTaskQueueResponse:
        """An activity that is with this worker."""
        self.scheduled_activity
        return self.raw.next_activity_task(self.queue)

    @property
    def answered_activity(self) -> ws.PollActivityTaskQueueResponse:
        """An activity that was completed before."""
        task = self.activity
        self.raw.complete_activity(task)
        return task

    def namespace(self, state: str) -> str:
        """A namespace of its own, registered and then deprecated or deleted."""
        name = f"ns-{uuid.uuid4().hex[:12]}"
        self.raw.call(
            "RegisterNamespace", namespace=name,
            workflow_execution_retention_period={"seconds": 86_400})
        self.raw.call(
            "UpdateNamespace", namespace=name,
            update_info={"state": f"NAMESPACE_STATE_{state.upper()}"})
        return name


Fields = dict[str, Any] | Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Refusal:
    """One row of a table. Without a detail the status must carry none."""

    rpc: str
    name: str
    fields: Fields
    code: str
    message: str
    detail: str = ""
    timeout: float = 10
    detail_fields: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.rpc}-{self.name.replace(' ', '-')}"

    def check(self, raw: RawClient, base: str) -> None:
        """Sends the request, which must be refused exactly as the row says."""
        fields = self.fields(World(raw, base)) if callable(self.fields) else self.fields
        try:
            reply = call(raw, self.rpc, timeout=self.timeout, **fields)
        except grpc.RpcError as error:
            failure = read_failure(error)
        else:
            raise AssertionError(f"expected {self.code}, but the call succeeded: {reply}")
        assert failure.code == self.code, f"expected {self.code}, got {failure}"
        assert re.search(self.message, failure.message), (
            f"{failure.message!r} does not match {self.message!r}")
        wanted = DETAILS + self.detail if self.detail else ""
        assert failure.detail_type == wanted, f"expected detail {wanted!r}, got {failure}"
        for name, value in self.detail_fields.items():
            got = getattr(failure.detail, name)
            assert (re.search(value, got) if isinstance(value, str) else got == value), (
                f"the detail's {name} is {got!r}, expected {value!r}")


def call(raw: RawClient, rpc: str, *, timeout: float, **fields: Any) -> Any:
    """Calls an RPC of either service."""
    if hasattr(raw.stub, rpc):
        return raw.call(rpc, timeout=timeout, **fields)
    request = getattr(op, f"{rpc}Request")(**fields)
    return getattr(raw.operator, rpc)(request, timeout=timeout)


def invalid(rpc: str, name: str, fields: Fields, message: str, **options: Any) -> Refusal:
    """A row for INVALID_ARGUMENT."""
    return Refusal(rpc, name, fields, "INVALID_ARGUMENT", message, **options)


def not_found(rpc: str, name: str, fields: Fields, message: str, **options: Any) -> Refusal:
    """A row for NOT_FOUND."""
    options.setdefault("detail", "NotFoundFailure")
    return Refusal(rpc, name, fields, "NOT_FOUND", message, **options)


def unimplemented(rpc: str, name: str, fields: Fields, message: str, **options: Any) -> Refusal:
    """A row for what is refused by name because it is not built."""
    return Refusal(rpc, name, fields, "UNIMPLEMENTED", message, **options)


def precondition(rpc: str, name: str, fields: Fields, message: str, **options: Any) -> Refusal:
    """A row for FAILED_PRECONDITION."""
    return Refusal(rpc, name, fields, "FAILED_PRECONDITION", message, **options)


def built_rpcs() -> list[str]:
    """The RPCs of Temporal's own services that docs/rpc-status.md calls built."""
    built, counts = [], False
    for line in (REPOSITORY / "docs" / "rpc-status.md").read_text().splitlines():
        if line.startswith("## "):
            counts = line.startswith("## temporal.api.")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if counts and len(cells) == 2 and cells[1] == "built":
            built.append(cells[0])
    assert len(built) > 20, "docs/rpc-status.md has another form"
    return built
