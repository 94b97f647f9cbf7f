"""Calls to the server as SDKs make them: the same request again until it is answered."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import grpc
import grpc.aio
from temporalio.api.workflowservice import v1 as ws

from Support.server import channel_options

from .journal import Journal

NAMESPACE = "default"
ATTEMPT_TIMEOUT = 5.0

Code = grpc.StatusCode
# After these nobody knows whether the request was done; SDKs send it again.
_AGAIN = {
    Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED, Code.ABORTED,
    Code.CANCELLED,
}
# The same, but a client of a healthy server never sees them.
_BROKEN = {Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS}


class Refused(Exception):
    """The server said no, and will go on saying so."""

    def __init__(self, code: grpc.StatusCode, message: str, *, is_certain: bool):
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        self.is_certain = is_certain
        """No earlier attempt of the request can have been done."""


class OutcomeUnknown(Exception):
    """The one attempt was not answered."""


class Caller:
    """A connection to the server."""

    def __init__(self, address: str, journal: Journal, rng: random.Random):
        self._channel = grpc.aio.insecure_channel(address, options=channel_options())
        self._stub = ws.WorkflowServiceStub(self._channel)
        self._journal = journal
        self._rng = rng

    async def close(self) -> None:
        await self._channel.close()

    async def call(
        self, request: Any, *, timeout: float = ATTEMPT_TIMEOUT, is_patient: bool = True
    ) -> Any:
        """Sends a request until it is answered, or only once.

        Raises `Refused`, or `OutcomeUnknown` if it is sent only once.
        """
        rpc = getattr(self._stub, type(request).__name__.removesuffix("Request"))
        pause, is_certain = 0.02, True
        while True:
            try:
                reply = await rpc(request, timeout=timeout)
                self._journal.answers["OK"] += 1
                return reply
            except grpc.aio.AioRpcError as error:
                self._note(request, error)
                if error.code() not in _AGAIN | _BROKEN:
                    raise Refused(
                        error.code(), error.details() or "", is_certain=is_certain) from None
                if not is_patient:
                    raise OutcomeUnknown from None
                is_certain = False
            await asyncio.sleep(pause * self._rng.uniform(0.5, 1))
            pause = min(pause * 1.7, 0.5)

    def _note(self, request: Any, error: grpc.aio.AioRpcError) -> None:
        code = error.code()
        self._journal.answers[code.name] += 1
        if code in _BROKEN:
            name = type(request).__name__.removesuffix("Request")
            self._journal.unexpected[f"{name}: {code.name}: {error.details()}"] += 1

    def unexpected(self, request: Any, refusal: Refused) -> None:
        """Notes a refusal that nothing explains."""
        name = type(request).__name__.removesuffix("Request")
        self._journal.unexpected[f"{name}: {refusal}"] += 1
