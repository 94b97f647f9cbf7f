"""Many callers: who is known costs hardly more than without authorization, and who is not known does
no harm.

TEMPORAL_TEST_STRANGERS=100000 makes the cases about strangers as long as they can be.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from Support.auth import Deployment, may_read
from Support.bench import bench, measured
from Support.certificates import Authority
from Support.configured import ConfiguredServer

USERS = 1_000
RATE = 2_000
SECONDS = 0.7
ROUNDS = 6
STRANGERS = int(os.environ.get("TEMPORAL_TEST_STRANGERS", "3000"))
TIMEOUT = 45 + STRANGERS // 100
DEADLINE = 1.0
SLACK = 3.0  # retries, and a machine that does something else at the same time


def written(path: Path, tokens: list[str]) -> Path:
    """A file of tokens, one a line."""
    path.write_text("".join(f"{token}\n" for token in tokens))
    return path


def describe(server: ConfiguredServer, tokens: Path, *arguments: object, **more: Any) -> Any:
    """What the load generator finds when the owners of the tokens ask for the namespace in turn."""
    return measured(
        "describe", "--address", server.address, "--namespace", "alpha", "--tokens", tokens,
        "--watch", f"server={server.pid}", *arguments, **more)


def test_every_call_is_of_the_next_user(deploy, tmp_path: Path) -> None:
    deployment: Deployment = deploy()
    deployment.grant("readers", "reader", "alpha")
    tokens = [deployment.token(f"{name}@example.com", *groups) for name, groups in
              (("anna", ["readers"]), ("berta", []), ("clara", ["readers"]))]
    path = written(tmp_path / "tokens", tokens)
    page, report = tmp_path / "page.html", tmp_path / "report.json"
    done = bench(
        "describe", "--address", deployment.server.address, "--namespace", "alpha", "--tokens",
        path, "--count", 30, "--html", page, "--json", report)
    shown = done.stdout + done.stderr + page.read_text() + report.read_text()
    assert "20 operations" in done.stdout and "permissionDenied 10" in done.stdout, shown
    assert not any(token in shown for token in tokens)
    done = bench(
        "describe", "--address", deployment.server.address, "--namespace", "alpha",
        "--header", f"Authorization=Bearer {tokens[0]}", "--count", 5)
    assert "5 operations" in done.stdout and tokens[0] not in done.stdout + done.stderr


def test_the_load_generator_speaks_tls(launch, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")
    section = authority.server_section(require_client=True)
    server = launch(ConfiguredServer(
        tmp_path, {"global": {"tls": {"frontend": {"server": section}}}}))
    own = authority.client("anna")
    trusted = ["--tls-ca-path", authority.certificate]
    shown = ["--tls-cert-path", own.certificate, "--tls-key-path", own.key]
    found = measured("ping", "--address", server.address, "--count", 5, *trusted, *shown)
    assert found["operations"] == 5 and found["errors"] == {}
    done = bench("ping", "--address", server.address, "--tls", *shown)
    assert done.returncode != 0 and "no Temporal server answers" in done.stderr


def latencies(rounds: list[Any], percentile: str) -> list[float]:
    """Milliseconds."""
    return [found["latency"][percentile] for found in rounds]


def cpu(rounds: list[Any]) -> float:
    """Milliseconds of the server's CPU time for one call, at best: noise only adds to it."""
    return min(use["cpuPerOperation"] for found in rounds for use in found["usage"]
               if use["name"] == "server")


