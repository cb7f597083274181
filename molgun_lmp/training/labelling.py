"""`molgun label`: reference energies and forces for structures, by any ASE calculator, resumable and in parallel.

The output folder holds
label.yaml       the resolved labelling file
labels.jsonl     one line for each structure as soon as it is done: its labels, or why it has none
labelled.extxyz  the structures that have labels, in their order, for `molgun train` and `molgun dataset`
processes/       where each process works and its calculator leaves files
"""

import collections
import dataclasses
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import wait
from pathlib import Path
from typing import Final

import numpy as np
from ase import Atoms
from ase.io import iread, write

from molgun_lmp.errors import ConfigError, InputFileError, InterruptedRunError, TrainingError
from molgun_lmp.interrupts import stop_requests
from molgun_lmp.training.calculators import Failure, Labels
from molgun_lmp.training.label_ledger import Ledger, open_ledger
from molgun_lmp.training.label_settings import LabellingConfig
from molgun_lmp.training.labelling_process import LabellingProcess
from molgun_lmp.training.mace_options import ENERGY_KEY, FORCES_KEY

_POLL_S: Final = 0.5
_ATTEMPTS: Final = 2
"""A structure whose process died is tried this often in one run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabellingReport:
    """What came of the structures that were given."""

    labelled: int
    failed: dict[str, str]
    """Source, such as `frames.xyz#3` -> why it has no labels."""
    repeated: int
    """Structures that were there before; each is labelled once."""
    file: Path
    """The labelled structures."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unlabelled:
    """A structure to label. `key` is a hash of its geometry."""

    atoms: Atoms
    source: str
    key: str


def read_structures(files: Sequence[Path]) -> list[Unlabelled]:
    """Every structure of the files (anything ASE reads). Raises `InputFileError`."""
    found: list[Unlabelled] = []
    for file in files:
        try:
            for index, atoms in enumerate(iread(str(file), index=":")):
                atoms.info.setdefault("trajectory", file.name)
                found.append(Unlabelled(atoms=atoms, source=f"{file.name}#{index}", key=geometry_key(atoms)))
        except Exception as error:  # ASE's readers raise anything for what they cannot parse
            raise InputFileError(f"{file} cannot be read as structures: {type(error).__name__}: {error}") from error
    if not found:
        raise InputFileError("there is no structure to label. Name files that hold some.")
    return found


def geometry_key(atoms: Atoms) -> str:
    """A hash that two structures share when elements, cell, periodicity and positions (to 1e-6 Å) are the same."""
    digest = hashlib.sha256(atoms.numbers.astype("<i4").tobytes())
    for array in (atoms.positions, np.array(atoms.cell), atoms.pbc.astype(float)):
        digest.update((np.round(array, 6) + 0.0).tobytes())  # + 0.0 makes -0.0 and 0.0 one
    return digest.hexdigest()[:32]


def label(
    config: LabellingConfig,
    structures: Sequence[Unlabelled],
    folder: Path,
    on_progress: Callable[[int], None] = lambda done: None,
) -> LabellingReport:
    """Label structures; what the folder holds already is not computed again, what failed before is tried once more.

    `on_progress` is called with the number of structures done. Raises `ConfigError` for a calculator that cannot be
    made, `TrainingError` where the folder holds labels of another method or every structure fails,
    `InterruptedRunError` after Ctrl-C or SIGTERM; finished labels stay in each case.
    """
    unique = {item.key: item for item in reversed(structures)}
    order = [item for item in structures if unique[item.key] is item]
    with open_ledger(folder, config) as ledger, stop_requests() as asked:
        done = ledger.done
        todo = collections.deque(item for item in order if item.key not in done)
        failed: dict[str, str] = {}
        try:
            for item, result in _results(config, todo, folder / "processes", asked):
                if isinstance(result, Labels):
                    ledger.add(item.key, result)
                else:
                    failed[item.source] = result.reason
                    ledger.fail(item.key, result)
                on_progress(len(done) + len(failed))
        finally:
            labelled = [item for item in order if item.key in done]
            target = folder / "labelled.extxyz"
            _write(labelled, ledger, config, target)
    if asked:
        raise InterruptedRunError(
            f"labelling stopped; {target} holds {len(labelled)} labelled structures. The same command goes on."
        )
    if failed and not labelled:
        source, reason = next(iter(failed.items()))
        raise TrainingError(f"no structure could be labelled. {source}: {reason}")
    return LabellingReport(labelled=len(labelled), failed=failed, repeated=len(structures) - len(order), file=target)


def _results(
    config: LabellingConfig, todo: collections.deque[Unlabelled], folder: Path, asked: Sequence[int]
) -> Iterator[tuple[Unlabelled, Labels | Failure]]:
    attempts: collections.Counter[str] = collections.Counter()
    busy: dict[object, tuple[LabellingProcess, Unlabelled]] = {}
    with ExitStack() as processes:
        idle = [
            processes.enter_context(LabellingProcess(config, folder / str(n)))
            for n in range(min(config.workers, len(todo)))
        ]
        while (todo or busy) and not asked:
            while idle and todo:
                process, item = idle.pop(0), todo.popleft()
                process.give(item.atoms)
                busy[process.connection] = (process, item)
            for connection in wait([process.connection for process, _ in busy.values()], _POLL_S):
                process, item = busy.pop(connection)
                result = process.take()
                if result is None:
                    process.restart()
                    attempts[item.key] += 1
                    if attempts[item.key] < _ATTEMPTS:
                        todo.append(item)
                    else:
                        yield item, Failure(reason=f"the process that labelled it died {_ATTEMPTS} times")
                elif isinstance(result, Failure) and result.fatal:
                    raise ConfigError(result.reason)
                else:
                    yield item, result
                idle.append(process)


def _write(labelled: Sequence[Unlabelled], ledger: Ledger, config: LabellingConfig, target: Path) -> None:
    aside = target.with_name(f".{target.name}")
    frames = (_labelled(item, ledger.done[item.key], config) for item in labelled)
    first = next(frames, None)
    if first is None:
        return
    with aside.open("w", encoding="utf-8") as handle:
        for atoms in itertools.chain([first], frames):
            write(handle, atoms, format="extxyz")
    aside.replace(target)


def _labelled(item: Unlabelled, labels: Labels, config: LabellingConfig) -> Atoms:
    atoms = Atoms(item.atoms.numbers, positions=item.atoms.positions, cell=item.atoms.cell, pbc=item.atoms.pbc)
    kept = {key: value for key, value in item.atoms.info.items() if key in ("config_type", "trajectory", "step")}
    atoms.info = {**kept, "level_of_theory": config.level_of_theory, ENERGY_KEY: labels.energy_ev}
    atoms.set_array(FORCES_KEY, labels.forces)
    return atoms
