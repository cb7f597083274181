"""When a molecule has settled: long enough in one bound class, and no warmer than the slab."""

from collections.abc import Iterator

import numpy as np
import paper_classes as paper
import pytest
from adsorption_cases import CASES, CRITERIA, SLAB, SURFACE, SYMBOLS, Case, molecule, reference_of

from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.analysis.outcomes.settling import SettlingObserver
from molgun_lmp.analysis.outcomes.slab_state import SlabState
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import SettledRule
from molgun_lmp.isotopes import standard_masses_u
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.units import BOLTZMANN_EV_PER_K, MVV_TO_EV

ALL = (*SLAB.get_chemical_symbols(), *SYMBOLS)
MASSES = standard_masses_u(ALL)
REFERENCE = Reference(
    symbols=ALL,
    n_slab=len(SLAB),
    surface=SURFACE,
    molecule=reference_of(Case(slab=SLAB, molecule=molecule()), SURFACE),
    limits=BondLimits.of(SYMBOLS, SLAB.get_chemical_symbols(), CRITERIA),
    scheme=paper.SCHEME,
    numbers={"max_fragments": CRITERIA.max_fragments},
    slab_state=SlabState.of(SURFACE, CRITERIA),
)
ON_TOP, BRIDGE, GONE = CASES["OT-CY"][0], CASES["BR-CY"][0], molecule()
RULE = SettledRule(after_ps=1.0, excess_k=100.0)
Stage = tuple[FloatArray, float, int]


def velocities(molecule_k: float, slab_k: float) -> FloatArray:
    """(N, 3) Å/ps: every atom along x, with the kinetic energy of its temperature."""
    temperature = np.where(np.arange(len(ALL)) < len(SLAB), slab_k, molecule_k)
    speeds = np.sqrt(3 * BOLTZMANN_EV_PER_K * temperature / (MASSES * MVV_TO_EV))
    return np.stack([speeds, 0 * speeds, 0 * speeds], axis=1)


def frames(*stages: Stage) -> Iterator[Frame]:
    """Each structure at a temperature for so many frames, 20 fs apart; the slab is at 300 K."""
    every = [(positions, kelvin) for positions, kelvin, number in stages for _ in range(number)]
    for index, (positions, kelvin) in enumerate(every):
        yield Frame(
            step=40 * index,
            symbols=ALL,
            positions=np.vstack([SLAB.positions, positions]),
            images=None,
            velocities=velocities(kelvin, 300.0),
            cell=np.array(SLAB.cell[:]),
            origin=np.zeros(3),
            pbc=(True, True, True),
        )


def settled(*stages: Stage, rule: SettledRule = RULE) -> int | None:
    """The frame at which it had settled."""
    frozen = np.zeros(len(SLAB), dtype=np.bool_)
    frozen[:4] = True
    observer = SettlingObserver("t", rule, REFERENCE, CRITERIA, mobile=~frozen, masses_u=MASSES, timestep_fs=0.5)
    for frame in frames(*stages):
        observer.frame(frame)
    return None if observer.step is None else observer.step // 40


@pytest.mark.parametrize(
    ("stages", "frame"),
    [
        (((GONE, 900.0, 10), (ON_TOP, 350.0, 80)), 60),
        (((GONE, 900.0, 80),), None),
        (((GONE, 300.0, 80),), None),
        (((GONE, 900.0, 10), (ON_TOP, 350.0, 49)), None),
        # The mean over the last picosecond: 51 frames, 17 of them with 290 K too much.
        (((GONE, 900.0, 10), (ON_TOP, 590.0, 60), (ON_TOP, 300.0, 80)), 103),
        # A class that did not last leaves the age of the one before; one that lasted begins anew.
        (((GONE, 900.0, 10), (ON_TOP, 350.0, 20), (BRIDGE, 350.0, 2), (ON_TOP, 350.0, 40)), 60),
        (((GONE, 900.0, 10), (ON_TOP, 350.0, 20), (BRIDGE, 350.0, 80)), 80),
        # A new class that may yet last is waited for.
        (((GONE, 900.0, 10), (ON_TOP, 350.0, 48), (BRIDGE, 350.0, 4), (ON_TOP, 350.0, 20)), 62),
    ],
)
def test_it_has_settled_once_it_was_bound_so_long_and_is_cool(stages: tuple[Stage, ...], frame: int | None) -> None:
    assert settled(*stages) == frame


def test_warmth_is_held_against_the_slab_of_the_same_time() -> None:
    warm = ((GONE, 300.0, 10), (ON_TOP, 395.0, 80))
    assert settled(*warm) == 60
    assert settled(*warm, rule=SettledRule(after_ps=1.0, excess_k=90.0)) is None
