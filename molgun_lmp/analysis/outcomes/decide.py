"""One trajectory's outcome: its frames followed from the first to the last, then one verdict with its numbers."""

import dataclasses
from collections.abc import Iterable
from typing import Final

import numpy as np

from molgun_lmp.analysis.outcomes.bonds import Bonds
from molgun_lmp.analysis.outcomes.classify import Classified
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.analysis.outcomes.trajectory_path import TrajectoryPath, follow
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.records import Outcome, Stop, TrajectoryResult
from molgun_lmp.units import FS_PER_PS

_SAYS_NOTHING: Final = frozenset({Kind.UNDECIDED, Kind.FAILED})
"""Kinds of a trajectory's end that say nothing of the molecule."""


def decide(
    trajectory_id: str,
    frames: Iterable[Frame],
    reference: Reference,
    criteria: OutcomeCriteria,
    result: TrajectoryResult | None,
    *,
    timestep_fs: float | None,
    slab_snapshot: str = "",
    molecule_snapshot: str = "",
) -> Outcome:
    """Follow one trajectory and give its outcome. `result` is None for a dump without a record of its run;
    `timestep_fs` may be for frames that say their time.

    A mode that has not lasted the persistence time at the end, and bonds that stayed between forming and breaking
    for that long where they would change the class, are undecided. A young mode still counts where a rule ended the
    run because of it (the molecule or a fragment left). A molecule that was stopped as departed has left only where it
    had been in contact or was above its start. The run's own failure comes first, then a run that blew up. What such a
    rule says of the end (departed, too hot) and the frames do not show yet is an event at the end.

    Raises `InputFileError` for a trajectory that did not fail: for a damaged dump, for frames that are not of the
    reference's atoms, and for no frame at all.
    """
    failed = result is not None and result.state == "failed"
    try:
        path = follow(trajectory_id, frames, reference, criteria, timestep_fs)
    except InputFileError:
        if not failed:
            raise
        path = TrajectoryPath.empty(criteria)  # a run that died may leave any dump, and its outcome does not rest on it
    return outcome_of(
        trajectory_id,
        path,
        reference,
        criteria,
        result,
        slab_snapshot=slab_snapshot,
        molecule_snapshot=molecule_snapshot,
    )


def outcome_of(
    trajectory_id: str,
    path: TrajectoryPath,
    reference: Reference,
    criteria: OutcomeCriteria,
    result: TrajectoryResult | None,
    *,
    slab_snapshot: str = "",
    molecule_snapshot: str = "",
    molecule_run: str = "",
) -> Outcome:
    """The outcome of a trajectory that has been followed, as `decide` says.

    Raises `InputFileError` where there was no frame, unless the run failed.
    """
    if path.frames == 0 and (result is None or result.state != "failed"):
        raise InputFileError(f"trajectory {trajectory_id}: no frame to decide it by. Run it again.")
    verdict = _verdict(path, reference, criteria, result)
    bound_changes = path.bound_changes()
    return Outcome(
        trajectory_id=trajectory_id,
        mode=verdict.mode,
        detail=verdict.detail,
        stuck=verdict.mode.can_stick and path.classified is not None and path.classified.bound,
        contact=path.first_contact_ps is not None,
        first_contact_ps=path.first_contact_ps,
        first_touch_ps=path.first_touch_ps,
        first_bond_ps=next((time for time, bound in bound_changes if bound), None),
        bound_changes=bound_changes,
        time_ps=path.history.time_ps,
        lowest_clearance_angstrom=path.lowest_clearance,
        events=_events(path, verdict.mode),
        young=path.history.young is not None and verdict.mode.kind in _SAYS_NOTHING,
        bonds=_listed(path.bonds, reference),
        reason=verdict.reason,
        truncated=path.truncated,
        slab_snapshot=slab_snapshot,
        molecule_snapshot=molecule_snapshot,
        molecule_run=molecule_run,
        gone=_gone(path, verdict.mode, result),
    )


def _gone(path: TrajectoryPath, end: Mode, result: TrajectoryResult | None) -> bool:
    """Whether nothing of the molecule is at the surface any more: out of reach, or stopped on its way out."""
    if path.first_contact_ps is None or path.classified is None or path.classified.bound or end.kind in _SAYS_NOTHING:
        return False
    return not path.near or (result is not None and result.stop is Stop.DEPARTED)


def _events(path: TrajectoryPath, end: Mode) -> tuple[tuple[float, Mode], ...]:
    """The modes that lasted, and the last one however young it is, or the end that a stop rule gave.

    Such a rule acts before the frames show it: a molecule on its way out is stopped before it is as far as they ask
    for.
    """
    lasting, young = tuple(path.history.events), path.history.young
    last = young or (lasting[-1] if lasting else None)
    if end.kind not in _SAYS_NOTHING and young is not None and end in path.among_since_ps:
        return lasting if lasting[-1][1] == end else (*lasting, (young[0], end))
    if end.kind not in _SAYS_NOTHING and (last is None or last[1] != end):
        return (*lasting, (path.history.time_ps, end))
    return lasting if young is None else (*lasting, young)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Verdict:
    mode: Mode
    reason: str
    detail: str = ""


