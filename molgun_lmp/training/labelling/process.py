"""A process that labels structures with an ASE calculator, apart from ours: it may crash, hang or leave files."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Self

from ase import Atoms

from molgun_lmp.errors import ConfigError
from molgun_lmp.processes import thread_environment
from molgun_lmp.training.labelling.calculators import (
    ComputedLabels,
    Failure,
    another_start,
    compute_labels,
    make_calculator,
    with_repeat,
)
from molgun_lmp.training.labelling.settings import LabellingConfig

_GRACE_S: Final = 5.0
"""What a process gets to end in after it was asked to."""


def serve(connection: Connection, name: str, options: Mapping[str, Any], folder: Path) -> None:
    """Label what comes through `connection` until it closes: the main function of a labelling process.

    It works in `folder`, where calculators may leave files, and leads a process group of its own, so that a program
    that the calculator started ends with it and Ctrl-C reaches the parent alone. The group also ends with the parent,
    however that ends.
    """
    os.setsid()
    threading.Thread(target=_end_with_parent, name="end with the parent", daemon=True).start()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    try:
        calculator = make_calculator(name, options)
    except ConfigError as error:
        connection.send(Failure(reason=str(error), fatal=True))
        return
    with suppress(EOFError, BrokenPipeError):  # the parent is gone
        while True:
            atoms, twice = connection.recv()
            result = compute_labels(calculator, atoms)
            if isinstance(result, Failure) and not getattr(calculator, "starts_afresh", False):
                # Calculators start from the electrons of the structure before. After a failure these are not worth
                # keeping, and without them this structure may succeed.
                calculator = make_calculator(name, options)
                result = compute_labels(calculator, atoms)
                if isinstance(result, Failure):
                    calculator = make_calculator(name, options)
            if twice and isinstance(result, ComputedLabels):
                result = with_repeat(result, compute_labels(another_start(calculator, name, options), atoms))
            connection.send(result)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGTERM)


def _signal_group(leader: int, number: int) -> bool:
    """Whether the process group was there to get the signal (0: none is sent)."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return False
    return True


class LabellingProcess:
    """One labelling process; a context that ends it, with whatever its calculator started."""

    def __init__(self, config: LabellingConfig, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, far_end = context.Pipe()
        self._process = context.Process(
            target=serve,
            args=(far_end, self._config.calculator, self._config.options, self._folder),
            daemon=True,
        )
        with _environment(thread_environment(self._config.threads)):
            self._process.start()
        far_end.close()  # so that the process's death is seen

    def _end(self) -> None:
        self.connection.close()
        leader = self._process.pid
        if leader is not None:
            _signal_group(leader, signal.SIGTERM)
            self._process.terminate()  # before it leads its group
            self._process.join(_GRACE_S)
            # What it started outlives it where it was killed, or needs a moment to end its own processes (mpirun).
            late = time.monotonic() + _GRACE_S
            while _signal_group(leader, 0) and time.monotonic() < late:
                time.sleep(0.02)
            _signal_group(leader, signal.SIGKILL)
            if self._process.is_alive():
                self._process.kill()
        self._process.join()

    def restart(self) -> None:
        """End it and start another in its place."""
        self._end()
        self._start()

    def give(self, atoms: Atoms, *, twice: bool) -> None:
        """Let it label a structure, from another start too if `twice`; `take` fetches the answer."""
        bare = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        with suppress(BrokenPipeError):  # a dead process is found when its answer does not come
            self.connection.send((bare, twice))

    def take(self) -> ComputedLabels | Failure | None:
        """Its answer; None where it died."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            return None
        return answer if isinstance(answer, ComputedLabels | Failure) else None


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Variables that a process started here inherits: libraries read them before any code of ours runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
