"""Outcomes that were decided before, by the content of all that decided them: a second analysis reads no dump.

One line of JSON for each outcome, added as soon as it is decided. A line that is torn or of another version is as if
it were not there.
"""

import contextlib
import dataclasses
import json
import os
from pathlib import Path
from typing import IO, Any, Final, Self, TypeVar

from pydantic import ValidationError

from molgun_lmp.atomic_files import replace_file
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.provenance import sha256_file, sha256_json
from molgun_lmp.records import JsonRecord, Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileStamp(JsonRecord):
    """A file's content by its hash, and the size and time by which it is known again without being read."""

    size: int
    modified_ns: int
    sha256: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Remembered(JsonRecord):
    """An outcome; `key`: hash of all that decided it, `asked` of this less the code; `dump`: the stamp of its dump,
    None where there was none."""

    key: str
    asked: str
    dump: FileStamp | None
    outcome: Outcome


def stamp(file: Path, known: FileStamp | None) -> FileStamp | None:
    """A file's stamp, None where there is no file; it is hashed unless size and time are those that are `known`."""
    try:
        about = file.stat()
    except OSError:
        return None
    if known is not None and (known.size, known.modified_ns) == (about.st_size, about.st_mtime_ns):
        return known
    return FileStamp(size=about.st_size, modified_ns=about.st_mtime_ns, sha256=sha256_file(file))


@dataclasses.dataclass(frozen=True)
class Key:
    """What an outcome is remembered under: `whole` a hash of all that decides it, `asked` of this less the code."""

    whole: str
    asked: str

    @classmethod
    def of(cls, dump: FileStamp | None, *, code: str, **parts: Any) -> Self:
        """Of the dump's content, other JSON documents, and the code.

        `code`: the hash of the module whose function decides (`molgun_lmp.import_closure.code_version`).
        """
        asked = sha256_json({"dump": None if dump is None else dump.sha256, **parts})
        return cls(whole=sha256_json({"code": code, "asked": asked}), asked=asked)


KEPT_OF_ONE: Final = 4
"""Questions about one trajectory that are remembered: by the campaign's own scheme, by one that was tried, ..."""

AnswerT = TypeVar("AnswerT")


def keep_newest(of_one: dict[str, AnswerT], question: str, answer: AnswerT) -> None:
    """Add an answer about one trajectory, or replace it; of more than `KEPT_OF_ONE` the oldest goes."""
    of_one.pop(question, None)
    of_one[question] = answer
    if len(of_one) > KEPT_OF_ONE:
        del of_one[next(iter(of_one))]


class AppendedLines:
    """A file that lines are added to, each at once; a context. A disk that is full forgets them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._handle: IO[bytes] | None = None

    def add(self, line: bytes) -> None:
        """One more line, with its newline."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._handle.write(line)
                self._handle.flush()

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(exist_ok=True)
            self._handle = self._file.open("a+b")
            if self._handle.seek(0, os.SEEK_END) > 0:
                self._handle.seek(-1, os.SEEK_END)
                if self._handle.read() != b"\n":  # whatever that line was, the next one begins on its own
                    self._handle.write(b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._handle.close()


class Memory:
    """The outcomes by the classes of a scheme that are remembered in a file; a context in which more can be added.

    The file may hold outcomes by other schemes, and by other criteria, beside these: each question has its own answer,
    the newest one, and the `KEPT_OF_ONE` newest questions about a trajectory are kept.
    """

    def __init__(self, file: Path, scheme: OutcomeScheme) -> None:
        self._file, self._scheme = file, scheme
        self._kept: dict[str, dict[str, Remembered | bytes]] = {}
        """Trajectory -> `Key.asked` -> the answer; by the classes of another scheme a line as it is."""
        self._stamps: dict[str, FileStamp | None] = {}
        self._lines = 0
        self._added = AppendedLines(file)
        self._whole = True
        try:
            self._read()
        except FileNotFoundError:
            pass
        except OSError:
            self._whole = False

    def _read(self) -> None:
        with self._file.open("rb") as handle:
            for line in handle:
                self._lines += 1
                with contextlib.suppress(ValueError, RecursionError, AttributeError, KeyError, TypeError):
                    document = json.loads(line)
                    of_one = self._kept.setdefault(str(document["outcome"]["trajectory_id"]), {})
                    try:
                        self._keep(Remembered.from_json(document, self._scheme))
                    except ValidationError:
                        keep_newest(of_one, str(document["asked"]), line)

    def _keep(self, one: Remembered) -> None:
        identifier = one.outcome.trajectory_id
        keep_newest(self._kept.setdefault(identifier, {}), one.asked, one)
        self._stamps[identifier] = one.dump

    def _answer(self, trajectory_id: str, asked: str) -> Remembered | None:
        answer = self._kept.get(trajectory_id, {}).get(asked)
        return answer if isinstance(answer, Remembered) else None

    def dump_stamp(self, trajectory_id: str) -> FileStamp | None:
        """What is known of a trajectory's dump."""
        return self._stamps.get(trajectory_id)

    def outcome(self, trajectory_id: str, key: Key) -> Outcome | None:
        """The outcome that this key stands for, None where it has to be decided."""
        known = self._answer(trajectory_id, key.asked)
        return known.outcome if known is not None and known.key == key.whole else None

    def earlier(self, trajectory_id: str, asked: str) -> Key | None:
        """The key of the same question as other code has decided it, of a trajectory that cannot be read again."""
        known = self._answer(trajectory_id, asked)
        return None if known is None else Key(whole=known.key, asked=asked)

    def add(self, key: Key, dump: FileStamp | None, outcome: Outcome) -> None:
        """Remember an outcome. A disk that is full forgets it."""
        one = Remembered(key=key.whole, asked=key.asked, dump=dump, outcome=outcome)
        self._keep(one)
        self._added.add(_line(one))
        self._lines += 1

    def __enter__(self) -> Self:
        self._added.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._added.__exit__()
        kept = [answer for of_one in self._kept.values() for answer in of_one.values()]
        if self._whole and self._lines > 2 * len(kept) + 100:
            lines = (one if isinstance(one, bytes) else _line(one) for one in kept)
            with contextlib.suppress(OSError):
                replace_file(self._file, b"".join(lines))


def _line(one: Remembered) -> bytes:
    return json.dumps(one.to_json(), ensure_ascii=False, allow_nan=True).encode() + b"\n"
