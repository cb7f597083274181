"""The reference paper on the page: which system is its own, the level of theory of its labels, and what it cost.

Weiske et al., Digital Discovery 2026, 5, 1501 (doi 10.1039/d5dd00420a).
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from molgun_lmp.analysis.report.costs import Cost

PAPER_LEVEL: Final = "PBE-D3"
"""Level of theory of its labels."""

_STEPS: Final = 20_000
_MOLECULE: Final = {"C": 12, "H": 14}
_GROUPS: Final = frozenset({"CY", "ET"})
_SLAB: Final = frozenset({"Si", "H"})

PAPER_COSTS: Final = (
    Cost(what="paper: PBE-D3(BJ), VASP", core_hours_per_step=3.6, core_hours_per_shot=3.6 * _STEPS),
    Cost(
        what="paper: fine-tuned MACE, one EPYC 9334 core",
        core_hours_per_step=2.2e-4,
        seconds_per_step=0.77,
        core_hours_per_shot=2.2e-4 * _STEPS,
    ),
    Cost(
        what="paper: fine-tuned MACE, one H100 (GPU hours)",
        core_hours_per_step=0.018 / 3600,
        seconds_per_step=0.018,
        core_hours_per_shot=0.1,
    ),
)
"""Of its own system; shots of 20,000 steps."""


def is_paper_system(symbols: Sequence[str], n_slab: int, groups: Collection[str]) -> bool:
    """Whether this is ECCO (C12H14 with the groups CY and ET) at silicon, bare or with hydrogen.

    `symbols`: all atoms, the slab's `n_slab` first; `groups`: the names of the molecule's groups. Any other system has
    nothing to do with the paper's numbers, whatever its labels.
    """
    slab, molecule = frozenset(symbols[:n_slab]), Counter(symbols[n_slab:])
    return molecule == _MOLECULE and frozenset(groups) >= _GROUPS and "Si" in slab and slab <= _SLAB
