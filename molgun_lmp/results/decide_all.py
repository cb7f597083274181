"""All ended trajectories of a campaign decided: those that were before from memory, the others by `decide_missing`."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.import_closure import code_version
from molgun_lmp.provenance import sha256_file
from molgun_lmp.records import Outcome, TrajectoryResult
from molgun_lmp.results.decided import doses_of_a_chain, shared_run
from molgun_lmp.results.outcome_cache import FileStamp, Key, Memory, stamp

if TYPE_CHECKING:
    from molgun_lmp.surface.clean_surface import Surface

CACHE_NAME: Final = "outcomes.cache.jsonl"
_DECIDES: Final = "molgun_lmp.results.one_pass"
"""The module that decides an outcome, with all that it imports."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Known:
    """An outcome, and the key that it and its track are kept under.

    `dump_gone`: it was decided while there was a dump, which is no longer there; `earlier_code`: by other code than
    this, which cannot be repeated.
    """

    outcome: Outcome
    key: str
    dump_gone: bool
    earlier_code: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Task:
    """`key`: of its dump as it is; `before`: of the dump that is gone, where its outcome was decided from that, and
    `stands` what this is remembered under, by whichever code."""

    folder: TrajectoryFolder
    result: TrajectoryResult
    dump: FileStamp | None
    key: Key
    before: Key | None
    stands: Key | None

    @property
    def kept_under(self) -> Key:
        """What its outcome and its track are kept under."""
        return self.stands or self.key

    def known(self, outcome: Outcome) -> Known:
        """Its outcome, with where that comes from."""
        return Known(
            outcome=outcome,
            key=self.kept_under.whole,
            dump_gone=self.stands is not None,
            earlier_code=self.stands not in {None, self.before},
        )


def decide_all(
    store: Store,
    surface: "Callable[[], Surface]",
    ended: Sequence[tuple[TrajectoryFolder, TrajectoryResult]],
    *,
    processes: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> list[Known]:
    """The outcomes of ended trajectories in their order.

    What is decided anew leaves its track beside it; `surface` is asked for only then. A dump that was deleted after its
    outcome was decided by the same criteria is not missed. `processes` as in `spread`, which says what is raised,
    besides what `read_back` raises.
    """
    with Memory(store.analysis / CACHE_NAME, store.scheme) as memory:
        tasks = _tasks(store, ended, memory)
        found = {task.folder.id: memory.outcome(task.folder.id, task.kept_under) for task in tasks}
        missing = [task for task in tasks if found[task.folder.id] is None]
        done = len(tasks) - len(missing)
        if advance is not None and done:
            advance(done)
        if missing:
            from molgun_lmp.results.decide_missing import decide_missing  # noqa: PLC0415 - slow to load, and often none

            anew = decide_missing(
                store,
                surface(),
                [(task.folder, task.result, task.key.whole) for task in missing],
                size=sum(task.dump.size for task in missing if task.dump is not None),
                processes=processes,
            )
            for task, outcome in zip(missing, anew, strict=True):
                memory.add(task.key, task.dump, outcome)
                found[task.folder.id] = outcome
                done += 1
                if advance is not None:
                    advance(done)
    return [task.known(known) for task in tasks if (known := found[task.folder.id]) is not None]


def _tasks(store: Store, ended: Sequence[tuple[TrajectoryFolder, TrajectoryResult]], memory: Memory) -> list[_Task]:
    config = store.config()
    campaign = {
        "scheme": store.scheme.document,
        "criteria": config.outcomes.model_dump(mode="json"),
        "molecule": config.system.molecule.model_dump(mode="json"),
        "timestep_fs": config.dynamics.timestep_fs,
        "slab": _hash(store.slab),
        "reach": store.manifest.cutoff_angstrom,
        "doses": doses_of_a_chain(config),
    }
    code = code_version(_DECIDES)
    tasks = []
    for folder, result in ended:
        seen = memory.dump_stamp(folder.id)
        dump = stamp(folder.dump(result), seen)
        start, shot = _hash(folder.path / DATA_NAME), folder.shot()
        snapshots = [shot.slab_snapshot, shot.molecule_snapshot, shared_run(config, shot)]
        snapshots += [f"{one.dose}: {one.atoms}" for one in shot.adsorbates]
        key_of = functools.partial(
            Key.of, code=code, campaign=campaign, start=start, snapshots=snapshots, result=result.to_json()
        )
        before = key_of(seen) if dump is None and seen is not None else None
        stands = None if before is None else memory.earlier(folder.id, before.asked)
        tasks.append(_Task(folder=folder, result=result, dump=dump, key=key_of(dump), before=before, stands=stands))
    return tasks


def _hash(file: Path) -> str | None:
    """None where the file is missing, which whoever reads it says in words."""
    try:
        return sha256_file(file)
    except OSError:
        return None
