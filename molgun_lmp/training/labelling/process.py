"""A process that labels structures with an ASE calculator, apart from ours: it may crash, hang or leave files."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from ase import Atoms

from molgun_lmp.errors import ConfigError
from molgun_lmp.processes import thread_environment
from molgun_lmp.training.labelling.calculators import ComputedLabels, Failure, compute_labels, make_calculator
from molgun_lmp.training.labelling.settings import LabellingConfig


def serve(connection: Connection, name: str, options: Mapping[str, Any], folder: Path) -> None:
    """Label what comes through `connection` until it closes: the main function of a labelling process.

    It works in `folder`, where calculators may leave files, and leads a process group of its own, so that a program
    that the calculator started ends with it and Ctrl-C reaches the parent alone.
    """
    os.setsid()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    try:
        calculator = make_calculator(name, options)
    except ConfigError as error:
        connection.send(Failure(reason=str(error), fatal=True))
        return
    with suppress(EOFError, BrokenPipeError):  # the parent is gone
        while True:
            atoms = connection.recv()
            result = compute_labels(calculator, atoms)
            if isinstance(result, Failure):
                # Calculators start from the electrons of the structure before. After a failure these are not worth
                # keeping, and without them this structure may succeed.
                calculator = make_calculator(name, options)
                result = compute_labels(calculator, atoms)
                if isinstance(result, Failure):
                    calculator = make_calculator(name, options)
            connection.send(result)


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
        if self._process.is_alive() and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            self._process.terminate()  # before it leads its group
            self._process.join(5)
            if self._process.is_alive():
                self._process.kill()
        self._process.join()

    def restart(self) -> None:
        """End it and start another in its place."""
        self._end()
        self._start()

    def give(self, atoms: Atoms) -> None:
        """Let it label a structure; `take` fetches the answer."""
        bare = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        with suppress(BrokenPipeError):  # a dead process is found when its answer does not come
            self.connection.send(bare)

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
