"""A receiver of completion callbacks: an HTTP server of the case's own, told what to answer."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from temporalio.api.common.v1 import Callback


@dataclass
class Received:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def state(self) -> str:
        return self.headers.get("nexus-operation-state", "")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What a request is answered with, after a while."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0


class Receiver:
    """Listens on a loopback port until it is closed, and keeps everything that arrives."""

    def __init__(self, port: int = 0) -> None:
        self._arrival = threading.Condition()
        self._received: list[Received] = []
        self._answers: dict[str, list[Answer]] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                path = self.path.partition("?")[0]
                received = Received(
                    path, {k.lower(): v for k, v in self.headers.items()}, body)
                answer = receiver._take(path, received, self.path)
                time.sleep(answer.delay)
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)
                except OSError:
                    pass

            def log_message(self, *arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # whoever calls may hang up when it likes

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.daemon = True
        self._thread.start()
        self.queries: list[str] = []

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def callback(self, path: str, **header: str) -> Callback:
        """A callback to this receiver."""
        names = {name.replace("_", "-"): value for name, value in header.items()}
        return Callback(nexus=Callback.Nexus(url=self.url(path), header=names))

    def answers(self, path: str, *answers: Answer | int) -> None:
        """What the next requests to a path are answered with; the last one stays."""
        made = [a if isinstance(a, Answer) else Answer(a) for a in answers]
        with self._arrival:
            self._answers[path] = made

    def _take(self, path: str, received: Received, raw_path: str) -> Answer:
        with self._arrival:
            self._received.append(received)
            self.queries.append(raw_path.partition("?")[2])
            self._arrival.notify_all()
            waiting = self._answers.get(path) or [Answer()]
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def received(self, path: str) -> list[Received]:
        """What has arrived at a path."""
        with self._arrival:
            return [request for request in self._received if request.path == path]

    def wait(self, path: str, count: int = 1, timeout: float = 20) -> Received:
        """The n-th request to a path, which must come."""
        deadline = time.monotonic() + timeout
        with self._arrival:
            while True:
                found = [request for request in self._received if request.path == path]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                assert left > 0, f"{path} was called {len(found)} times within {timeout} s"
                self._arrival.wait(left)
