"""A server that is given older data at a kill: the whole harness has to find it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


from Support.server import binary_path


def test_data_that_is_rolled_back(tmp_path: Path) -> None:
    assert binary_path().exists(), f"no server binary at {binary_path()}; build it first"
    done = subprocess.run(
        [sys.executable, "-m", "Durability", "--faults", "kill", "--kills", "2", "--plant",
         "rollback", "--concurrency", "4", "--seed", "1", "--bound", "8", "--verbose",
         "--evidence", str(tmp_path)],
        capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    found = re.search(r"(\d+) lost", last)
    assert found and int(found[1]) > 0, done.stdout + done.stderr
    assert "with older data" in done.stdout
    written = {path.name for path in tmp_path.iterdir()}
    assert {"report", "journal"} < written, "the evidence is kept"
