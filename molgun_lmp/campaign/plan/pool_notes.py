"""What `molgun plan` says of a campaign's pools and grid: what shots will share, and how well anything can be known."""

from typing import Final

import numpy as np
from scipy.spatial.distance import pdist

from molgun_lmp.analysis.statistics.sample_size import AS_DRAWN_CORRELATION, half_width
from molgun_lmp.config import Campaign
from molgun_lmp.geometry import formula_of
from molgun_lmp.gun.pools import Pool
from molgun_lmp.gun.setup import Setup

_ENDLESS: Final = 1_000_000


def shared_note(setup: Setup) -> str:
    """What the shots share of the pools."""
    shared = f"{len(setup.slab.ids)} slab snapshots"
    if not setup.molecule.is_atom:
        shared = f"{len(setup.slab.ids)} slab and {len(setup.molecule.ids)} molecule snapshots"
    return (
        f"{setup.campaign.trajectories} shots draw from {shared}; shots that share one are not independent, and the "
        "intervals to quote take that into account."
    )


def pool_notes(setup: Setup, slabs: Pool, molecules: Pool) -> tuple[str, str]:
    """What each pool holds: how many snapshots of how many equilibration runs, of which atoms, and what surface."""
    molecule = f"{_held('molecule', molecules)}."
    if setup.molecule.is_atom:
        atom = molecules.symbols[0]
        molecule = f"The projectile is an atom, {atom}: it has one state, and nothing to turn or to equilibrate."
    if setup.campaign.system.molecule.isotopes:
        molecule += f" Atom types, with its isotopes: {setup.types.in_words()}."
    return f"{_held('slab', slabs)} ({setup.slab.surface.in_words()}).", molecule


def _held(part: str, pool: Pool) -> str:
    if pool.runs is None:
        whence = " (the file does not say of which equilibration runs)"
    else:
        runs = len(set(pool.runs))
        whence = f" of {runs} equilibration run{'' if runs == 1 else 's'}"
    return (
        f"The {part} pool holds {len(pool)} snapshot{'' if len(pool) == 1 else 's'}{whence}: {formula_of(pool.symbols)}"
    )


def grid_notes(campaign: Campaign) -> tuple[str, ...]:
    """How many shots each point of a grid gets."""
    if campaign.gun.grid is None:
        return ()
    points = campaign.gun.points
    each, more = divmod(campaign.trajectories, len(points))
    first = f", the first {more} one more" if more else ""
    return (
        f"gun.grid: {len(points)} points ({'; '.join(map(str, points))}) get {each} of {campaign.trajectories} shots "
        f"each{first}. Shot k of every point starts from the same snapshots, place, orientation and azimuth.",
    )


def image_notes(setup: Setup, cutoff_angstrom: float) -> tuple[str, ...]:
    """Of a molecule that the model lets feel its own lateral images, where the cell is so narrow."""
    widest = max(float(pdist(one).max(initial=0.0)) for one in setup.molecule.positions)
    period = float(np.linalg.norm(setup.lattice.vectors, axis=1).min())
    closest = period - widest
    if closest >= cutoff_angstrom:
        return ()
    lying = (
        f"The atom's periodic images are {period:.1f} Å away"
        if setup.molecule.is_atom
        else f"The molecule is up to {widest:.1f} Å long and its periodic images are {period:.1f} Å apart: lying along "
        f"that direction it comes within {max(0.0, closest):.1f} Å of them"
    )
    return (
        f"{lying}, and the model feels {cutoff_angstrom:g} Å far. "
        f"Only starts within gun.min_distance_angstrom ({setup.campaign.gun.min_distance_angstrom:g}) are refused; in "
        "others the molecule meets copies of itself. A larger slab (system.slab) keeps them apart.",
    )


def orientation_notes(setup: Setup, molecules: Pool) -> tuple[str, ...]:
    """Of molecules that are fired as drawn: how many equilibration runs they are of, and what that is worth."""
    if setup.campaign.gun.orientation != "as_drawn" or setup.molecule.is_atom:
        return ()
    runs = len(set(setup.molecule.runs))
    if molecules.runs is None:
        whose = (
            f"{molecules.source} does not say which equilibration run each snapshot was taken from: they count as one "
            "run. Write `run=0`, `run=1`, ... into its header lines (extended XYZ) if they are of several"
        )
    else:
        whose = f"the {len(molecules)} molecule snapshots are of {runs} equilibration run{'' if runs == 1 else 's'}"
    if runs == 1:
        worth = "and with a single one nothing can be said of other orientations: all intervals will be 0 to 100 %"
    else:
        known = half_width(
            shots=_ENDLESS,
            fraction=0.5,
            slabs=len(setup.slab.ids),
            molecules=runs,
            correlation=AS_DRAWN_CORRELATION,
        )
        worth = (
            f"and a fraction near one half will be known to ±{100 * known:.0f} % at best, however many shots there are "
            f"(intra-cluster correlation of {AS_DRAWN_CORRELATION:g} assumed)"
        )
    return (
        "gun.orientation is `as_drawn`: snapshots of one run are turned nearly alike, so that intervals are over runs; "
        f"{whose}, {worth}. More runs (system.equilibration.runs) or `orientation: random` make them narrower.",
    )
