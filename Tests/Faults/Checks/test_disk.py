"""The disk is full when it says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from Durability.disk import CannotMount, Disk


def test_full_disk(tmp_path: Path) -> None:
    try:
        disk = Disk(tmp_path / "disk", size=8 << 20)
    except CannotMount as reason:
        pytest.skip(f"cannot mount a tmpfs: {reason}")
    try:
        file = disk.path / "file"
        file.write_bytes(bytes(1 << 20))
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (disk.path / "another").write_bytes(bytes(1 << 20))
        assert disk.is_full
        assert file.read_bytes() == bytes(1 << 20)
        disk.free()
        (disk.path / "another").write_bytes(bytes(1 << 20))
    finally:
        disk.unmount()
    assert not disk.path.exists()
