"""The load generator: every scenario does what it says, and counts it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from Support.bench import bench, measured
from Support.raw import RawClient
from Support.server import TargetServer

SCENARIOS = [
    "simple", "chain 3", "fanout 3", "timer 1", "signal 3", "backlog", "query 4", "update 4",
    "describe", "ping"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(server: TargetServer, raw: RawClient, scenario: str) -> None:
    found = measured(
        *scenario.split(), "--address", server.address, "--namespace", raw.namespace,
        "--count", 20, "--concurrency", 5)
    assert found["operations"] == 20 and found["errors"] == {}
    latency = found["latency"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]
    assert sum(second["count"] for second in found["course"]) == 20
    if scenario == "timer 1":
        assert latency["p50"] >= 1_000


def test_workflows_are_real(server: TargetServer, raw: RawClient) -> None:
    done = bench(
        "chain", "2", "--address", server.address, "--namespace", raw.namespace,
        "--count", "3", "--concurrency", "1", "--task-queue", "bench-real")
    assert done.returncode == 0, done.stderr
    listed = raw.call(
        "ListWorkflowExecutions", query="TaskQueue='bench-real' AND ExecutionStatus='Completed'")
    assert len(listed.executions) == 3
    for info in listed.executions:
        # Started, three workflow tasks, two activities, completed.
        assert info.history_length == 1 + 3 * 3 + 2 * 3 + 1


def test_rate_and_page(server: TargetServer, raw: RawClient, tmp_path: Path) -> None:
    page, report = tmp_path / "page.html", tmp_path / "report.json"
    done = bench(
        "simple", "--address", server.address, "--namespace", raw.namespace, "--rate", "20",
        "--duration", "2", "--warm-up", "0", "--html", str(page), "--json", str(report))
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    assert 30 <= found["operations"] <= 40
    assert "40 operations" in done.stdout or f"{found['operations']} operations" in done.stdout
    text = page.read_text()
    assert text.count("<svg") == 2 and "http" not in text


@pytest.mark.parametrize("arguments, message", [
    (("nothing",), "nothing"),
    (("simple", "--concurrency", "0"), "--concurrency 0: expected 1 or more"),
    (("simple", "--address", "x"), "--address x: expected HOST:PORT"),
    (("simple", "--watch", "x=0"), "--watch x=0: expected NAME=PID"),
    (("simple", "--address", "127.0.0.1:1"), "no Temporal server answers at 127.0.0.1:1"),
], ids=["scenario", "concurrency", "address", "watch", "nobody"])
def test_refusals(arguments: tuple[str, ...], message: str) -> None:
    done = bench(*arguments)
    assert done.returncode != 0 and message in done.stderr
