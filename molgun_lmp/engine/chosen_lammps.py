"""Which LAMMPS the workers use: that of this environment, or another library, and with which arguments.

The environment says it, MOLGUN_LMP_LIBRARY and MOLGUN_LMP_ARGS, so that every process of a campaign hears of it,
whoever starts it; `molgun run --lmp-library PATH --lmp-args "..."` sets both.
"""

import dataclasses
import functools
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from molgun_lmp.engine.lammps_build import last_words
from molgun_lmp.engine.launcher import Family, installed_mpi, without_launcher
from molgun_lmp.engine.targets import LammpsTarget, check_target
from molgun_lmp.errors import ConfigError, EngineError
from molgun_lmp.model_formats import Dtype

LIBRARY_VARIABLE: Final = "MOLGUN_LMP_LIBRARY"
ARGUMENTS_VARIABLE: Final = "MOLGUN_LMP_ARGS"
_TRY_S: Final = 120.0
_OURS: Final = frozenset({"-in", "-i", "-log", "-l", "-screen", "-sc", "-var", "-v", "-partition", "-p", "-help", "-h"})
_MPI: Final[Mapping[bytes, Family]] = {b"libmpi.so.12": "mpich", b"libmpi.so.40": "openmpi"}
"""The names under which a library asks for its MPI: MPICH and its like share one (https://www.mpich.org/abi/)."""
_LOGGED: Final = re.compile(r"^LAMMPS \((.+)\)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChosenLammps:
    """What was chosen."""

    library: Path | None = None
    """None: this environment's, through LAMMPS's Python module."""
    arguments: tuple[str, ...] = ()
    """More of its command line, such as `-k on t 1 -sf kk`."""

    @property
    def named(self) -> str:
        """What is not this environment's own, in words; empty where all is."""
        return " ".join([*([] if self.library is None else [str(self.library)]), *self.arguments])

    def record(self, log: str) -> str:
        """Its version, as its log begins, and what was chosen: as results name it."""
        found = _LOGGED.search(log)
        version = "unknown version" if found is None else found[1]
        return f"{version} ({self.named})" if self.named else version

    @property
    def mpi(self) -> Family:
        """The MPI that it asks for. Raises `EngineError` for a library that cannot be read."""
        return installed_mpi() if self.library is None else _mpi_of(self.library)


@functools.lru_cache
def _mpi_of(library: Path) -> Family:
    try:
        content = library.read_bytes()
    except OSError as error:
        raise EngineError(f"{library} cannot be read: {error.strerror}.") from error
    return next((family for name, family in _MPI.items() if name in content), "unknown")


def chosen_lammps(environment: Mapping[str, str] | None = None) -> ChosenLammps:
    """What the environment says. Raises `ConfigError` for arguments that are none, or that runs have of themselves."""
    here = os.environ if environment is None else environment
    text = here.get(ARGUMENTS_VARIABLE, "")
    try:
        arguments = tuple(shlex.split(text))
    except ValueError as error:
        raise ConfigError(f"--lmp-args: {text!r} is no command line: {error}.") from error
    given = sorted(_OURS & set(arguments))
    if given:
        raise ConfigError(f"--lmp-args: {given[0]} is given by molgun itself; leave it out.")
    library = here.get(LIBRARY_VARIABLE, "")
    return ChosenLammps(library=Path(library).absolute() if library else None, arguments=arguments)


def require_chosen() -> ChosenLammps:
    """What the environment says, where it can be so at all: no LAMMPS is started for it.

    Raises what `chosen_lammps` does, and `EngineError` for a library that is not there.
    """
    chosen = chosen_lammps()
    if chosen.library is not None and not chosen.library.is_file():
        found = f"{chosen.library} is a folder" if chosen.library.is_dir() else f"there is no library {chosen.library}"
        raise EngineError(f"{found}: name liblammps.so of the other LAMMPS (--lmp-library, {LIBRARY_VARIABLE}).")
    return chosen


def require_arguments(chosen: ChosenLammps, include: str, dtype: Dtype) -> None:
    """Refuse arguments with which the pair style of an engine include computes wrongly, or not at all.

    Those of a target that is launched so. Raises `ConfigError`.
    """
    launch = shlex.join(["lmp", *chosen.arguments])
    plugin = bool(os.environ.get("LAMMPS_PLUGIN_PATH")) or chosen.library is None
    try:
        check_target(LammpsTarget(summary="--lmp-args", include=include, launch=launch, plugin=plugin), dtype)
    except ConfigError as error:
        raise ConfigError(str(error).replace("launch:", "--lmp-args:", 1)) from error


def try_lammps(styles: Collection[tuple[str, str]]) -> list[str]:
    """Open the chosen LAMMPS in a process of its own, which may end with it, and look for what decks need of it.

    `styles` are (kind, name) pairs, such as ("fix", "nve"). Returns remarks. Raises `EngineError` where it does not
    start, or lacks one of them.
    """
    chosen = require_chosen()
    words = [" ".join(style) for style in styles]
    try:
        found, said, _ = asked_apart("molgun_lmp.engine.lammps_trial", words, os.environ, limit_s=_TRY_S)
    except subprocess.TimeoutExpired:
        raise EngineError(f"LAMMPS ({chosen.named}) did not start within {_TRY_S:g} s.") from None
    if found is None:
        error = re.search(r"^ERROR.*", said, re.MULTILINE)
        raise EngineError(
            f"LAMMPS ({chosen.named}) does not start: {error[0] if error else last_words(said)} "
            "`molgun doctor --lmp` says what its program has."
        )
    if found["missing"]:
        raise EngineError(
            f"LAMMPS ({chosen.named}) lacks what the decks use: {', '.join(found['missing'])}. {_what_to_do(found)}"
        )
    if found["exceptions"]:
        return []
    return [
        f"{chosen.library} was built without exceptions, as LAMMPS was before 2023 unless asked: where it meets an "
        "error, its worker ends with it and is started anew."
    ]


class Apart(NamedTuple):
    """What a process said: the last line of JSON, None where there is none; all of it; the exit status."""

    found: dict[str, Any] | None
    said: str
    status: int


def asked_apart(module: str, words: Sequence[str], environment: Mapping[str, str], *, limit_s: float) -> Apart:
    """Run a module that prints a line of JSON in a process of its own, which the LAMMPS of `environment` may end.

    Raises `subprocess.TimeoutExpired` at the limit.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, *words],
        env=without_launcher(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=limit_s,
        check=False,
    )
    answers = re.findall(r"^\{.*\}$", done.stdout, re.MULTILINE)  # among what LAMMPS itself prints
    found = json.loads(answers[-1]) if answers else None
    return Apart(found, f"{done.stdout}\n{done.stderr}", done.returncode)


def _what_to_do(found: Mapping[str, Any]) -> str:
    if "pair mace" in found["missing"]:
        return (
            "Compile this project's pair style for it (python -m molgun_lmp.engine.plugin_elsewhere, with the src "
            "folder of that LAMMPS) and set LAMMPS_PLUGIN_PATH, or take a LAMMPS with ML-MACE."
        )
    return "Take a LAMMPS with the packages that have them."
