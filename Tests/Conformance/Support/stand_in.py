"""What the stand-ins for outside HTTP services share: threads, faults, what arrived."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit

GARBAGE = b"<html>\x00\xff this is no JSON {{{"
KINDS = ("hang", "garbage", "error", "close", "slow", "redirect")


@dataclass
class Request:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def bearer(self) -> str | None:
        """The bearer token, or nothing if the header is missing or of another scheme."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass
class Reply:
    """What a request is answered with."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


def json_reply(status: int, value: Any) -> Reply:
    """A reply with a JSON body."""
    return Reply(status, json.dumps(value).encode())


@dataclass
class Fault:
    """How the service misbehaves, and for which requests."""

    kind: str
    concerns: Callable[[Request], bool]
    delay: float
    location: str
    released: threading.Event = field(default_factory=threading.Event)


class StandIn:
    """An HTTP service on a loopback port. A subclass says in `answer` what it knows."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.requests: list[Request] = []
        self._fault: Fault | None = None
        self._connections: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    def answer(self, request: Request) -> Reply:
        """What a sound service answers."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # Running, and not.

    def start(self) -> None:
        """Listens; again on the same port if it listened before."""
        assert self._server is None
        stand_in = self

        class Handler(_Handler):
            service = stand_in

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # whoever calls may hang up when it likes

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stops listening and hangs up on everyone: connections are refused from now on."""
        self.repair()
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        with self.lock:
            open_now, self._connections = self._connections, set()
        for connection in open_now:
            hang_up(connection)

    # Faults.

    def break_with(
        self, kind: str, concerns: Callable[[Request], bool] | None = None, *, delay: float = 1.0,
        location: str = "",
    ) -> None:
        """From now on requests go wrong: all of them, or those it concerns."""
        assert kind in KINDS, kind
        self.repair()
        with self.lock:
            self._fault = Fault(kind, concerns or (lambda _: True), delay, location)

    def repair(self) -> None:
        """Ends the fault; whoever hangs is answered now."""
        with self.lock:
            fault, self._fault = self._fault, None
        if fault is not None:
            fault.released.set()

    def fault_for(self, request: Request) -> Fault | None:
        with self.lock:
            fault = self._fault
        return fault if fault is not None and fault.concerns(request) else None

    # What arrived.

    def arrived(self, request: Request) -> None:
        with self.lock:
            self.requests.append(request)

    def count(self, path: str = "") -> int:
        """How many requests arrived, of those whose path ends so."""
        with self.lock:
            return sum(request.path.endswith(path) for request in self.requests)

    def forget(self) -> None:
        """Counts from nothing again."""
        with self.lock:
            self.requests.clear()

    def connected(self, connection: socket.socket) -> None:
        with self.lock:
            self._connections.add(connection)

    def disconnected(self, connection: socket.socket) -> None:
        with self.lock:
            self._connections.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    """One connection; its requests come one after another."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: StandIn

    def setup(self) -> None:
        super().setup()
        self.service.connected(self.connection)

    def finish(self) -> None:
        self.service.disconnected(self.connection)
        super().finish()

    def _serve(self) -> None:
        request = self._read()
        self.service.arrived(request)
        fault = self.service.fault_for(request)
        if fault is None:
            self._write(self.service.answer(request))
        elif fault.kind == "hang":
            fault.released.wait(120)
            self._write(self.service.answer(request))
        elif fault.kind == "slow":
            fault.released.wait(fault.delay)
            self._write(self.service.answer(request))
        elif fault.kind == "garbage":
            self._write(Reply(200, GARBAGE))
        elif fault.kind == "error":
            self._write(json_reply(500, {"code": "internal_error", "message": "out of order"}))
        elif fault.kind == "redirect":
            self._write(Reply(302, b"", {"location": fault.location}))
        else:
            self.close_connection = True
            hang_up(self.connection)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    def _read(self) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        return Request(self.command, parts.path, query, headers, self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _write(self, reply: Reply) -> None:
        try:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
        except OSError:
            self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        pass


def hang_up(connection: socket.socket) -> None:
    """Ends a connection at once, whatever its other side is doing."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
