"""What one LAMMPS was built with, as its `-h` says: https://docs.lammps.org/Run_options.html#help."""

import dataclasses
import datetime
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from molgun_lmp.engine.launcher import without_launcher
from molgun_lmp.errors import EngineError

_ANSWER_S: Final = 60.0
"""A LAMMPS that does not say what it is within this time does not run here."""
_VERSION: Final = re.compile(r"Parallel Simulator - ((\d{1,2}) ([A-Z][a-z]{2}) (\d{4})[^\n]*)")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STYLES: Final = re.compile(r"^\* (\w+) styles:?\n\n(.*?)\n\n", re.MULTILINE | re.DOTALL)
_PACKAGES: Final = re.compile(r"^Installed packages:\n\n(.*?)\n\n", re.MULTILINE | re.DOTALL)
_BACKENDS: Final = re.compile(r"^KOKKOS package API:(.*)$", re.MULTILINE)
_MPI: Final = re.compile(r"^MPI v[\d.]+: (?:MPICH Version:\s*(?P<mpich>\S+)|(?P<other>[^,\n]+))", re.MULTILINE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LammpsBuild:
    """One LAMMPS."""

    version: str
    """As it prints it, such as `22 Jul 2025 - Update 4`."""
    released: datetime.date
    """The date in it: of the release, or of the one before where it was built between two."""
    packages: frozenset[str]
    styles: Mapping[str, frozenset[str]]
    """Kind, such as `pair`, `fix` or `dump` -> the names of its styles, those of accelerators with their suffix."""
    backends: tuple[str, ...]
    """What its KOKKOS computes with, such as `CUDA` and `Serial`; none without KOKKOS."""
    mpi: str
    """The MPI library that it was built with, such as `MPICH 5.0.2`."""

    def has(self, kind: str, style: str) -> bool:
        """Whether it has a style."""
        return style in self.styles.get(kind, frozenset())


def read_help(text: str) -> LammpsBuild | None:
    """What the text of `lmp -h` says; None for a text that is none."""
    version = _VERSION.search(text)
    packages = _PACKAGES.search(text)
    if version is None or packages is None or version[3] not in _MONTHS:
        return None
    backends, mpi = _BACKENDS.search(text), _MPI.search(text)
    named = "" if mpi is None else f"MPICH {mpi['mpich']}" if mpi["mpich"] else mpi["other"]
    return LammpsBuild(
        version=version[1].strip(),
        released=released_on(int(version[4]), 1 + _MONTHS.index(version[3]), int(version[2])),
        packages=frozenset(packages[1].split()),
        styles={kind.lower(): frozenset(names.split()) for kind, names in _STYLES.findall(text + "\n\n")},
        backends=() if backends is None else tuple(backends[1].split()),
        mpi=named.strip(),
    )


def ask_lammps(program: str, *, limit_s: float = _ANSWER_S) -> LammpsBuild:
    """What a program says of itself. Raises `EngineError` for one that is no LAMMPS, or does not run here."""
    path = shutil.which(program)
    if path is None:
        raise EngineError(_why_not_found(program))
    try:
        status, said = ended_alone([path, "-h"], limit_s=limit_s)
    except OSError as error:
        raise EngineError(
            f"{program} cannot be started: {error.strerror}. Is it a program of this machine? Name LAMMPS itself, such "
            "as `lmp`."
        ) from error
    except subprocess.TimeoutExpired:
        raise EngineError(
            f"{program} did not answer `-h` within {limit_s:g} s, as LAMMPS does at once. Where it waits for a "
            "launcher or a compute node, ask it there."
        ) from None
    build = read_help(said)
    if status != 0:
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        raise EngineError(
            f"`{program} -h` ended with {how} ({last_words(said)}). Load the modules that it needs, and try it by hand."
        )
    if build is None:
        raise EngineError(f"{program} is no LAMMPS: its `-h` names neither a version nor packages of LAMMPS.")
    return build


def released_on(year: int, month: int, day: int) -> datetime.date:
    """The date of a version; the first day of all where the three numbers are no date."""
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return datetime.date.min


def ended_alone(command: Sequence[str], *, limit_s: float, cwd: Path | None = None) -> tuple[int, str]:
    """Run a program without standard input and outside any launcher: its exit status, and all that it said.

    It leads a session of its own, and at the limit it is killed with all that it started. Raises `OSError` where it
    cannot be started, `subprocess.TimeoutExpired` at the limit.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=without_launcher(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return process.returncode, said


def last_words(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def _why_not_found(program: str) -> str:
    if not program.strip():
        return "no program is named where one should be: name the `lmp` of that LAMMPS by its path."
    path = Path(program)
    if path.is_dir():
        return f"{program} is a folder: name the program in it, such as {path / 'lmp'}."
    if path.is_file():
        return f"{program} may not be executed: `chmod +x` it, or name LAMMPS's program itself, such as `lmp`."
    return f"there is no program {program}: name the `lmp` of that LAMMPS by its path."
