"""PostgreSQL under the servers of the suite: `Tests/Conformance/run --store postgresql`.

Every server has a schema of its own in the database that TEMPORAL_TEST_POSTGRESQL names; servers
with the same `db_filename` share one, as they would share the file.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import uuid
from pathlib import Path

ON_POSTGRESQL = os.environ.get("TEMPORAL_TEST_STORE", "sqlite") == "postgresql"
PASSWORD = "temporal-password"
SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "postgres.sh"


def execute(sql: str, address: str | None = None) -> str:
    """Runs SQL and returns what it prints."""
    host, _, port = (address or os.environ["TEMPORAL_TEST_POSTGRESQL"]).rpartition(":")
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
         "--set", "ON_ERROR_STOP=1", "--command", sql,
         f"host={host} port={port} user=temporal dbname=temporal"],
        env={**os.environ, "PGPASSWORD": PASSWORD, "PGOPTIONS": "-c client_min_messages=warning"},
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def persistence_config(
    directory: Path, db_filename: Path | None, address: str | None = None
) -> Path:
    """Makes a schema and a configuration file that names it."""
    address = address or os.environ["TEMPORAL_TEST_POSTGRESQL"]
    name = uuid.uuid4().hex
    if db_filename is not None:
        name = hashlib.sha256(str(db_filename).encode()).hexdigest()[:32]
    execute(f"CREATE SCHEMA IF NOT EXISTS conformance_{name}", address)
    path = directory / f"persistence-{name}.yaml"
    path.write_text(
        f"""\
persistence:
  defaultStore: main
  visibilityStore: main
  datastores:
    main:
      sql:
        pluginName: postgres12
        databaseName: temporal
        connectAddr: "{address}"
        connectProtocol: tcp
        user: temporal
        password: {PASSWORD}
        maxConns: 10
        connectAttributes:
          search_path: conformance_{name}
""")
    return path


def schema_name(configuration: Path) -> str:
    """The schema that a file of `persistence_config` names."""
    return configuration.read_text().rpartition("search_path: ")[2].strip()


class Cluster:
    """A database server of a case's own, which may end.

    It is in a new directory, or in one its user can get to.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._scratch = directory or Path(tempfile.mkdtemp())
        self._is_scratch_ours = directory is None
        # Its user has to get there, unlike to pytest's directories.
        self._scratch.chmod(0o755)
        self.directory = self._scratch / "cluster"
        self.address = self._run("start")

    def _run(self, command: str) -> str:
        done = subprocess.run(
            [str(SCRIPT), command, str(self.directory)], capture_output=True, text=True,
            timeout=60, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def halt(self) -> None:
        """Ends it as a crash would; `restart` brings it back."""
        self._run("halt")

    def restart(self) -> None:
        """Ends it as a crash would, and starts it on the same port."""
        self._run("restart")

    def stop(self) -> None:
        """Removes it."""
        self._run("stop")
        if self._is_scratch_ours:
            self._scratch.rmdir()
