"""`molgun analyse --quench`: the ends of trajectories minimised, with what each is worth against its parts.

quench/0000/000003/      the end of trajectory 000003: deck, data, log, and the minimum once it is found
quench/slab/HASH/        the slab without the molecule, as one of its snapshots has it at the start of a trajectory;
                         of a later dose, and at a covered surface, with what stood on it
quench/molecule/HASH/    the molecule alone
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from molgun_lmp.analysis.outcomes.minima import Minima, Quenched
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.analysis.outcomes.structure_at_rest import class_of_minimum
from molgun_lmp.arrays import BoolArray
from molgun_lmp.campaign.launch.minimise import Job, minimise_together
from molgun_lmp.campaign.store.campaign_folder import Store, shard_name
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.campaign.store.planned_start import Start, adsorbed, planned_start
from molgun_lmp.campaign.worker.minimise import Minimise, UnrelaxedStructure, open_minimiser
from molgun_lmp.config import Campaign
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.pools import Part
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.provenance import sha256_text
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.results.analyse import Analysis, write_outcomes
from molgun_lmp.results.decided import Ended
from molgun_lmp.results.ended import clean_surface, frames_of
from molgun_lmp.results.kept_minima import dump_of, keep_minima, minima_of
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.surface.frozen import frozen_mask

QUENCH_FOLDER: Final = "quench"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _End:
    """An end that is worth a quench, with all that it takes."""

    ended: Ended
    start: Start
    """Of the slab and the newcomer."""
    whole: Job
    slab: Job
    molecule: Job


def quench(
    store: Store, analysis: Analysis, *, workers: int = 1, advance: Callable[[int], None] | None = None
) -> Minima:
    """Minimise the end of each analysed trajectory that is near or on the surface, and its slab and molecule alone.

    Slab and molecule are those of the trajectory's own start, so that all atoms and the cell are the same on both sides
    of the difference; where dimers have flipped meanwhile, that is in the difference, too. What stood on the slab when
    the molecule came belongs to the slab: the binding energy is that of the newcomer at the surface that it met, and
    its class that of the newcomer on the slab, as of its end. Each snapshot is quenched
    once, as the first trajectory had it. What was quenched before is kept in the campaign's `quench/` and not repeated.
    Writes `quench.json`, `quench.csv` and `binding.csv` into `analysis/`, and the energies into `outcomes.csv`.
    `workers` processes share the work; `advance` is called with the number of structures done.

    Raises `InterruptedRunError` after Ctrl-C, and the same call goes on; `EngineError` where the engine does not run
    here or fails, `ModelError` for a changed model, `CampaignError` where nothing can be written.
    """
    surface, config = clean_surface(store), store.config()
    frozen = frozen_mask(store.clean_slab, surface, config.system.slab.frozen_layers)
    ends = list(_ends(store, analysis, surface, frozen))
    try:
        if workers > 1:
            jobs = {folder: structure for end in ends for folder, structure in (end.whole, end.slab, end.molecule)}
            minimise_together(store, list(jobs.items()), workers, advance)
        with open_minimiser(campaign_work(store), store.manifest.name) as minimise:
            found = [_quenched(end, minimise, surface, config, store.scheme) for end in ends]
        keep_minima(store, found)
        minima = minima_of(store, analysis.ended, found)
        write_outcomes(store, analysis.ended, minima)
    except OSError as error:
        raise CampaignError(f"cannot write to {store.root}: {error}. Make room and give the same command.") from error
    return minima


def _ends(store: Store, analysis: Analysis, surface: Surface, frozen: BoolArray) -> Iterator[_End]:
    folder, n_slab = store.root / QUENCH_FOLDER, len(frozen)
    alone: dict[tuple[Part, str], Job] = {}
    for one in analysis.ended:
        last = _last(one) if one.outcome.mode.row.quenched else None
        if last is None:
            continue
        start = planned_start(one.folder, surface, whole=True)
        met = adsorbed(one.folder, n_slab).stop
        held = np.append(frozen, np.zeros(len(start.symbols) - n_slab, dtype=np.bool_))
        whole = UnrelaxedStructure(
            what=f"the end of trajectory {one.folder.id}",
            symbols=start.symbols,
            positions=last.unwrapped,
            frozen=held,
            cell=start.cell,
        )
        parts: tuple[tuple[Part, str, slice], ...] = (
            ("slab", one.shot.slab_snapshot, slice(met)),
            ("molecule", one.shot.molecule_snapshot, slice(met, None)),
        )
        for part, snapshot, atoms in parts:
            structure = UnrelaxedStructure(
                what=f"the {part} alone",
                symbols=start.symbols[atoms],
                positions=start.positions[atoms],
                frozen=held[atoms],
                cell=start.cell,
            )
            # A folder's name for a snapshot's, whatever characters that has.
            alone.setdefault((part, snapshot), (folder / part / sha256_text(snapshot)[:16], structure))
        yield _End(
            ended=one,
            start=planned_start(one.folder, surface),
            whole=(folder / shard_name(int(one.folder.id)) / one.folder.id, whole),
            slab=alone["slab", one.shot.slab_snapshot],
            molecule=alone["molecule", one.shot.molecule_snapshot],
        )


def _quenched(end: _End, minimise: Minimise, surface: Surface, config: Campaign, scheme: OutcomeScheme) -> Quenched:
    (minimum, frame), (slab, _), (molecule, _) = (minimise(*job) for job in (end.whole, end.slab, end.molecule))
    reference = Reference.of(
        symbols=end.start.symbols,
        positions=end.start.positions,
        surface=surface,
        n_slab=len(surface.layer),
        groups=config.system.molecule.groups,
        criteria=config.outcomes,
        scheme=scheme,
    )
    others = adsorbed(end.ended.folder, len(surface.layer))
    mode, detail, reason = class_of_minimum(
        frame.without(others), reference, config.outcomes, others=frame.unwrapped[others]
    )
    return Quenched(
        trajectory_id=end.ended.folder.id,
        scheme=scheme.identity,
        mode_at_end=end.ended.outcome.mode,
        mode=mode,
        detail=detail,
        reason=reason,
        energy_ev=minimum.energy_ev,
        slab_energy_ev=slab.energy_ev,
        molecule_energy_ev=molecule.energy_ev,
        binding_energy_ev=minimum.energy_ev - slab.energy_ev - molecule.energy_ev,
        steps=minimum.steps,
        converged=minimum.converged and slab.converged and molecule.converged,
        dump=dump_of(end.ended),
    )


def _last(one: Ended) -> Frame | None:
    last = deque(frames_of(one.folder, one.result, velocities=False), maxlen=1)
    return last[0] if last and last[0].finite else None
