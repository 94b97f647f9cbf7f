"""Calls with an `authorization` header, for clients that know nothing of it."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import grpc

from .server import open_channel


class _Details(
    namedtuple("_Details", "method timeout metadata credentials wait_for_ready compression"),
    grpc.ClientCallDetails,  # type: ignore[misc]
):
    """A call's details, with metadata of ours."""


class _Header(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor,
              grpc.StreamStreamClientInterceptor):  # type: ignore[misc]
    """Adds metadata to every call."""

    def __init__(self, *metadata: tuple[str, str]):
        self._metadata = metadata

    def _add(self, details: Any) -> _Details:
        return _Details(
            details.method, details.timeout, [*(details.metadata or ()), *self._metadata],
            details.credentials, getattr(details, "wait_for_ready", None),
            getattr(details, "compression", None))

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._add(details), request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._add(details), request)

    def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        return continuation(self._add(details), requests)


def with_header(channel: grpc.Channel, value: str | None) -> grpc.Channel:
    """The same channel; its calls carry the header, if there is one."""
    if value is None:
        return channel
    return grpc.intercept_channel(channel, _Header(("authorization", value)))


def bearer_channel(address: str, token: str | None) -> grpc.Channel:
    """A channel whose calls carry a bearer token."""
    return with_header(open_channel(address), None if token is None else f"Bearer {token}")
