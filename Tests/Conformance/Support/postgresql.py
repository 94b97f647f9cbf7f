"""PostgreSQL under the servers of the suite: `Tests/Conformance/run --store postgresql`.

Every server has a schema of its own in the database that TEMPORAL_TEST_POSTGRESQL names; servers
with the same `db_filename` share one, as they would share the file.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import uuid
from pathlib import Path

ON_POSTGRESQL = os.environ.get("TEMPORAL_TEST_STORE", "sqlite") == "postgresql"
PASSWORD = "temporal-password"


def _address() -> tuple[str, str]:
    host, _, port = os.environ["TEMPORAL_TEST_POSTGRESQL"].rpartition(":")
    return host, port


def execute(sql: str) -> str:
    """Runs SQL and returns what it prints."""
    host, port = _address()
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
         "--set", "ON_ERROR_STOP=1", "--command", sql,
         f"host={host} port={port} user=temporal dbname=temporal"],
        env={**os.environ, "PGPASSWORD": PASSWORD, "PGOPTIONS": "-c client_min_messages=warning"},
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def persistence_config(directory: Path, db_filename: Path | None) -> Path:
    """Makes a schema and a configuration file that names it."""
    name = uuid.uuid4().hex
    if db_filename is not None:
        name = hashlib.sha256(str(db_filename).encode()).hexdigest()[:32]
    execute(f"CREATE SCHEMA IF NOT EXISTS conformance_{name}")
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
        connectAddr: "{":".join(_address())}"
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
