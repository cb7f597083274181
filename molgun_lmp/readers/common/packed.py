"""Packed files, read as a stream: gzip, bzip2, xz and zstandard. The first bytes tell the packing, not the name."""

import bz2
import gzip
import hashlib
import io
import lzma
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final, Literal, Self, cast

from molgun_lmp.errors import InputFileError

PACKED_SUFFIXES: Final = (".gz", ".zst", ".xz", ".bz2")
"""What the names of packed files that are read end with."""

UNPACKING_ERRORS: Final = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""What a cut (`EOFError`) or damaged packed file raises while it is read."""

_Packing = Literal["gz", "bz2", "xz", "zst"]
# RFC 1952 2.3.1 (with deflate, the only method), the bzip2 and xz formats, RFC 8878 3.1.1 and its skippable frames,
# which `pzstd` begins with.
_MAGIC: Final = re.compile(
    rb"(?P<gz>\x1f\x8b\x08)|(?P<bz2>BZh[1-9])|(?P<xz>\xfd7zXZ\0)|(?P<zst>\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)"
)
_MAGIC_BYTES: Final = 6
_ONE_READ: Final = 1 << 18
_ONE_PACKED_READ: Final = 1 << 13
"""Of a zstandard file: a few bytes of it may hold many thousand times as many."""


@contextmanager
def open_unpacked(path: Path) -> Iterator[io.BufferedIOBase]:
    """The bytes of a file, unpacked as they are read, from first to last; those of a plain file as they are.

    Reading raises `UNPACKING_ERRORS` where the file is cut or damaged. Raises `InputFileError` for zstandard where its
    package is not installed.
    """
    with io.BufferedReader(io.FileIO(path), _ONE_READ) as plain:
        packing = _packing(plain.peek(_MAGIC_BYTES))
        if packing is None:
            yield plain
        else:
            with _unpacked(plain, packing, path) as unpacked:
                yield unpacked


def sha256_unpacked(path: Path) -> str:
    """SHA-256 of what a file holds, unpacked, as 64 hex digits. Raises as `open_unpacked`."""
    with open_unpacked(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def open_text(path: Path, errors: str = "replace") -> Iterator[IO[str]]:
    """The lines of a file in UTF-8, unpacked as they are read."""
    with open_unpacked(path) as stream, io.TextIOWrapper(cast(IO[bytes], stream), "utf-8", errors) as lines:
        yield lines


def open_packed_text(path: Path, packing: str) -> IO[str]:
    """A new text file in UTF-8, packed as `.gz`, `.bz2` or `.xz` say; plain for any other `packing`."""
    if packing == ".gz":
        return gzip.open(path, "wt", encoding="utf-8")
    if packing == ".bz2":
        return bz2.open(path, "wt", encoding="utf-8")
    if packing == ".xz":
        return lzma.open(path, "wt", encoding="utf-8")
    return path.open("w", encoding="utf-8")


def without_packing(name: str) -> str:
    """A file's name without the suffix of a packing."""
    return next((name.removesuffix(suffix) for suffix in PACKED_SUFFIXES if name.endswith(suffix)), name)


def is_misnamed(path: Path) -> bool:
    """Whether a file has the name of a packed one and is none, for readers that refuse such a file."""
    if without_packing(path.name) == path.name or not path.is_file():
        return False
    start = _start(path)
    return len(start) == _MAGIC_BYTES and _packing(start) is None


@contextmanager
def plain_file(path: Path) -> Iterator[Path]:
    """The file, or a plain copy of a packed one for readers that seek: each step back would unpack from the start."""
    name = without_packing(path.name)
    if name == path.name and _packing(_start(path)) is None:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / name
        with open_unpacked(path) as packed, plain.open("wb") as target:
            shutil.copyfileobj(packed, target)
        yield plain


def beginning(path: Path, size: int = 32) -> bytes:
    """The first bytes of a file, unpacked; none where it cannot be unpacked or is no file."""
    if not path.is_file():
        return b""
    try:
        with Stream(path) as stream:
            return stream.peek(size)[:size]
    except UNPACKING_ERRORS:
        return b""


class Stream:
    """Bytes in order; a packed file that lost its end gives what can still be unpacked."""

    def __init__(self, source: Path | bytes) -> None:
        """Opens a file; bytes are taken as they are. Raises `OSError`, and `InputFileError` as `open_unpacked` does."""
        self._open = ExitStack()
        self._handle: io.BufferedIOBase = (
            io.BytesIO(source) if isinstance(source, bytes) else self._open.enter_context(open_unpacked(source))
        )
        self._kept = b""
        self._failure: Exception | None = None
        self._torn = False
        self._over = False

    @property
    def ended(self) -> bool:
        """Whether all bytes have been read."""
        return self._over and not self._kept

    def read(self, size: int) -> bytes:
        """The next bytes, fewer than `size` at the end alone."""
        parts = [self._kept[:size]]
        self._kept = self._kept[size:]
        missing = size - len(parts[0])
        while missing > 0 and not self._over:
            try:
                part = self._handle.read1(min(missing, _ONE_READ))
                self._over = not part
                parts.append(part)
                missing -= len(part)
            except EOFError:
                self._over = self._torn = True
            except UNPACKING_ERRORS as error:
                self._over, self._failure = True, error
        return b"".join(parts)

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read."""
        self._kept = self.read(size)
        return self._kept

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def require_end(self) -> bool:
        """Once all is read: whether the packing lost its end. Raises what stopped the reading before the end."""
        if self._failure is not None:
            raise self._failure
        return self._torn


class _Zstandard(io.RawIOBase):
    """The frames of a zstandard file, one after the other; where the last one is cut it raises `EOFError`.

    The package's own reader takes a cut file for one that ends.
    """

    def __init__(self, packed: io.BufferedIOBase, path: Path) -> None:
        try:
            import zstandard  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise InputFileError(
                f"cannot unpack {path}: the package zstandard is not installed. `pip install 'molgun_lmp[zst]'`, or "
                "unpack the file with `zstd -d`."
            ) from error
        self._packed = packed
        self._library: Any = zstandard
        self._frame = self._library.ZstdDecompressor().decompressobj()
        self._unread = b""
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any, /) -> int:
        while not self._ready:
            packed = self._unread or self._packed.read(_ONE_PACKED_READ)
            if not packed and not self._frame.eof:
                raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            if not packed:
                return 0
            self._unpack(packed)
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _unpack(self, packed: bytes) -> None:
        if self._frame.eof:
            self._frame = self._library.ZstdDecompressor().decompressobj()
        try:
            self._ready = self._frame.decompress(packed)
        except self._library.ZstdError as error:
            raise OSError(str(error)) from error
        self._unread = self._frame.unused_data if self._frame.eof else b""


def _start(path: Path) -> bytes:
    with path.open("rb") as plain:
        return plain.read(_MAGIC_BYTES)


def _packing(start: bytes) -> _Packing | None:
    found = _MAGIC.match(start)
    return None if found is None else cast(_Packing, found.lastgroup)


def _unpacked(packed: io.BufferedIOBase, packing: _Packing, path: Path) -> io.BufferedIOBase:
    handle = cast(IO[bytes], packed)
    if packing == "gz":
        return gzip.GzipFile(fileobj=handle)
    if packing == "bz2":
        return bz2.BZ2File(handle)
    if packing == "xz":
        return lzma.LZMAFile(handle)
    return io.BufferedReader(_Zstandard(packed, path))
