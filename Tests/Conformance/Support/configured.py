"""A server that is started as an operator starts it: `temporal-server --config-file X start`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from .postgresql import ON_POSTGRESQL, persistence_config
from .server import TargetServer, binary_path, channel_options, free_port, open_channel

MEMORY: dict[str, Any] = {
    "defaultStore": "main", "visibilityStore": "main", "numHistoryShards": 4,
    "datastores": {"main": {"sql": {
        "pluginName": "sqlite", "databaseName": "conformance",
        "connectAttributes": {"mode": "memory"}}}},
}


def as_yaml(value: Mapping[str, Any], indent: int = 0) -> str:
    """Mappings as blocks, texts in double quotes, lists of texts."""
    lines = []
    for key, entry in value.items():
        start = " " * indent + f"{key}:"
        if isinstance(entry, Mapping):
            lines.append(f"{start}\n{as_yaml(entry, indent + 2)}" if entry else f"{start} {{}}")
        elif isinstance(entry, list):
            lines += [start, *(" " * indent + f"  - {json.dumps(item)}" for item in entry)]
        else:
            lines.append(f"{start} {json.dumps(entry)}")
    return "\n".join(lines)


class ConfiguredServer(TargetServer):
    """One server with a public and an internal frontend; sections are laid over the usual ones."""

    def __init__(
        self, directory: Path, sections: Mapping[str, Any], *,
        namespaces: tuple[str, ...] = ("default",), log_level: str = "warn",
        dynamic: Mapping[str, Any] | None = None,
        internal_rpc: Mapping[str, Any] | None = None,
    ):
        super().__init__(directory)
        self.internal_port = free_port()
        self.internal_address = f"127.0.0.1:{self.internal_port}"
        self.namespaces = namespaces
        self.internal_credentials: grpc.ChannelCredentials | None = None
        self.config_path = directory / f"config-{self.port}.yaml"
        rpc = {"bindOnIP": "127.0.0.1"} if internal_rpc is None else dict(internal_rpc)
        whole: dict[str, Any] = {
            "log": {"level": log_level, "format": "json"},
            "services": {
                "frontend": {"rpc": {"grpcPort": self.port, "bindOnIP": "127.0.0.1"}},
                "internal-frontend": {"rpc": {"grpcPort": self.internal_port, **rpc}}},
        }
        if dynamic is not None:
            path = directory / f"dynamic-{self.port}.yaml"
            path.write_text("".join(
                f"{key}:\n  - value: {json.dumps(value)}\n" for key, value in dynamic.items()))
            whole["dynamicConfigClient"] = {"filepath": str(path), "pollInterval": "10s"}
        text = as_yaml({**whole, **sections}) + "\n"
        if ON_POSTGRESQL:
            text += persistence_config(directory, None).read_text()
        else:
            text += as_yaml({"persistence": MEMORY}) + "\n"
        self.config_path.write_text(text)

    @property
    def command(self) -> list[str]:
        line = [str(binary_path()), "--config-file", str(self.config_path), "start"]
        for namespace in self.namespaces:
            line += ["--namespace", namespace]
        return line

    def open_internal(self) -> grpc.Channel:
        """A channel to the internal frontend."""
        if self.internal_credentials is None:
            return open_channel(self.internal_address)
        return grpc.secure_channel(
            self.internal_address, self.internal_credentials, options=channel_options())

    def health(self, service: str = "") -> str:
        """What the internal frontend answers; there nobody is asked for anything."""
        with self.open_internal() as channel:
            reply = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=2)
        return health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)

    @property
    def log(self) -> str:
        """Everything it has written."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
