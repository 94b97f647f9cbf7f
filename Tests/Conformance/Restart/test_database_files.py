"""Database files: locked, unwritable, broken, made anew; a clear error and nothing lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from Support.raw import RawClient
from Support.server import TargetServer, free_port, run_binary

pytestmark = pytest.mark.sqlite_files


def _start(path: Path, *flags: str):
    return run_binary(
        "server", "start-dev", "--port", str(free_port()), "--headless", "--db-filename",
        str(path), *flags, timeout=30)


def test_second_server_on_the_same_file(own_server, tmp_path: Path) -> None:
    path = tmp_path / "one.sqlite"
    server: TargetServer = own_server(db_filename=path).start()
    raw = RawClient(server.address)
    raw.start("w", "q")
    second = _start(path)
    assert second.returncode != 0
    said = second.stdout + second.stderr
    assert "one.sqlite" in said and re.search("lock|use|another", said), said
    raw.signal("w", "still works")
    assert raw.describe("w").workflow_execution_info.history_length == 3
    server.stop()
    # The refused start left the file as it was.
    server.start()
    assert RawClient(server.address).describe("w").workflow_execution_info.history_length == 3
    server.stop()


@pytest.mark.parametrize("kind", ["missing-directory", "directory", "below-a-file"])
def test_paths_that_cannot_be_written(tmp_path: Path, kind: str) -> None:
    plain = tmp_path / "plain"
    plain.write_text("a file")
    path = {
        "missing-directory": tmp_path / "no" / "such" / "place.sqlite",
        "directory": tmp_path,
        "below-a-file": plain / "below.sqlite",
    }[kind]
    done = _start(path)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert path.name in said, said
    assert "Fatal error" not in said, "an error message, not a crash"


def test_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    content = "Dear reader, this is not a database.\n" * 100
    path.write_text(content)
    done = _start(path)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "letter.txt" in said, said
    assert "Fatal error" not in said, "an error message, not a crash"
    assert path.read_text() == content, "the file is left alone"


def test_file_is_made_when_missing(own_server, tmp_path: Path) -> None:
    path = tmp_path / "new file with spaces.sqlite"
    server: TargetServer = own_server(db_filename=path).start()
    RawClient(server.address).start("w", "q")
    server.stop()
    assert path.exists() and path.stat().st_size > 0


def test_lock_goes_with_a_killed_process(own_server, tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    for _ in range(3):
        server: TargetServer = own_server(db_filename=path).start()
        server.kill()
    server = own_server(db_filename=path).start()
    server.stop()
