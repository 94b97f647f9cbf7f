"""The load generator, `temporal-bench`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from .server import REPOSITORY

BENCH = Path(os.environ.get(
    "TEMPORAL_BENCH_BINARY", REPOSITORY / ".build" / "release" / "temporal-bench"))


def bench(*arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs it with these arguments."""
    return subprocess.run(
        [str(BENCH), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
        check=False)


def measured(*arguments: object, timeout: float = 60) -> dict[str, Any]:
    """What a run found; one where every operation failed has found something, too."""
    done = bench(*arguments, "--json", "-", timeout=timeout)
    assert done.stdout, f"it ended with {done.returncode}: {done.stderr}"
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["operations"] else 1), done.stderr
    return found
