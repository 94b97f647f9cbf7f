"""Health, reflection, and the README's example as a new user would try it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from Support.errors import expect_error, skip_if_unimplemented
from Support.server import FRONTEND_SERVICE, REPOSITORY, TargetServer, open_channel


def test_health(server: TargetServer) -> None:
    assert server.health("") == "SERVING"
    assert server.health(FRONTEND_SERVICE) == "SERVING"
    with expect_error("NOT_FOUND"):
        server.health("no.such.Service")


def test_health_watch(server: TargetServer) -> None:
    with open_channel(server.address) as channel:
        stream = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), timeout=5)
        with skip_if_unimplemented():
            assert next(stream).status == health_pb2.HealthCheckResponse.SERVING
        stream.cancel()


def test_reflection(server: TargetServer) -> None:
    with open_channel(server.address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = set(database.get_services())
        assert FRONTEND_SERVICE in services
        assert "temporal.api.operatorservice.v1.OperatorService" in services
        file = database.FindFileContainingSymbol(FRONTEND_SERVICE)
        assert any(s.name == "WorkflowService" for s in file.service)
        assert database.FindFileByName("temporal/api/common/v1/message.proto").message_type


def test_readme_example(server: TargetServer, tmp_path) -> None:
    """The first Python block of the README runs as pasted."""
    readme = REPOSITORY / "README.md"
    if not readme.exists():
        pytest.fail("there is no README.md")
    blocks = re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL)
    assert blocks, "the README has no Python example"
    example = blocks[0]
    assert re.search(r"(localhost|127\.0\.0\.1):7233", example), "it should use the default port"
    example = re.sub(r"(localhost|127\.0\.0\.1):7233", server.address, example)
    script = tmp_path / "example.py"
    script.write_text(example)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, cwd=tmp_path,
        env={**os.environ, "TEMPORAL_ADDRESS": server.address})
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.strip(), "it prints its result"


def test_plain_connection_survives_errors(server: TargetServer) -> None:
    """One connection, many failing calls: the server does not hang up."""
    with open_channel(server.address) as channel:
        call = channel.unary_unary(f"/{FRONTEND_SERVICE}/DescribeNamespace")
        for _ in range(200):
            with pytest.raises(grpc.RpcError):
                call(b"\xff\xff\xff", timeout=5)
        grpc.channel_ready_future(channel).result(5)
        assert server.health() == "SERVING"
