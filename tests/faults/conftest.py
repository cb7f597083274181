"""A disk of our own, to be filled."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class SmallDisk:
    """A tmpfs of some MiB; `fill` leaves no byte free, `empty` takes the filling out again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filling = path / "filling"

    def fill(self, leave_bytes: int = 0) -> None:
        """Write until nothing is left but `leave_bytes` (whole pages)."""
        with self._filling.open("ab") as handle:
            try:
                while True:
                    handle.write(bytes(4096))
                    handle.flush()
            except OSError:
                pass
        if leave_bytes:
            os.truncate(self._filling, max(0, self._filling.stat().st_size - leave_bytes))

    def empty(self) -> None:
        """Make room."""
        self._filling.unlink(missing_ok=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Skips, loudly, where this user may not mount."""
    path = tmp_path / "disk"
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"A FULL DISK IS NOT TESTED: only root may mount a tmpfs ({done.stderr.strip()})")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