def _verdict(
    path: TrajectoryPath, reference: Reference, criteria: OutcomeCriteria, result: TrajectoryResult | None
) -> _Verdict:
    scheme = reference.scheme
    if result is not None and result.state == "failed":
        return _Verdict(mode=scheme.failed, detail=str(result.cause or ""), reason=f"{result.cause}: {result.message}")
    stop = None if result is None else result.stop
    if path.blew_up or stop is Stop.TOO_HOT or path.bonds is None or path.classified is None:
        why = "positions are no longer numbers" if path.blew_up else "stopped as hotter than any real molecule"
        return _Verdict(mode=scheme.blown_up, reason=f"the run blew up after {path.history.time_ps:.3f} ps: {why}")
    since_ps, mode = path.history.last
    if mode.unbound_fate and stop is Stop.DEPARTED and _went_back(path):
        mode = path.fate(Kind.LEFT, scheme)
    reason = path.classified.reason if path.classified.mode else _fate_reason(mode, stop, path, criteria)
    age_fs = (path.history.time_ps - since_ps) * FS_PER_PS
    young = age_fs < criteria.persistence_fs and not _needs_no_age(path, mode, stop)
    if young:
        held = _wavering(path, reference, mode.kind) if path.wavers else None
        return _Verdict(
            mode=held or scheme.undecided,
            detail="" if held else f"young {mode}",
            reason=f"{mode} for only {age_fs:.0f} fs, less than {criteria.persistence_fs:g} fs: {reason}",
        )
    other = _other_reading(path, path.bonds, path.classified, reference, criteria)
    if other is not None:
        held = _wavering(path, reference, mode.kind, Kind.NEAR if other.mode is None else other.mode.kind)
        detail = "" if held else f"{mode} or {other.mode or 'not bound'}"
        return _Verdict(mode=held or scheme.undecided, detail=detail, reason=other.reason)
    return _Verdict(mode=mode, detail=path.classified.detail, reason=f"{reason} (for {age_fs / FS_PER_PS:.3f} ps)")


def _wavering(path: TrajectoryPath, reference: Reference, *kinds: Kind) -> Mode | None:
    """The class of a molecule that has been of some kinds for long, those among them that it may be of now."""
    for mode, among in reference.scheme.wavering:
        since_ps = path.among_since_ps.get(mode)
        if since_ps is not None and path.history.lasts(path.history.time_ps - since_ps) and among.issuperset(kinds):
            return mode
    return None


def _went_back(path: TrajectoryPath) -> bool:
    """Whether what the stop rule took for a departure is one: a thermostat may turn a molecule round in flight."""
    return path.first_contact_ps is not None or path.risen > 0.0


def _needs_no_age(path: TrajectoryPath, mode: Mode, stop: Stop | None) -> bool:
    """A change between unbound fates is no reaction, and a run that a leaving molecule, or a fragment of it, stopped
    shows no more of it."""
    return (
        (mode.unbound_fate and path.history.events[-1][1].unbound_fate and not path.wavers)
        or (mode.kind is Kind.LEFT and stop is Stop.DEPARTED)
        or (mode.damaged and stop is Stop.FRAGMENT_LEFT)
    )


def _other_reading(
    path: TrajectoryPath, bonds: Bonds, classified: Classified, reference: Reference, criteria: OutcomeCriteria
) -> Classified | None:
    """Another class that the same lengths allow, where a length has been between the thresholds for too long."""
    if path.settled is None:
        return None
    latest = path.history.time_ps - criteria.persistence_fs / FS_PER_PS
    between = reference.limits.between_thresholds(bonds)
    in_molecule, to_surface = (now & (since <= latest) for now, since in zip(between, path.settled, strict=True))
    np.fill_diagonal(in_molecule, False)
    if not (in_molecule.any() or to_surface.any()):
        return None
    readings = (
        dataclasses.replace(bonds, molecule=bonds.molecule | in_molecule, surface=bonds.surface | to_surface),
        dataclasses.replace(bonds, molecule=bonds.molecule & ~in_molecule, surface=bonds.surface & ~to_surface),
    )
    for reading in readings:
        other = reference.classify(reading)
        if other.mode != classified.mode:
            return dataclasses.replace(
                other,
                reason=f"lengths between forming and breaking for {criteria.persistence_fs:g} fs or more allow both "
                f"[{classified.reason}] and [{other.reason}]",
            )
    return None


def _fate_reason(mode: Mode, stop: Stop | None, path: TrajectoryPath, criteria: OutcomeCriteria) -> str:
    now = f"no bond to the slab, closest atom {path.nearest:.2f} Å from it"
    if path.first_contact_ps is None:
        turned = f", on its way out {path.risen:.2f} Å above its start" if mode.kind is Kind.LEFT else ""
        return f"{now}{turned}, never below {path.closest:.2f} Å (contact: {criteria.contact_angstrom:g} Å)"
    if mode.kind is Kind.LEFT:
        how = "stopped on its way out" if stop is Stop.DEPARTED else f"beyond {criteria.departed_angstrom:g} Å"
    else:
        how = f"not beyond {criteria.departed_angstrom:g} Å"
    return f"{now}, {how}, after contact at {path.first_contact_ps:.3f} ps (closest {path.closest:.2f} Å)"


def _listed(bonds: Bonds | None, reference: Reference) -> tuple[tuple[int, int, float], ...]:
    if bonds is None:
        return ()
    return tuple(
        (reference.n_slab + int(atom), int(partner), float(bonds.surface_lengths[atom, partner]))
        for atom, partner in np.argwhere(reference.facts(bonds).to_surface)
    )
