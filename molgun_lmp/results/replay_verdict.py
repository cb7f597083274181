"""What a replay says: whether the trajectory ends as it did, and when the two runs part."""

import dataclasses
import json
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ConfigDict, ValidationError

from molgun_lmp.atomic_files import write_json
from molgun_lmp.campaign.plan.replay import Changes, replays_of
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.planned_start import planned_start
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import trajectory_id
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.records import JsonRecord, Outcome
from molgun_lmp.results.ended import clean_surface, frames_of, without_adsorbates
from molgun_lmp.results.one_pass import observed, seen
from molgun_lmp.results.outcome_observer import OutcomeObserver
from molgun_lmp.units import FS_PER_PS

VERDICT_NAME: Final = "verdict.json"
APART_ANGSTROM: Final = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict(JsonRecord):
    """Two runs of one trajectory from the same first frame. Distances are root mean squares over the molecule's atoms
    at equal times, in Å."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    of: str
    """The trajectory in the campaign."""
    changes: Changes
    engine: str
    before: str
    after: str
    """The classes at the end."""
    same_bonds: bool
    """The same atoms of molecule and surface are bonded at the end."""
    compared_ps: float
    """Length of the part that both have."""
    apart_ps: float | None
    """When the molecules were first 0.1 Å apart; None where they never were."""
    farthest_angstrom: float
    identical: bool
    """Every stored position is the same."""

    @property
    def same(self) -> bool:
        """Whether the outcome is the same."""
        return self.before == self.after and self.same_bonds

    def sentence(self) -> str:
        """The verdict in plain words."""
        what = f"{self.of} with {self.changes.name} ({self.engine})" if self.changes.name != "again" else self.of
        if self.identical:
            return f"{what}: every stored position is the same; {self.after} both times."
        apart = (
            f"the molecules stay within {self.farthest_angstrom:.2g} Å over {self.compared_ps:.2f} ps"
            if self.apart_ps is None
            else f"the molecules are {APART_ANGSTROM} Å apart after {self.apart_ps:.2f} ps and "
            f"{self.farthest_angstrom:.1f} Å at most"
        )
        if self.same:
            return f"{what}: the outcome does not depend on it, {self.after} both times; {apart}."
        if self.before == self.after:
            return f"{what}: {self.after} both times, but on other atoms; {apart}."
        return (
            f"{what}: the outcome depends on it, {self.before} before and {self.after} now; {apart}. Paths "
            f"part exponentially: this says that {self.changes.doubt}, not that fractions change."
        )


def judge(store: Store, replay: Store) -> Verdict:
    """Compare an ended replay with its original, and keep the verdict in the replay's folder.

    Raises `CampaignError` where one of the two has not ended, and `InputFileError` for a damaged dump.
    """
    request = json.loads((replay.root / "replay.json").read_bytes())
    original = _Side(store, request["of"], store.scheme)
    again = _Side(replay, trajectory_id(0), store.scheme)
    before_ps, after_ps = (one.config().dynamics.timestep_fs / FS_PER_PS for one in (store, replay))
    n_slab = store.manifest.n_slab
    times, distances, identical = [0.0], [0.0], True
    for one, other in zip(original.frames, again.frames, strict=False):
        if abs(one.step * before_ps - other.step * after_ps) > 1e-9 * max(1.0, one.step):
            break  # a run that a rule ended has one frame more, at a time of its own
        times.append(one.step * before_ps)
        distances.append(_apart(one, other, n_slab))
        identical = identical and bool(np.array_equal(one.unwrapped, other.unwrapped))
    before, after = original.outcome(), again.outcome()
    far = np.flatnonzero(np.array(distances) > APART_ANGSTROM)
    verdict = Verdict(
        of=request["of"],
        changes=Changes.from_json(request["changes"]),
        engine=again.result.engine,
        before=before.mode.label,
        after=after.mode.label,
        same_bonds=_bonded(before) == _bonded(after),
        compared_ps=times[-1],
        apart_ps=times[far[0]] if len(far) else None,
        farthest_angstrom=max(distances),
        identical=identical and original.result.steps * before_ps == again.result.steps * after_ps,
    )
    try:
        write_json(verdict.to_json(), replay.root / VERDICT_NAME)
    except OSError as error:
        raise CampaignError(f"cannot write into {replay.root}: {error}. Make room, and replay again.") from error
    return verdict


def verdicts_of(store: Store) -> list[Verdict]:
    """The verdicts of all ended replays of a campaign. Raises `CampaignError` for a damaged one."""
    found = []
    for folder in replays_of(store):
        file = folder / VERDICT_NAME
        if file.is_file():
            found.append(_read(file))
    return found


def _read(file: Path) -> Verdict:
    try:
        return Verdict.from_json(json.loads(file.read_bytes()))
    except (OSError, ValueError, ValidationError) as error:
        raise CampaignError(f"{file} is damaged ({error}). Remove it, and replay again.") from error


class _Side:
    """One of the two runs: its `frames`, which are read once, and decide its outcome as they are compared."""

    def __init__(self, store: Store, identifier: str, scheme: OutcomeScheme) -> None:
        folder = store.trajectory(identifier)
        result = folder.result()
        if result is None:
            raise CampaignError(
                f"trajectory {identifier} of {store.root} has not ended: there is nothing to compare yet. "
                f"`molgun run {store.root}` fires it."
            )
        surface = clean_surface(store)
        self.result = result
        self._outcome = OutcomeObserver(
            store.config(), surface, planned_start(folder, surface), folder, result, scheme=scheme
        )
        frames = without_adsorbates(folder, frames_of(folder, result, velocities=False), store.manifest.n_slab)
        self.frames = observed(frames, (self._outcome,))

    def outcome(self) -> Outcome:
        """The outcome, once the frames that were not compared are read, too."""
        return self._outcome.result() if seen(self.frames, self.result) else self._outcome.without_frames()


def _bonded(outcome: Outcome) -> set[tuple[int, int]]:
    return {(atom, site) for atom, site, _ in outcome.bonds}


def _apart(one: Frame, other: Frame, n_slab: int) -> float:
    steps = one.unwrapped[n_slab:] - other.unwrapped[n_slab:]
    return float(np.sqrt(np.square(steps).sum(axis=1).mean()))
