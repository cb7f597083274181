"""`molgun label`: reference energies and forces for structures, by any ASE calculator, resumable and in parallel.

The output folder holds
label.yaml       the resolved labelling file
labels.jsonl     one line for each structure as soon as it is done: its labels, or why it has none; of each share of the
                 structures that a process of its own labels labels-K-of-N.jsonl
labelled.extxyz  the structures that have labels, in their order, for `molgun train` and `molgun dataset`
processes/       where each process works and its calculator leaves files
"""

import collections
import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from molgun_lmp.training.labelling.ledger import KnownLabels, open_ledger, read_labels
from molgun_lmp.training.labelling.process import LabellingProcess
from molgun_lmp.training.labelling.settings import LabelChecks, LabellingConfig
from molgun_lmp.training.labelling.share import ALL, Share

_POLL_S: Final = 0.5
_ATTEMPTS: Final = 2
"""A structure whose process died is tried this often in one run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabellingReport:
    """What came of the structures that were given, or of one share of them."""

    labelled: int
    failed: dict[str, str]
    """Source, such as `frames.xyz#3` -> why it has no labels, or none that count."""
    repeated: int
    """Structures that were there before; each is labelled once."""
    checked_again: int
    """Labels that were computed from another start too."""
    largest_net_force_ev_per_angstrom: float
    """Of all labels: the length of the sum of the forces over the number of atoms."""
    waiting: int
    """Structures that nobody has tried yet."""
    file: Path
    """The labelled structures; of a share that is not all, where they will be."""


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
    *,
    share: Share = ALL,
) -> LabellingReport:
    """Label structures; what the folder holds already is not computed again, what failed before is tried once more.

    Labels that do not stand `config.checks` are kept in the ledger alone: with other limits they may count. Of a
    `share` nothing but the ledger is written: `gather` reads all of them.

    `on_progress` is called with the number of structures done. Raises `ConfigError` for a calculator that cannot be
    made, `TrainingError` where the folder holds labels of another method or every structure fails,
    `InterruptedRunError` after Ctrl-C or SIGTERM; finished labels stay in each case.
    """
    order = _in_order(structures)
    mine = {key: order[key] for key in share.part(list(order))}
    with open_ledger(folder, config, share) as ledger, stop_requests() as stop_requested:
        todo = collections.deque((key, item) for key, item in mine.items() if key not in ledger.known.done)
        before = len(mine) - len(todo)
        processes = folder / "processes" if share.is_all else folder / "processes" / share.name
        twice = _repeated([key for key, _ in todo], ledger.known, config.checks.repeat_every, share)
        try:
            results = _results(config, todo, processes, twice, stop_requested)
            for number, (key, _, result) in enumerate(results, start=before + 1):
                if isinstance(result, ComputedLabels):
                    ledger.add(key, result)
                else:
                    ledger.fail(key, result)
                on_progress(number)
        finally:
            report = _report(
                config, mine, ledger.known, folder, repeated=len(structures) - len(order), written=share.is_all
            )
    if stop_requested:
        raise InterruptedRunError(
            f"labelling stopped; {report.labelled} structures are labelled in {folder}. The same command goes on."
        )
    return _some(report)


def gather(config: LabellingConfig, structures: Sequence[Structure], folder: Path) -> LabellingReport:
    """Write what all shares have labelled, and compute nothing. Raises `TrainingError` where one is still at work, the
    folder holds labels of another method, or no structure has any."""
    order = _in_order(structures)
    with open_ledger(folder, config) as ledger:
        repeated = len(structures) - len(order)
        return _some(_report(config, order, ledger.known, folder, repeated=repeated, written=True))


def keys_of(structures: Sequence[Structure]) -> frozenset[str]:
    """What the different ones of the structures are known by in a labelling folder."""
    return frozenset(_in_order(structures))


def tried(keys: Collection[str], folder: Path) -> int:
    """How many of these have been tried, labelled or not, by whatever is at work there."""
    known = read_labels(folder)
    return sum(key in known.done or key in known.failed for key in keys)


def _in_order(structures: Sequence[Structure]) -> dict[str, Structure]:
    order: dict[str, Structure] = {}
    for item in structures:
        order.setdefault(geometry_digest(item).hex(), item)
    return order


def _report(
    config: LabellingConfig,
    order: Mapping[str, Structure],
    known: KnownLabels,
    folder: Path,
    *,
    repeated: int,
    written: bool,
) -> LabellingReport:
    """What is known of these structures; `written` to the file that holds what has labels."""
    labelled, refused = _judged(order, known.done, config.checks)
    target = folder / "labelled.extxyz"
    if written:
        _write(labelled, config, target)
    computed = [known.done[key] for key in order if key in known.done]
    failed = {item.source: known.failed[key] for key, item in order.items() if key in known.failed}
    return LabellingReport(
        labelled=len(labelled),
        failed=failed | refused,
        repeated=repeated,
        checked_again=sum(one.repeat is not None for one in computed),
        largest_net_force_ev_per_angstrom=max(map(net_force_ev_per_angstrom, computed), default=0.0),
        waiting=sum(key not in known.done and key not in known.failed for key in order),
        file=target,
    )


def _some(report: LabellingReport) -> LabellingReport:
    if report.failed and not report.labelled:
        source, reason = next(iter(report.failed.items()))
        raise TrainingError(f"no structure could be labelled. {source}: {reason}")
    if report.waiting and not report.labelled:
        raise TrainingError(
            f"none of the {report.waiting} structures has been labelled in {report.file.parent} yet: gather when the "
            "shares have ended, or name their folder."
        )
    return report


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


def _repeated(todo: Sequence[str], known: KnownLabels, every: int | None, share: Share) -> set[str]:
    """Which of these are labelled from another start too: by their keys, so that it is the same in any share, and the
    very first one."""
    if every is None:
        return set()
    chosen = {key for key in todo if int(key, 16) % every == 0}
    if share.number == 0 and all(one.repeat is None for one in known.done.values()):
        chosen |= set(todo[:1])
    return chosen


def _results(
    config: LabellingConfig,
    todo: collections.deque[tuple[str, Structure]],
    folder: Path,
    twice: Collection[str],
    stop_requested: Sequence[int],
) -> Iterator[tuple[str, Structure, ComputedLabels | Failure]]:
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
                process.give(item.atoms(), twice=key in twice)
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
