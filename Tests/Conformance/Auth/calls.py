"""Calls of every RPC the server has, with little more in the request than a namespace."""

from __future__ import annotations

from typing import Any, Callable, Iterable

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from Auth.decisions import ADMIN_SERVICE, REFLECTION
from Support.errors import RPCFailure, read_failure

LIST_SERVICES = b"\x3a\x00"  # the same in both versions of reflection
TIMEOUT = 10.0


class Api:
    """Every RPC the server serves, by its own account."""

    def __init__(self, channel: grpc.Channel):
        database = ProtoReflectionDescriptorDatabase(channel)
        pool = DescriptorPool(database)
        self.methods: dict[str, MethodDescriptor] = {}
        for name in database.get_services():
            for method in pool.FindServiceByName(name).methods:
                self.methods[f"/{name}/{method.name}"] = method

    def request(self, path: str, namespace: str, **fields: Any) -> bytes:
        """A request that names a namespace if it can, and hardly anything else."""
        if path.split("/")[1] in REFLECTION:
            return LIST_SERVICES
        kind = GetMessageClass(self.methods[path].input_type)
        if namespace and "namespace" in kind.DESCRIPTOR.fields_by_name:
            fields["namespace"] = namespace
        return kind(**fields).SerializeToString()

    def call(self, channel: grpc.Channel, path: str, request: bytes) -> RPCFailure:
        """Code and message of the (first) answer; a call that succeeds has the code OK."""
        method = self.methods.get(path)
        sends = method is not None and method.client_streaming
        receives = method is not None and method.server_streaming
        try:
            if sends:
                first(channel.stream_stream(path), iter([request]))
            elif receives:
                first(channel.unary_stream(path), request)
            else:
                channel.unary_unary(path)(request, timeout=TIMEOUT)
        except grpc.RpcError as error:
            return read_failure(error)
        return RPCFailure(code="OK")


def first(call: Callable[..., Any], request: bytes | Iterable[bytes]) -> None:
    """The first answer of a stream, which then is canceled."""
    answers = call(request, timeout=TIMEOUT)
    try:
        next(answers)
    except StopIteration:
        pass
    finally:
        answers.cancel()


def admin_paths(api: Api) -> list[str]:
    """The RPCs of the admin service, if the server has it."""
    return [path for path in api.methods if path.startswith(f"/{ADMIN_SERVICE}/")]
