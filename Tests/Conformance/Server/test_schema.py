"""`temporal-server schema`: the tables of a database, looked at and made."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from Support.postgresql import ON_POSTGRESQL, execute, persistence_config, schema_name
from Support.server import TargetServer, binary_path, run_binary


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    if ON_POSTGRESQL:
        return persistence_config(tmp_path, tmp_path / "schema")
    path = tmp_path / "server.yaml"
    path.write_text(
        f"""\
persistence:
  defaultStore: main
  datastores:
    main: {{sql: {{pluginName: sqlite, databaseName: "{tmp_path / 'schema'}"}}}}
""")
    return path


def _schema(configuration: Path, *arguments: str):
    return run_binary("--config-file", str(configuration), "schema", *arguments, timeout=60)


def _store() -> str:
    return "postgres12" if ON_POSTGRESQL else "sqlite"


def test_status_and_migration(configuration: Path) -> None:
    status = _schema(configuration, "status", "--output", "json")
    assert status.returncode == 1, status.stderr
    before = json.loads(status.stdout)
    needed = before["versionNeeded"]
    assert before == {
        "store": _store(), "version": 0, "versionNeeded": needed, "state": "missing"}
    assert "no tables" in _schema(configuration, "status").stdout

    done = _schema(configuration, "migrate", "--output", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "store": _store(), "versionBefore": 0, "version": needed}
    again = _schema(configuration, "migrate")
    assert again.returncode == 0 and "already" in again.stdout

    status = _schema(configuration, "status", "--output", "json")
    assert status.returncode == 0
    assert json.loads(status.stdout)["state"] == "current"


@pytest.mark.skipif(not ON_POSTGRESQL, reason="a database file takes one process at a time")
def test_ten_processes_migrate_at_once(configuration: Path) -> None:
    processes = [
        subprocess.Popen(
            [str(binary_path()), "--config-file", str(configuration), "schema", "migrate",
             "--output", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(10)
    ]
    done = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    assert [code for _, _, code in done] == [0] * 10, done
    versions = {json.loads(out)["version"] for out, _, _ in done}
    status = _schema(configuration, "status", "--output", "json")
    assert status.returncode == 0 and versions == {json.loads(status.stdout)["version"]}


@pytest.mark.skipif(not ON_POSTGRESQL, reason="what SQLite files refuse is a unit test")
def test_newer_schema_is_refused(configuration: Path) -> None:
    assert _schema(configuration, "migrate").returncode == 0
    schema = schema_name(configuration)
    execute(f"INSERT INTO {schema}.temporal_server_schema (version) VALUES (99)")
    status = _schema(configuration, "status", "--output", "json")
    assert status.returncode == 1 and json.loads(status.stdout)["state"] == "newer"
    for command in (["schema", "migrate"], ["--allow-no-auth", "start"]):
        done = run_binary("--config-file", str(configuration), *command, timeout=60)
        assert done.returncode == 1
        assert "has schema version 99, written by a newer server" in done.stdout + done.stderr


def test_status_while_a_server_runs(own_server, tmp_path: Path, configuration: Path) -> None:
    server: TargetServer = own_server(db_filename=tmp_path / "schema").start()
    status = _schema(configuration, "status")
    assert status.returncode == 0, status.stdout + status.stderr
    server.stop()


def test_database_that_cannot_be_reached(tmp_path: Path) -> None:
    path = tmp_path / "far.yaml"
    path.write_text(
        """\
persistence:
  defaultStore: main
  datastores:
    main:
      sql: {pluginName: postgres12, databaseName: t, connectAddr: "127.0.0.1:1", user: u,
            password: s3cret-word}
""")
    for command in (["schema", "status"], ["schema", "migrate"], ["--allow-no-auth", "start"]):
        done = run_binary("--config-file", str(path), *command, timeout=60)
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert "database t at 127.0.0.1:1 cannot be reached" in said
        assert "s3cret" not in said and "Fatal error" not in said
