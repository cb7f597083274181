"""Files and folders that appear whole or not at all, also on NFS and Lustre: written aside, then renamed or linked.

No lock of any kind: `rename` and `link` are the two operations that every shared file system makes atomic. What is
aside has a name of its own (machine, process, a random token), so that no two writers ever share one.
"""

import contextlib
import errno
import functools
import glob
import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from molgun_lmp.errors import CampaignError


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whatever was there: at every instant the file is the old one or the new one."""
    with _written_aside(path, content) as written:
        written.replace(path)
        _sync_folder(path.parent)


def create_file(path: Path, content: bytes) -> bool:
    """Put `content` at `path` if nothing is there. True for exactly one of all processes that try.

    Raises `CampaignError` on a file system without hard links.
    """
    with _written_aside(path, content) as written:
        try:
            os.link(written, path)
        except FileExistsError:
            # An NFS server may have made the link and lost its answer; then the file has two names.
            return written.stat().st_nlink == 2
        except OSError as error:
            if error.errno is not None and error.filename2 is not None and not _is_full(error):
                raise CampaignError(
                    f"cannot create {path}: {error.strerror}. A campaign folder needs a file system with hard links "
                    "(a local disk, NFS or Lustre)."
                ) from error
            raise
        _sync_folder(path.parent)
        return True


@contextlib.contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """A path beside `path` for a writer that takes names; what is there at the end of the block replaces `path`.

    The file at `path` stays as it was where the block raises. Its suffix is not that of `path`: a library that chooses
    a packing by the name is to be told.
    """
    _remove_leftovers(path)
    with aside(path) as written:
        yield written
        with written.open("rb") as handle:
            os.fsync(handle.fileno())
        written.replace(path)
        _sync_folder(path.parent)


@contextlib.contextmanager
def folder_whole(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which takes its place at the end of the block and is gone where the block raises.

    Parents are made. An empty folder is replaced; raises `OSError` where anything else is there. Its files are not
    synced one by one, which would take minutes for ten thousand: a loss of power may cost some, and hashes tell.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    with aside(folder) as work:
        work.mkdir()
        yield work
        work.rename(folder)


@contextlib.contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A name beside `path` that nobody else has; a file or folder that is still there after the block is removed.

    For what the caller renames itself, unsynced: an index that is made anew, a folder that may be there already.
    """
    name = path.with_name(f".{path.name}.{_machine()}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        yield name
    finally:
        _remove(name)


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """A JSON document as the store writes it."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def compact_json_bytes(document: Mapping[str, Any]) -> bytes:
    """The same on one line, for what nobody reads: a third of the size."""
    return (json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n").encode()


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
def _written_aside(path: Path, content: bytes) -> Iterator[Path]:
    with aside(path) as written:
        with written.open("xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        yield written


def _remove_leftovers(path: Path) -> None:
    """Remove what processes of this machine had aside for `path` when they were killed; others may be at work."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.{_machine()}.*.*"):
        pid = left.name.rsplit(".", 2)[1]
        if pid.isdecimal() and not _lives(int(pid)):
            _remove(left)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # a folder: EISDIR, on some systems EPERM
        shutil.rmtree(path, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


@functools.cache
def _machine() -> str:
    """Host and process-id namespace in eight letters: within one, a process id tells whether a writer lives."""
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # not Linux
        namespace = 0
    return hashlib.sha256(f"{socket.gethostname()} {namespace}".encode()).hexdigest()[:8]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(document: Mapping[str, Any], target: Path) -> None:
    """Put a JSON document at `target`, whatever was there, as `replace_file` does."""
    replace_file(target, json_bytes(document))
