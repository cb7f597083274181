"""Do shots last long enough to reach the surface?"""

from typing import Final

import numpy as np

from molgun_lmp.gun.cell import contact_clearance
from molgun_lmp.gun.kicks import draw_kick
from molgun_lmp.gun.setup import Setup

_KICKS: Final = 200
"""Of each point of the gun's grid: enough for a median."""
_FEW: Final = 0.5
"""Of the shots: some of a thermal beam are always too slow."""


def flight_notes(setup: Setup) -> list[str]:
    """In a sentence, where half of the shots end before they could be in contact; none elsewhere.

    Kicks are drawn as the gun draws them, and fly on without a force: the surface attracts in the last few ångströms
    only. In a chain of doses a molecule starts above the highest one that stands there, and may pass beside it.
    """
    campaign, molecule = setup.campaign, setup.molecule
    gun, dynamics = campaign.gun, campaign.dynamics
    height = gun.start.angstrom - molecule.radius if gun.start.kind == "height" else gun.start.angstrom
    if gun.skip_free_flight:
        height = min(height, max(contact_clearance(setup.cutoff_angstrom), gun.min_distance_angstrom))
    ahead = max(0.0, height - campaign.outcomes.contact_angstrom)
    rng = np.random.default_rng(0)
    speeds = [
        -draw_kick(kick, molecule.mass_u, len(molecule.symbols), rng)[2] for kick in setup.kicks for _ in range(_KICKS)
    ]

    def said(way: float, to: str, shots: str) -> list[str]:
        flights_ps = way / np.maximum(speeds, 1e-6)
        in_time = float((flights_ps < dynamics.duration_ps).mean())
        if in_time > _FEW:
            return []
        return [
            f"WARNING: a shot lasts {dynamics.duration_ps:.3g} ps (dynamics.steps, dynamics.timestep_fs in fs), and "
            f"the median flight {to} {np.median(flights_ps):.2g} ps: {100 * (1 - in_time):.0f} % of {shots} would end "
            "before they reach it."
        ]

    found = said(ahead, "to the surface", "the shots")
    if not found and campaign.dose is not None and campaign.dose.molecules > 1:
        upright = 2.0 * molecule.radius
        to = f"to the surface beside a molecule that stands there (up to {upright:.1f} Å longer)"
        return said(ahead + upright, to, "the shots that pass one")
    return found
