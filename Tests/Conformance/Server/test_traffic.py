"""What a workflow costs in the database: no more commits than transitions, and hardly a read."""

from __future__ import annotations

import json
from pathlib import Path

from Server.test_load_generator import bench
from Support.postgresql import ON_POSTGRESQL
from Support.server import TargetServer

COUNT = 50
# Start, task started, task completed, activity started, activity completed, and the second task.
TRANSITIONS_EACH = 7
# Leases of task queues and namespaces, finished tasks that are removed.
COMMITS_ASIDE = 40


def _traffic(server: TargetServer) -> dict[str, int]:
    for line in server.log_path.read_text().splitlines():
        if not line.startswith("{"):
            continue  # what start-dev says to people
        entry = json.loads(line)
        if entry.get("msg") == "database traffic":
            return {name: int(value) for name, value in entry.items() if str(value).isdigit()}
    raise AssertionError(f"no traffic in the log\n{server.log_tail()}")


def test_traffic_of_simple_workflows(own_server, tmp_path: Path) -> None:
    server: TargetServer = own_server(
        db_filename=tmp_path / "traffic.sqlite", extra=["--log-level", "info"]).start()
    done = bench(
        "simple", "--address", server.address, "--count", str(COUNT), "--concurrency", "1")
    assert done.returncode == 0, done.stderr
    server.stop()
    traffic = _traffic(server)
    assert traffic["transitions"] == COUNT * TRANSITIONS_EACH
    assert traffic["transition_commits"] <= traffic["transitions"]
    assert traffic["commits"] <= traffic["transitions"] + COMMITS_ASIDE
    # Whether there is an earlier run with the id, and nothing after that.
    assert traffic["run_loads"] <= COUNT
    if ON_POSTGRESQL:
        assert traffic["round_trips"] <= traffic["commits"] + traffic["reads"] + COMMITS_ASIDE
        assert traffic["statements"] <= 6 * traffic["round_trips"]
