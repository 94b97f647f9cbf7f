"""The server under test: a built binary, started and ended as its user would.

A `TargetServer` is one `server start-dev` command line on one free loopback port. It can be
started, ended with SIGTERM, killed with SIGKILL and started again on the same file and port.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from Support.postgresql import ON_POSTGRESQL, persistence_config

REPOSITORY = Path(__file__).resolve().parents[3]
FRONTEND_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"
START_TIMEOUT = 30.0
STOP_TIMEOUT = 30.0

SEARCH_ATTRIBUTES = {
    "CustomKeywordField": "Keyword",
    "CustomTextField": "Text",
    "CustomIntField": "Int",
    "CustomDoubleField": "Double",
    "CustomBoolField": "Bool",
    "CustomDatetimeField": "Datetime",
    "CustomKeywordListField": "KeywordList",
}


def binary_path() -> Path:
    """The server binary: TEMPORAL_SERVER_BINARY, or the release build of this repository."""
    named = os.environ.get("TEMPORAL_SERVER_BINARY", ".build/release/temporal-server")
    path = Path(named)
    return path if path.is_absolute() else REPOSITORY / path


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def channel_options() -> list[tuple[str, int]]:
    """Channel options: quick reconnects, and no message size limit on our side.

    The minimum is how long one attempt to connect may take, on a machine that is busy too.
    """
    return [
        ("grpc.initial_reconnect_backoff_ms", 20),
        ("grpc.min_reconnect_backoff_ms", 5_000),
        ("grpc.max_reconnect_backoff_ms", 200),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
    ]


def open_channel(address: str) -> grpc.Channel:
    """A plaintext channel to the server."""
    return grpc.insecure_channel(address, options=channel_options())


class ServerFailed(AssertionError):
    """The server did not start, did not end, or ended in the wrong way."""


class TargetServer:
    """One server process, and the command line it is started with."""

    def __init__(
        self,
        directory: Path,
        *,
        db_filename: Path | None = None,
        extra: list[str] | None = None,
        search_attributes: dict[str, str] | None = None,
    ):
        self.directory = directory
        self.db_filename = db_filename
        self.persistence_config = (
            persistence_config(directory, db_filename) if ON_POSTGRESQL else None
        )
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.extra = extra or []
        self.search_attributes = (
            SEARCH_ATTRIBUTES if search_attributes is None else search_attributes
        )
        self.log_path = directory / f"server-{self.port}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """The whole command line."""
        line = [
            str(binary_path()), "server", "start-dev",
            "--ip", "127.0.0.1", "--port", str(self.port),
            "--namespace", "default", "--headless",
            "--log-level", "warn", "--log-format", "json",
        ]
        if self.persistence_config is not None:
            line += ["--persistence-config", str(self.persistence_config)]
        elif self.db_filename is not None:
            line += ["--db-filename", str(self.db_filename)]
        for name, kind in self.search_attributes.items():
            line += ["--search-attribute", f"{name}={kind}"]
        return line + self.extra

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def launch(self) -> None:
        """Starts the process and returns at once."""
        assert not self.is_alive
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                cwd=self.directory,
            )

    def wait_until_serving(self) -> None:
        """Returns when the health service says SERVING."""
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            if not self.is_alive:
                raise ServerFailed(
                    f"the server ended with {self.process and self.process.returncode} before it "
                    f"served\ncommand: {' '.join(self.command)}\n{self.log_tail()}"
                )
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                if self.health() == "SERVING":
                    return
            except (OSError, grpc.RpcError):
                pass
            if time.monotonic() > deadline:
                raise ServerFailed(f"not serving after {START_TIMEOUT} s\n{self.log_tail()}")
            time.sleep(0.005)

    def start(self) -> TargetServer:
        """Starts the process and returns when it serves."""
        self.launch()
        self.wait_until_serving()
        return self

    def health(self, service: str = "") -> str:
        """What the health service answers for a service name."""
        with open_channel(self.address) as channel:
            reply = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=2
            )
        return health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)

    def terminate(self) -> None:
        """Sends SIGTERM and returns at once."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def wait_ended(self, timeout: float = STOP_TIMEOUT) -> int:
        """The exit code of the process, which must end by itself."""
        assert self.process is not None
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(
                f"the server did not end within {timeout} s of SIGTERM\n{self.log_tail()}"
            ) from None

    def stop(self) -> None:
        """Ends the server as an operator would; it must end cleanly."""
        if self.process is None:
            return
        if self.process.poll() is not None:
            code = self.process.returncode
            self.process = None
            raise ServerFailed(f"the server had already ended with {code}\n{self.log_tail()}")
        self.terminate()
        code = self.wait_ended()
        self.process = None
        if code != 0:
            raise ServerFailed(f"SIGTERM ended the server with exit code {code}\n{self.log_tail()}")

    def kill(self) -> None:
        """Ends the process with SIGKILL: nothing in it gets to run any more."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log_tail(self, lines: int = 60) -> str:
        """The end of the server's log."""
        if not self.log_path.exists():
            return "(no log)"
        tail = self.log_path.read_text(errors="replace").splitlines()[-lines:]
        return f"--- end of {self.log_path.name} ---\n" + "\n".join(tail)


class SharedServer:
    """The ephemeral server most cases share, replaced when a case brought it down."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.current: TargetServer | None = None

    def ensure(self) -> TargetServer:
        """The running server."""
        if self.current is None or not self.current.is_alive:
            self.current = TargetServer(self.directory).start()
        return self.current

    def stop(self) -> None:
        if self.current is not None and self.current.is_alive:
            self.current.stop()


def run_binary(*arguments: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    """Runs the binary to its end and captures what it says."""
    with tempfile.TemporaryDirectory() as directory:
        return subprocess.run(
            [str(binary_path()), *arguments], capture_output=True, text=True, timeout=timeout,
            cwd=directory, stdin=subprocess.DEVNULL,
        )
