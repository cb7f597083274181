"""Outcomes as the statistics see them, made from a mode and two snapshots."""

from molgun_lmp.outcome_classes import Mode
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
    stuck: bool | None = None,
    detail: str = "",
) -> Outcome:
    """An outcome in which nothing else matters; snapshots of its own where none are given. It is bound, `stuck`, where
    its mode says so unless told otherwise."""
    course = ((0.0, mode),) if events is None else events
    return Outcome(
        trajectory_id=f"{index:06d}",
        mode=mode,
        detail=detail,
        stuck=mode.bound_intact if stuck is None else stuck,
        contact=contact_ps is not None,
        first_contact_ps=contact_ps,
        first_bond_ps=None,
        time_ps=time_ps,
        lowest_clearance_angstrom=1.9,
        events=course,
        bound_changes=tuple((time, at.bound_intact) for time, at in course),
        bonds=(),
        reason="",
        truncated=False,
        slab_snapshot=f"s{index if slab is None else slab}",
        molecule_snapshot=f"m{index if molecule is None else molecule}",
    )
