"""Files that appear whole or not at all, also on NFS and Lustre: written aside, synced, then renamed or linked.

No lock of any kind: `rename` and `link` are the two operations that every shared file system makes atomic.
"""

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from molgun_lmp.errors import CampaignError


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whatever was there: at every instant the file is the old one or the new one."""
    with _aside(path, content) as aside:
        aside.replace(path)
        _sync_folder(path.parent)


def create_file(path: Path, content: bytes) -> bool:
    """Put `content` at `path` if nothing is there. True for exactly one of all processes that try.

    Raises `CampaignError` on a file system without hard links.
    """
    with _aside(path, content) as aside:
        try:
            os.link(aside, path)
        except FileExistsError:
            # An NFS server may have made the link and lost its answer; then the file has two names.
            return aside.stat().st_nlink == 2
        except OSError as error:
            if error.errno is not None and error.filename2 is not None and not _is_full(error):
                raise CampaignError(
                    f"cannot create {path}: {error.strerror}. A campaign folder needs a file system with hard links "
                    "(a local disk, NFS or Lustre)."
                ) from error
            raise
        _sync_folder(path.parent)
        return True


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """A JSON document as the store writes it."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or what caused it, is a full disk or an exhausted quota."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and _is_full(at):
            return True
        at = at.__cause__ or at.__context__
    return False


def _is_full(error: OSError) -> bool:
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def _aside(path: Path, content: bytes) -> Iterator[Path]:
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with aside.open("xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
