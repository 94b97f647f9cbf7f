"""Ten thousand open workflows that wait cost no processor time and no store reads."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from Support.raw import RawClient
from Support.server import TargetServer

COUNT = int(os.environ.get("IDLE_WORKFLOWS", "10000"))
TICK = os.sysconf("SC_CLK_TCK")
WINDOW = 3.0


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _bytes_read(pid: int) -> int:
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    raise AssertionError("no rchar in /proc/<pid>/io")


@pytest.mark.timeout(240)
def test_idle_with_many_open_workflows(own_server, tmp_path) -> None:
    server: TargetServer = own_server(db_filename=tmp_path / "idle.sqlite").start()
    raw = RawClient(server.address)
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda i: raw.start(f"idle-{i}", "nobody"), range(COUNT)))
    assert raw.call("CountWorkflowExecutions", query="").count == COUNT
    raw.close()
    # Finished tasks are removed within seconds; after that nothing is left to do.
    deadline = time.monotonic() + 60
    while True:
        cpu, read = _cpu_seconds(server.pid), _bytes_read(server.pid)
        time.sleep(WINDOW)
        cpu, read = _cpu_seconds(server.pid) - cpu, _bytes_read(server.pid) - read
        if cpu / WINDOW < 0.02 and read < 4096:
            break
        assert time.monotonic() < deadline, (
            f"with {COUNT} open workflows: {100 * cpu / WINDOW:.1f} % CPU, {read} bytes read "
            f"in {WINDOW} s")
    server.stop()
