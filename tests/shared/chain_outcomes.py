"""Chains of doses as the analysis sees them, made by random sequential adsorption on top of a slab's atoms."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from outcome_cases import outcome_of

from molgun_lmp.dosing_records import Change, DoseEnd, DoseEvent, Hold, MoleculeEnd
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome
from molgun_lmp.surface.clean_surface import Surface


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fates:
    """Classes of a scheme for what the slab binds, for what has left, and for what lies on others."""

    bound: Mode
    left: Mode
    near: Mode


def molecule(dose: int, fates: Fates, surface: Surface, site: int | None, hold: Hold, *, new: bool) -> MoleculeEnd:
    """One on top of a slab atom, or nowhere."""
    x, y, _ = surface.positions[0 if site is None else site].tolist()
    mode = {Hold.SURFACE: fates.bound, Hold.AWAY: fates.left}.get(hold, fates.near)
    return MoleculeEnd(
        dose=dose,
        mode_at_start=fates.left if new else mode,
        mode=mode,
        detail="",
        hold_at_start=Hold.AWAY if new else hold,
        hold=hold,
        site_at_start="" if new or site is None else "on top",
        site="" if site is None else "on top",
        place_at_start_angstrom=(x, y),
        place_angstrom=(x, y),
        bonded_to=(),
        reason="",
    )


def chains(
    surface: Surface, fates: Fates, *, number: int, doses: int, rng: np.random.Generator, second_layer: float = 0.3
) -> Iterator[Outcome]:
    """Each molecule goes for an atom of the top layer: it is bound there where neither that nor a neighbour has one, or
    stays on top of the others for a while, or leaves. What was in a second layer is gone at the next dose."""
    top = np.flatnonzero(surface.top)
    for chain in range(number):
        there: list[tuple[int, int]] = []
        for dose in range(doses):
            aimed = int(rng.choice(top))
            kept = [molecule(came, fates, surface, site, Hold.SURFACE, new=False) for came, site in there]
            free = not any(site == aimed or surface.adjacent[site, aimed] for _, site in there)
            hold = Hold.SURFACE if free else Hold.SECOND_LAYER if rng.random() < second_layer else Hold.AWAY
            new = molecule(dose, fates, surface, aimed if free else None, hold, new=True)
            hit = next((came for came, site in there if site == aimed), None)
            events = (
                [] if hit is None else [DoseEvent(dose=hit, change=Change.REACTED, time_ps=0.5, other=dose, detail="")]
            )
            index = chain * doses + dose
            yield dataclasses.replace(
                outcome_of(index, new.mode, slab=chain, stuck=free),
                company=DoseEnd(molecules=(*kept, new), events=tuple(events)),
            )
            there += [(dose, aimed)] if free else []
