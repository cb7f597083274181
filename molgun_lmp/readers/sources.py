"""The files of a data set: found in folders and archives, named, and each given its reader."""

import dataclasses
import hashlib
import re
import shutil
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final

from molgun_lmp.errors import InputFileError, MolgunError
from molgun_lmp.provenance import sha256_file
from molgun_lmp.readers.ase_files import AseDatabaseReader, ExtxyzReader, OtherReader
from molgun_lmp.readers.common.not_read import not_read
from molgun_lmp.readers.common.packed import (
    PACKED_SUFFIXES,
    UNPACKING_ERRORS,
    beginning,
    open_unpacked,
    without_packing,
)
from molgun_lmp.readers.common.reference_frame import FoundFrame, Reader, Unusable
from molgun_lmp.readers.cp2k import Cp2kReader
from molgun_lmp.readers.cp2k_run_files import holds_no_positions, is_cp2k_file, labels_beside
from molgun_lmp.readers.lammps_files import lammps_reader
from molgun_lmp.readers.vasp.outcar import OutcarReader
from molgun_lmp.readers.vasp.vasprun import VasprunReader
from molgun_lmp.readers.vasp.xdatcar import XdatcarReader

_ARCHIVES: Final = (".zip", ".tar", ".tgz", *(f".tar{suffix}" for suffix in PACKED_SUFFIXES))
_VASP: Final = re.compile(r"(?:^|[._-])(vasprun(?=.*\.xml)|OUTCAR|XDATCAR)(?=$|[._-])")
_BESIDE: Final = re.compile(r"OSZICAR|\.(?:cell|ener)(?=$|\.)")
"""What readers look for beside a file of frames."""
# Of one run the first is read: it has the most digits; the last has no forces.
_VASP_READERS: Final[Mapping[str, Callable[[], Reader]]] = {
    "vasprun": VasprunReader,
    "OUTCAR": OutcarReader,
    "XDATCAR": XdatcarReader,
}
_READERS: Final[Mapping[str, Callable[[], Reader]]] = {
    ".extxyz": ExtxyzReader,
    ".xyz": ExtxyzReader,
    ".db": AseDatabaseReader,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """One file of frames."""

    name: str
    """Tells it from all other files: its name, with as many of its folders as that takes."""
    path: Path
    reader: Reader


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sources:
    """The files that are read, in order, and those of the same runs that are not: name -> why."""

    files: tuple[Source, ...]
    skipped: Mapping[str, str]

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file by its name; of a run of CP2K that of what `sha256sum` says of all its files that are
        read."""
        return {source.name: _hash(source.path) for source in self.files}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Candidate:
    parts: tuple[str, ...]
    """Folders and name, as the user knows them."""
    shown: int
    """How many of the parts its name has at least."""
    path: Path
    asked_for: bool
    """Named by the user, not found in a folder."""

    @property
    def vasp_kind(self) -> str | None:
        found = _VASP.search(self.parts[-1])
        return found[1] if found else None

    @property
    def run(self) -> tuple[str, ...]:
        """Equal for the files of one VASP run: the folder, and what is left of the name."""
        left = _VASP.sub("", without_packing(self.parts[-1])).removesuffix(".xml")
        return (*self.parts[:-1], left.strip("._-"))

    def reader(self) -> Reader | None:
        if self.vasp_kind is not None:
            return _VASP_READERS[self.vasp_kind]()
        ending = Path(without_packing(self.parts[-1])).suffix
        if self.asked_for and (lammps := lammps_reader(self.path)) is not None:
            return lammps
        if self.asked_for and (way_out := not_read(beginning(self.path))) is not None:
            raise InputFileError(f"{self.path} {way_out}")
        if is_cp2k_file(self.path):
            # Forces and velocities are found beside the positions; the reader refuses those that somebody names.
            return Cp2kReader() if self.asked_for or not holds_no_positions(self.path) else None
        if ending in _READERS:
            return _READERS[ending]()
        return OtherReader() if self.asked_for else None


@contextmanager
def find_sources(paths: Sequence[Path]) -> Iterator[Sources]:
    """The files of frames among files, folders and archives (zip, tar), folders and archives in the order of names.

    Archives are unpacked to a temporary folder (TMPDIR) that is removed at the end, the files of frames alone. Raises
    `InputFileError` where there is nothing to read, or no room to unpack it.
    """
    with ExitStack() as temporary:
        candidates: list[_Candidate] = []
        require_frames(paths)
        for path in dict.fromkeys(path.resolve() for path in paths):
            candidates += _expand(path, temporary)
        chosen, skipped = _one_for_each_run(_named(candidates))
        if not chosen:
            raise InputFileError(
                f"no file of frames in {', '.join(map(str, paths))}. In folders and archives those named vasprun*.xml, "
                "OUTCAR*, XDATCAR*, *.extxyz, *.xyz and *.db are looked for, also packed (.gz, .bz2, .xz, .zst)."
            )
        yield Sources(files=tuple(chosen), skipped=skipped)


def require_frames(paths: Sequence[Path]) -> None:
    """Raises `InputFileError` for the first path where neither a file nor a folder is."""
    for path in paths:
        if not (path.is_file() or path.is_dir()):
            raise InputFileError(f"no file or folder of labelled frames at {path}. Check its name.")


def may_hold_runs(path: Path) -> bool:
    """Whether VASP's files are looked for at a path: in folders, in archives, and in files with names of VASP's."""
    return path.is_dir() or path.name.endswith(_ARCHIVES) or _VASP.search(path.name) is not None


def _expand(path: Path, temporary: ExitStack) -> Iterator[_Candidate]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            inside = file.relative_to(path).parts
            if file.is_file() and not _is_hidden(inside):
                if file.name.endswith(_ARCHIVES):
                    yield from _unpack(file, temporary)
                else:
                    yield _Candidate(parts=file.parts, shown=len(inside) + 1, path=file, asked_for=False)
    elif path.name.endswith(_ARCHIVES):
        yield from _unpack(path, temporary)
    else:
        yield _Candidate(parts=path.parts, shown=2 if _VASP.search(path.name) else 1, path=path, asked_for=True)


def _is_hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith(".") and part != ".." for part in parts)


def _unpack(archive: Path, temporary: ExitStack) -> list[_Candidate]:
    folder = Path(temporary.enter_context(tempfile.TemporaryDirectory(prefix="molgun-")))
    candidates = []
    folders: dict[tuple[str, ...], Path] = {}
    try:
        for name, size, content in _members(archive):
            inside = PurePosixPath(name).parts
            # Folders are numbered: a path from an archive may lead anywhere.
            beside = folders.setdefault(inside[:-1], folder / str(len(folders)))
            member = _Candidate(
                parts=(*archive.parts, *inside), shown=len(inside) + 1, path=beside / inside[-1], asked_for=False
            )
            readable = member.reader() is not None
            if _is_hidden(inside) or not (readable or _BESIDE.search(inside[-1])):
                continue
            beside.mkdir(exist_ok=True)
            if size > shutil.disk_usage(folder).free:
                raise InputFileError(
                    f"{archive} holds {name} of {size / 1e9:.1f} GB, which {folder.parent} has no room for. Set TMPDIR "
                    "to a folder with room, or unpack the archive yourself and name the folder."
                )
            with member.path.open("wb") as target:
                shutil.copyfileobj(content, target)
            if readable:
                candidates.append(member)
    except (tarfile.TarError, zipfile.BadZipFile, RuntimeError, *UNPACKING_ERRORS) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk, not of what the archive holds
            raise
        raise InputFileError(f"{archive} cannot be unpacked ({error}). Fetch it again.") from error
    return sorted(candidates, key=lambda member: member.parts)


def _members(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Plain files of an archive in the order in which they stand, which is read once from start to end."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.infolist():
                if not entry.is_dir():
                    with packed.open(entry) as content:
                        yield entry.filename, entry.file_size, content
    else:
        with open_unpacked(archive) as plain, tarfile.open(fileobj=plain, mode="r|") as stream:
            for item in stream:
                file = stream.extractfile(item) if item.isfile() else None
                if file is not None:
                    yield item.name, item.size, file


def _named(candidates: Iterable[_Candidate]) -> Iterator[tuple[str, _Candidate, Reader]]:
    readable = [(candidate, reader) for candidate in candidates if (reader := candidate.reader()) is not None]
    shown = [candidate.shown for candidate, _ in readable]
    while True:
        names = ["/".join(candidate.parts[-n:]) for n, (candidate, _) in zip(shown, readable, strict=True)]
        counts = Counter(names)
        longer = [
            n + (counts[name] > 1 and n < len(candidate.parts))
            for n, name, (candidate, _) in zip(shown, names, readable, strict=True)
        ]
        if longer == shown:
            break
        shown = longer
    yield from ((name, candidate, reader) for name, (candidate, reader) in zip(names, readable, strict=True))


def _one_for_each_run(named: Iterable[tuple[str, _Candidate, Reader]]) -> tuple[list[Source], dict[str, str]]:
    rank = list(_VASP_READERS)
    best: dict[tuple[str, ...], tuple[int, str]] = {}
    every = list(named)
    for name, candidate, _ in every:
        if candidate.vasp_kind is not None:
            offer = (rank.index(candidate.vasp_kind), name)
            best[candidate.run] = min(best.get(candidate.run, offer), offer)
    chosen, skipped = [], {}
    for name, candidate, reader in every:
        read = best[candidate.run][1] if candidate.vasp_kind is not None else name
        if read == name:
            chosen.append(Source(name=name, path=candidate.path, reader=reader))
        else:
            skipped[name] = f"of the same run as {read}, which is read"
    return chosen, skipped


def _hash(path: Path) -> str:
    others = labels_beside(path)
    if not others:
        return sha256_file(path)
    lines = "".join(f"{sha256_file(file)}  {file.name}\n" for file in (path, *others))
    return hashlib.sha256(lines.encode()).hexdigest()


def items_of(source: Source) -> Iterator[FoundFrame | Unusable]:
    """What the source's reader finds, in order. Raises `InputFileError` for a file that cannot be parsed."""
    index = -1
    try:
        for item in source.reader.read(source.path):
            index += 1
            yield item
    except MolgunError:
        raise
    except Exception as error:  # ASE's readers raise anything for what they cannot parse
        how_far = f" beyond frame {index}" if index >= 0 else ", not even its first frame"
        raise InputFileError(
            f"{source.name} cannot be read{how_far}: {type(error).__name__}: {error}. The file is cut or of another "
            "format: remove the broken end, or write it again as extxyz."
        ) from error
