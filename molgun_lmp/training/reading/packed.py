"""Files that may be packed with gzip, bzip2 or xz, read as a stream."""

import bz2
import gzip
import io
import lzma
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

PACKED_SUFFIXES: Final = (".gz", ".bz2", ".xz")

UNPACKING_ERRORS: Final = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""What a cut or damaged packed file raises."""

_MAGIC: Final[Mapping[bytes, type]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}


@contextmanager
def open_unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked as they are read; its first bytes tell the packing, not its name."""
    with path.open("rb") as plain:
        start = plain.read(6)
        plain.seek(0)
        opener = next((opener for magic, opener in _MAGIC.items() if start.startswith(magic)), None)
        if opener is None:
            yield plain
            return
        with opener(path) as unpacked:
            yield cast(IO[bytes], unpacked)


@contextmanager
def open_text(path: Path, errors: str = "replace") -> Iterator[IO[str]]:
    """The lines of a file in UTF-8, unpacked as they are read."""
    with open_unpacked(path) as stream, io.TextIOWrapper(stream, encoding="utf-8", errors=errors) as lines:
        yield lines


def without_packing(name: str) -> str:
    """A file's name without the suffix of a packing."""
    return next((name.removesuffix(suffix) for suffix in PACKED_SUFFIXES if name.endswith(suffix)), name)


@contextmanager
def plain_file(path: Path) -> Iterator[Path]:
    """The file, or a plain copy of a packed one for readers that seek: each step back would unpack from the start."""
    if without_packing(path.name) == path.name:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / without_packing(path.name)
        with open_unpacked(path) as packed, plain.open("wb") as target:
            shutil.copyfileobj(packed, target)
        yield plain
