"""`molgun label`: reference energies and forces for structures, by any ASE calculator, resumable and in parallel.

The output folder holds
label.yaml       the resolved labelling file
labels.jsonl     one line for each structure as soon as it is done: its labels, or why it has none
labelled.extxyz  the structures that have labels, in their order, for `molgun train` and `molgun dataset`
processes/       where each process works and its calculator leaves files
"""

import collections
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.connection import wait
from pathlib import Path
from typing import Final

from ase import Atoms
from ase.io import write

from molgun_lmp.atomic_files import write_whole
from molgun_lmp.errors import ConfigError, InputFileError, InterruptedRunError, TrainingError
from molgun_lmp.geometry import geometry_digest
from molgun_lmp.processes import stop_requests
from molgun_lmp.training.dataset.label_keys import ENERGY_KEY, FORCES_KEY
from molgun_lmp.training.dataset.structures import Structure, structures_of
from molgun_lmp.training.labelling.calculators import ComputedLabels, Failure
from molgun_lmp.training.labelling.checks import net_force_ev_per_angstrom, refusal
from molgun_lmp.training.labelling.ledger import open_ledger
from molgun_lmp.training.labelling.process import LabellingProcess
from molgun_lmp.training.labelling.settings import LabelChecks, LabellingConfig

_POLL_S: Final = 0.5
_ATTEMPTS: Final = 2
"""A structure whose process died is tried this often in one run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabellingReport:
    """What came of the structures that were given."""

    labelled: int
    failed: dict[str, str]
    """Source, such as `frames.xyz#3` -> why it has no labels, or none that count."""
    repeated: int
    """Structures that were there before; each is labelled once."""
    checked_again: int
    """Labels that were computed from another start too."""
    largest_net_force_ev_per_angstrom: float
    """Of all labels: the length of the sum of the forces over the number of atoms."""
    file: Path
    """The labelled structures."""


def read_structures(files: Sequence[Path]) -> list[Structure]:
    """Every structure of the files, folders and archives of frames, and dumps. Raises `InputFileError`."""
    found = list(structures_of(*files)) if files else []
    if not found:
        raise InputFileError(f"no structure to label in {', '.join(map(str, files))}. Name files that hold some.")
    return found


def label(
    config: LabellingConfig,
    structures: Sequence[Structure],
    folder: Path,
    on_progress: Callable[[int], None] = lambda done: None,
) -> LabellingReport:
    """Label structures; what the folder holds already is not computed again, what failed before is tried once more.

    Labels that do not stand `config.checks` are kept in the ledger alone: with other limits they may count.

    `on_progress` is called with the number of structures done. Raises `ConfigError` for a calculator that cannot be
    made, `TrainingError` where the folder holds labels of another method or every structure fails,
    `InterruptedRunError` after Ctrl-C or SIGTERM; finished labels stay in each case.
    """
    order: dict[str, Structure] = {}
    for item in structures:
        order.setdefault(geometry_digest(item).hex(), item)
    with open_ledger(folder, config) as ledger, stop_requests() as stop_requested:
        done = ledger.done
        todo = collections.deque((key, item) for key, item in order.items() if key not in done)
        before = len(order) - len(todo)
        failed: dict[str, str] = {}
        try:
            results = _results(config, todo, folder / "processes", itertools.count(len(done)), stop_requested)
            for number, (key, item, result) in enumerate(results, start=before + 1):
                if isinstance(result, ComputedLabels):
                    ledger.add(key, result)
                else:
                    failed[item.source] = result.reason
                    ledger.fail(key, result)
                on_progress(number)
        finally:
            labelled, refused = _judged(order, done, config.checks)
            target = folder / "labelled.extxyz"
            _write(labelled, config, target)
    if stop_requested:
        raise InterruptedRunError(
            f"labelling stopped; {target} holds {len(labelled)} labelled structures. The same command goes on."
        )
    failed |= refused
    if failed and not labelled:
        source, reason = next(iter(failed.items()))
        raise TrainingError(f"no structure could be labelled. {source}: {reason}")
    computed = [done[key] for key in order if key in done]
    return LabellingReport(
        labelled=len(labelled),
        failed=failed,
        repeated=len(structures) - len(order),
        checked_again=sum(one.repeat is not None for one in computed),
        largest_net_force_ev_per_angstrom=max(map(net_force_ev_per_angstrom, computed), default=0.0),
        file=target,
    )


def _judged(
    order: Mapping[str, Structure], done: Mapping[str, ComputedLabels], checks: LabelChecks
) -> tuple[list[tuple[Structure, ComputedLabels]], dict[str, str]]:
    """The structures whose labels count, and the source of each other one with why."""
    labelled, refused = [], {}
    for key, item in order.items():
        if key in done:
            why = refusal(done[key], checks)
            if why is None:
                labelled.append((item, done[key]))
            else:
                refused[item.source] = why
    return labelled, refused


def _results(
    config: LabellingConfig,
    todo: collections.deque[tuple[str, Structure]],
    folder: Path,
    turns: Iterator[int],
    stop_requested: Sequence[int],
) -> Iterator[tuple[str, Structure, ComputedLabels | Failure]]:
    every = config.checks.repeat_every
    attempts: collections.Counter[str] = collections.Counter()
    busy: dict[object, tuple[LabellingProcess, str, Structure]] = {}
    with ExitStack() as processes:
        idle = [
            processes.enter_context(LabellingProcess(config, folder / str(n)))
            for n in range(min(config.workers, len(todo)))
        ]
        while (todo or busy) and not stop_requested:
            while idle and todo:
                process, (key, item) = idle.pop(0), todo.popleft()
                process.give(item.atoms(), twice=every is not None and next(turns) % every == 0)
                busy[process.connection] = (process, key, item)
            for connection in wait([process.connection for process, _, _ in busy.values()], _POLL_S):
                process, key, item = busy.pop(connection)
                result = process.take()
                if result is None:
                    process.restart()
                    attempts[key] += 1
                    if attempts[key] < _ATTEMPTS:
                        todo.append((key, item))
                    else:
                        yield key, item, Failure(reason=f"the process that labelled it died {_ATTEMPTS} times")
                elif isinstance(result, Failure) and result.fatal:
                    raise ConfigError(result.reason)
                else:
                    yield key, item, result
                idle.append(process)


def _write(labelled: Sequence[tuple[Structure, ComputedLabels]], config: LabellingConfig, target: Path) -> None:
    if not labelled:
        return
    with write_whole(target) as written, written.open("w", encoding="utf-8") as handle:
        for structure, labels in labelled:
            write(handle, _labelled(structure, labels, config), format="extxyz")


def _labelled(structure: Structure, labels: ComputedLabels, config: LabellingConfig) -> Atoms:
    atoms = structure.atoms()
    atoms.info = {
        "config_type": structure.config_type,
        "trajectory": structure.trajectory,
        "source": structure.source,
        "level_of_theory": config.level_of_theory,
        ENERGY_KEY: labels.energy_ev,
    }
    atoms.set_array(FORCES_KEY, labels.forces)
    return atoms
