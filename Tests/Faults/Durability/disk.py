"""A disk that can be full: a file system in memory, made as small as what is on it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

# What may be written before it is full again. A disk is seldom full to the last byte.
_SLACK = 64 * 1024


class CannotMount(Exception):
    """This process may not mount anything."""


class Disk:
    """A mounted tmpfs; it takes memory only for what is written."""

    def __init__(self, path: Path, size: int = 4 << 30):
        self.path = path
        self._size = size
        path.mkdir(parents=True)
        self._mount("-t", "tmpfs", "-o", f"size={size},mode=755", "faults", str(path))

    def fill(self) -> None:
        """From now on there is (nearly) no room, while others go on writing."""
        slack = _SLACK
        for _ in range(10):
            # Who writes meanwhile may already have more than was asked for.
            try:
                self._mount("-o", f"remount,size={self.used + slack}", str(self.path))
                return
            except CannotMount:
                slack *= 2
        raise CannotMount(f"{self.path} cannot be made smaller")

    def free(self) -> None:
        """There is room again."""
        self._mount("-o", f"remount,size={self._size}", str(self.path))

    @property
    def used(self) -> int:
        """Bytes that are taken."""
        room = os.statvfs(self.path)
        return (room.f_blocks - room.f_bfree) * room.f_frsize

    @property
    def is_full(self) -> bool:
        """Whether what is free is less than a page."""
        return os.statvfs(self.path).f_bfree == 0

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True, capture_output=True)
        self.path.rmdir()

    def _mount(self, *arguments: str) -> None:
        try:
            done = subprocess.run(
                ["mount", *arguments], capture_output=True, text=True, timeout=20, check=False,
                stdin=subprocess.DEVNULL)
        except OSError as error:
            raise CannotMount(str(error)) from None
        if done.returncode != 0:
            raise CannotMount(done.stderr.strip().partition("\n")[0])
