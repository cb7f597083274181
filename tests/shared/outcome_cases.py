"""Outcomes as the statistics see them, made from a mode and two snapshots."""

from molgun_lmp.outcome_classes import STUCK, Mode
from molgun_lmp.records import Outcome


def outcome_of(
    index: int,
    mode: Mode,
    slab: object = None,
    molecule: object = None,
    *,
    events: tuple[tuple[float, Mode], ...] | None = None,
    contact_ps: float | None = 0.5,
    time_ps: float = 2.0,
) -> Outcome:
    """An outcome in which nothing else matters; snapshots of its own where none are given."""
    return Outcome(
        trajectory_id=f"{index:06d}",
        mode=mode,
        stuck=mode in STUCK,
        contact=contact_ps is not None,
        first_contact_ps=contact_ps,
        first_bond_ps=None,
        time_ps=time_ps,
        lowest_clearance_angstrom=1.9,
        events=((0.0, mode),) if events is None else events,
        bonds=(),
        reason="",
        truncated=False,
        slab_snapshot=f"s{index if slab is None else slab}",
        molecule_snapshot=f"m{index if molecule is None else molecule}",
    )
