"""`molgun analyse --quench`: the ends of trajectories minimised, with what each is worth against its parts.

quench/0000/000003/      the end of trajectory 000003: deck, data, log, and the minimum once it is found
quench/slab/HASH/        the slab alone, as one of its snapshots has it at the start of a trajectory
quench/molecule/HASH/    the molecule alone
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import ase.io
import numpy as np

from molgun_lmp.analysis.dumps import Frame
from molgun_lmp.analysis.following import Reference
from molgun_lmp.analysis.outcomes import DAMAGED, STUCK
from molgun_lmp.analysis.quench import (
    Minimum,
    Quenched,
    binding_by_mode,
    class_of_minimum,
    write_binding,
    write_quenched,
)
from molgun_lmp.campaign.analysing import Analysis, Ended, Start, clean_surface, frames_of, planned_start
from molgun_lmp.campaign.minimising import Minimise, Structure, open_minimiser
from molgun_lmp.campaign.opening import campaign_work
from molgun_lmp.campaign.store import Store, shard_name
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.frozen import BoolArray, frozen_mask
from molgun_lmp.gun.pools import Part
from molgun_lmp.gun.surface import Surface
from molgun_lmp.provenance import sha256_text
from molgun_lmp.records import Mode

QUENCH_FOLDER: Final = "quench"
QUENCH_CSV: Final = "quench.csv"
BINDING_CSV: Final = "binding.csv"
WORTH_QUENCHING: Final = (STUCK | DAMAGED | {Mode.PHYSISORBED, Mode.UNDECIDED}) - {Mode.EXPLOSION}
"""Ends of these modes are quenched; a molecule that flies or has left falls nowhere."""


def quench(store: Store, analysis: Analysis, advance: Callable[[int], None] | None = None) -> tuple[Quenched, ...]:
    """Minimise the end of each analysed trajectory that is near or on the surface, and its slab and molecule alone.

    Slab and molecule are those of the trajectory's own start, so that all atoms and the cell are the same on both sides
    of the difference; where dimers have flipped meanwhile, that is in the difference, too. What was quenched before is
    kept in the campaign's `quench/` and not repeated. Writes `quench.csv` and `binding.csv` into `analysis/`. `advance`
    is called with the number of trajectories done.

    Raises `InterruptedRunError` after Ctrl-C, and the same call goes on; `EngineError` where the engine does not run
    here or fails, `ModelError` for a changed model, `CampaignError` where nothing can be written.
    """
    surface = clean_surface(store)
    frozen = frozen_mask(ase.io.read(store.slab, format="extxyz"), store.config().system.slab.frozen_layers)
    ends = [one for one in analysis.ended if one.outcome.mode in WORTH_QUENCHING]
    found = []
    try:
        with open_minimiser(campaign_work(store), store.manifest.name) as minimise:
            alone = _Alone(store.root / QUENCH_FOLDER, frozen, minimise)
            for one in ends:
                quenched = _quenched(store, one, surface, alone, minimise)
                if quenched is not None:
                    found.append(quenched)
                if advance is not None:
                    advance(len(found))
        write_quenched(found, store.analysis / QUENCH_CSV)
        write_binding(binding_by_mode(found), store.analysis / BINDING_CSV)
    except OSError as error:
        raise CampaignError(f"cannot write to {store.root}: {error}. Make room and give the same command.") from error
    return tuple(found)


class _Alone:
    """Minima of slab and molecule alone: one of each snapshot, however the trajectories turned and aimed it."""

    def __init__(self, folder: Path, frozen: BoolArray, minimise: Minimise) -> None:
        self.folder = folder
        self.frozen = frozen
        self._minimise = minimise
        self._known: dict[tuple[Part, str], Minimum] = {}

    def minimum(self, part: Part, snapshot: str, start: Start) -> Minimum:
        """Of a snapshot, from the start of a trajectory that used it; the first one that asks decides."""
        if (part, snapshot) not in self._known:
            n_slab = len(self.frozen)
            atoms = slice(n_slab) if part == "slab" else slice(n_slab, None)
            structure = Structure(
                what=f"the {part} alone",
                symbols=start.symbols[atoms],
                positions=start.positions[atoms],
                frozen=self.frozen if part == "slab" else np.zeros(len(start.symbols) - n_slab, dtype=np.bool_),
                cell=start.cell,
            )
            # A folder's name for a snapshot's, whatever characters that has.
            folder = self.folder / part / sha256_text(snapshot)[:16]
            self._known[part, snapshot], _ = self._minimise(folder, structure)
        return self._known[part, snapshot]


def _quenched(store: Store, one: Ended, surface: Surface, alone: _Alone, minimise: Minimise) -> Quenched | None:
    last = _last(one)
    if last is None:
        return None
    start, n_slab = planned_start(one.folder, surface), len(alone.frozen)
    end = Structure(
        what=f"the end of trajectory {one.folder.id}",
        symbols=start.symbols,
        positions=last.unwrapped,
        frozen=np.append(alone.frozen, np.zeros(len(start.symbols) - n_slab, dtype=np.bool_)),
        cell=start.cell,
    )
    minimum, frame = minimise(alone.folder / shard_name(int(one.folder.id)) / one.folder.id, end)
    slab = alone.minimum("slab", one.shot.slab_snapshot, start)
    molecule = alone.minimum("molecule", one.shot.molecule_snapshot, start)
    config = store.config()
    reference = Reference.of(
        symbols=start.symbols,
        positions=start.positions,
        surface=surface,
        n_slab=n_slab,
        groups=config.system.molecule.groups,
        criteria=config.outcomes,
    )
    mode, detail, reason = class_of_minimum(frame, reference, config.outcomes)
    return Quenched(
        trajectory_id=one.folder.id,
        mode_at_end=one.outcome.mode,
        mode=mode,
        detail=detail,
        reason=reason,
        energy_ev=minimum.energy_ev,
        slab_energy_ev=slab.energy_ev,
        molecule_energy_ev=molecule.energy_ev,
        binding_energy_ev=minimum.energy_ev - slab.energy_ev - molecule.energy_ev,
        steps=minimum.steps,
        converged=minimum.converged and slab.converged and molecule.converged,
    )


def _last(one: Ended) -> Frame | None:
    last = deque(frames_of(one.folder, one.result), maxlen=1)
    return last[0] if last and np.isfinite(last[0].positions).all() else None
