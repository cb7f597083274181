"""The bytes of a file, unpacked where its name says that it is packed, as far as they go."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final, Protocol, Self

from molgun_lmp.errors import InputFileError

PACKED: Final = (".gz", ".zst", ".xz", ".bz2")
"""Endings of packed files that are read."""

_ONE_READ: Final = 1 << 18


class _Bytes(Protocol):
    def read1(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class Stream:
    """Bytes in order; a packed file that lost its end gives what can still be unpacked."""

    def __init__(self, path: Path) -> None:
        self._handle: _Bytes = _OPENERS.get(path.suffix, _plain)(path)
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
            except Exception as error:
                if not isinstance(error, OSError | zlib.error | lzma.LZMAError) and not _of_zstandard(error):
                    raise
                self._over, self._failure = True, error
        return b"".join(parts)

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read."""
        self._kept = self.read(size)
        return self._kept

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()

    def require_end(self) -> bool:
        """Once all is read: whether the packing lost its end. Raises what stopped the reading before the end."""
        if self._failure is not None:
            raise self._failure
        return self._torn


def open_packed_text(path: Path, packing: str) -> IO[str]:
    """A new text file in UTF-8, packed as `.gz`, `.bz2` or `.xz` say; plain for any other `packing`."""
    if packing == ".gz":
        return gzip.open(path, "wt", encoding="utf-8")
    if packing == ".bz2":
        return bz2.open(path, "wt", encoding="utf-8")
    if packing == ".xz":
        return lzma.open(path, "wt", encoding="utf-8")
    return path.open("w", encoding="utf-8")


def _plain(path: Path) -> _Bytes:
    return io.BufferedReader(io.FileIO(path), _ONE_READ)


def _gzip(path: Path) -> _Bytes:
    return gzip.open(path, "rb")


def _xz(path: Path) -> _Bytes:
    return lzma.open(path, "rb")


def _bz2(path: Path) -> _Bytes:
    return bz2.open(path, "rb")


def _zst(path: Path) -> _Bytes:
    try:
        import zstandard  # noqa: PLC0415
    except ImportError as error:
        raise InputFileError(
            f"cannot unpack {path}: the package zstandard is not installed. `pip install zstandard`, or unpack the "
            "file with `zstd -d`."
        ) from error
    reader: Any = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
    return reader  # type: ignore[no-any-return]


def _of_zstandard(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] == "zstandard" or type(error).__name__ == "ZstdError"


_OPENERS: Final[Mapping[str, Callable[[Path], _Bytes]]] = {".gz": _gzip, ".xz": _xz, ".bz2": _bz2, ".zst": _zst}