def test_a_thousand_users(deploy, launch, tmp_path: Path) -> None:
    """Two thousand calls a second, by turns with and without authorization."""
    deployment: Deployment = deploy(claimsMaxAge="10m", timeout="10s")
    deployment.grant("readers", "reader", "alpha")
    people = [deployment.token(f"p{number}@example.com", "readers") for number in range(USERS)]
    tokens = written(tmp_path / "tokens", people)
    plain = launch(ConfiguredServer(tmp_path, {}, namespaces=("alpha",)))
    # Everybody's first call, as fast as the stand-ins can answer.
    first = describe(deployment.server, tokens, "--count", USERS, "--concurrency", 16)
    assert first["operations"] == USERS and first["errors"] == {}
    load = ("--rate", RATE, "--duration", SECONDS, "--warm-up", 0.2)
    without: list[Any] = []
    asking: list[Any] = []
    kinds = [(plain, without), (deployment.server, asking)]
    for _ in range(ROUNDS):
        for server, found in kinds:
            found.append(describe(server, tokens, *load))
        kinds.reverse()
    assert all(found["errors"] == {} for found in without + asking)
    assert max(found["operations"] for found in asking) >= 0.9 * RATE * SECONDS
    asked = Counter(request.bearer for request in deployment.google.requests)
    assert len(asked) == USERS and set(asked.values()) == {1}
    assert cpu(asking) - cpu(without) < 0.1
    for percentile in ("p50", "p99"):
        # On a machine that does other things, too, runs of either kind differ by much more than
        # authorization adds. But not all of one kind are slower than all of the other.
        slower, faster = latencies(asking, percentile), latencies(without, percentile)
        assert min(slower) - max(faster) < 1, f"{percentile}: {slower} instead of {faster} ms"


class Bystander:
    """Somebody who is known already, and goes on calling."""

    def __init__(self, deployment: Deployment):
        deployment.grant("readers", "reader", "alpha")
        self.client = deployment.client(deployment.token("anna@example.com", "readers"))
        assert may_read(self.client, "alpha")
        self.longest = 0.0
        self.calls = 0
        self.failure: BaseException | None = None
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self._ends.wait(0.01):
                begin = time.monotonic()
                assert may_read(self.client, "alpha")
                self.longest = max(self.longest, time.monotonic() - begin)
                self.calls += 1
        except BaseException as failure:
            self.failure = failure

    def __enter__(self) -> Bystander:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()


def resident(server: ConfiguredServer) -> float:
    """MiB of the server that are in memory."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


@pytest.mark.timeout(2 * TIMEOUT)
@pytest.mark.parametrize("fault, code, growth_max", [
    ("hang", "unavailable", 8), ("garbage", "unavailable", 8), ("error", "unavailable", 8),
    ("close", "unavailable", 8), ("unknown", "permissionDenied", 32)])
def test_strangers(deploy, tmp_path: Path, fault: str, code: str, growth_max: float) -> None:
    """Every one of many unknown tokens gets its answer in time, whatever Google does.

    Of an answer that did not come nothing is kept. Of a token that is known to be none its hash is,
    for 100,000 of them at most.
    """
    deployment: Deployment = deploy(claimsMaxAge="1h", timeout=f"{DEADLINE}s")
    count = STRANGERS if fault != "unknown" else STRANGERS // 3
    warm_up = count // 5
    limit = ("--duration", TIMEOUT)
    tokens = [f"ya29.{secrets.token_urlsafe(48)}" for _ in range(warm_up + count)]
    with Bystander(deployment) as bystander:
        if fault != "unknown":
            deployment.google.break_with(fault)
        first = written(tmp_path / "first", tokens[:warm_up])
        describe(deployment.server, first, "--count", warm_up, *limit, timeout=TIMEOUT)
        before = resident(deployment.server)
        more = written(tmp_path / "more", tokens[warm_up:])
        found = describe(deployment.server, more, "--count", count, *limit, timeout=TIMEOUT)
        after = resident(deployment.server)
    assert found["errors"] == {code: count} and found["operations"] == 0
    assert found["failureLatency"]["count"] == count
    assert found["failureLatency"]["max"] < (DEADLINE + SLACK) * 1_000
    assert bystander.failure is None, bystander.failure
    assert bystander.calls > 0 and bystander.longest < 1
    assert after - before < growth_max, f"{before} MiB became {after} MiB"
