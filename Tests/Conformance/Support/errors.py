"""gRPC errors as Temporal's clients see them: a code, a message, one detail message."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Iterator

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import status_pb2
from temporalio.api.errordetails.v1 import message_pb2 as details_pb2


@dataclass
class RPCFailure:
    """What `expect_error` caught."""

    code: str = ""
    message: str = ""
    detail_type: str = ""
    detail: Any = None


def read_failure(error: grpc.RpcError) -> RPCFailure:
    """Code, message and first detail of a failed call."""
    failure = RPCFailure(code=error.code().name, message=error.details() or "")
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        status = status_pb2.Status.FromString(value)
        assert status.code == error.code().value[0], "the status in the trailer has another code"
        if status.details:
            packed = status.details[0]
            failure.detail_type = packed.type_url.rsplit("/", 1)[-1]
            kind = getattr(details_pb2, failure.detail_type.rsplit(".", 1)[-1], None)
            if kind is not None:
                detail: Message = kind()
                assert packed.Unpack(detail)
                failure.detail = detail
    return failure


@contextmanager
def expect_error(
    code: str, *, detail: str | None = None, match: str | None = None
) -> Iterator[RPCFailure]:
    """The block must fail with this gRPC code, and detail type and message where given.

    `detail` is the name of a message of temporal.api.errordetails.v1, without its package.
    """
    caught = RPCFailure()
    try:
        yield caught
    except grpc.RpcError as error:
        caught.__dict__.update(read_failure(error).__dict__)
    else:
        raise AssertionError(f"expected {code}, but the call succeeded")
    assert caught.code == code, f"expected {code}, got {caught}"
    if detail is not None:
        assert caught.detail_type == f"temporal.api.errordetails.v1.{detail}", f"got {caught}"
    if match is not None:
        assert re.search(match, caught.message, re.IGNORECASE), f"{caught.message!r} !~ {match!r}"


@contextmanager
def skip_if_unimplemented() -> Iterator[None]:
    """For RPCs that are not built yet: the case is skipped, not failed."""
    try:
        yield
    except grpc.RpcError as error:
        failure = read_failure(error)
        if failure.code != "UNIMPLEMENTED":
            raise
        pytest.skip(failure.message)


@contextmanager
def may_fail_with(*codes: str) -> Iterator[None]:
    """The block may succeed, or fail with one of these codes."""
    try:
        yield
    except grpc.RpcError as error:
        failure = read_failure(error)
        assert failure.code in codes, f"expected success or {codes}, got {failure}"
