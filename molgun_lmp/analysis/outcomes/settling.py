"""Has a molecule settled? Bound in one class for long enough, and no warmer than the slab over that time.

A function of the stored frames alone: whoever looks, and however often a run was stopped and went on, it is the same
frame that says so first.
"""

from collections import deque

from molgun_lmp.analysis.outcomes.decide import outcome_of
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.analysis.outcomes.trajectory_path import Following, TrajectoryPath
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import OutcomeCriteria, SettledRule
from molgun_lmp.kinetic_temperature import kinetic_ev, temperature_k
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.units import ROUNDING_PS


class SettlingObserver:
    """Is shown the frames of one trajectory in order until one at which the molecule has settled.

    `mobile` (M,) bool: which of the slab's atoms, the first M, move; `masses_u` (N,) of all atoms. Frames are looked at
    one by one, since the run has not ended yet.
    """

    def __init__(
        self,
        trajectory_id: str,
        rule: SettledRule,
        reference: Reference,
        criteria: OutcomeCriteria,
        *,
        mobile: BoolArray,
        masses_u: FloatArray,
        timestep_fs: float,
    ) -> None:
        self._id, self._rule, self._reference, self._criteria = trajectory_id, rule, reference, criteria
        self._mobile, self._masses = mobile.nonzero()[0], masses_u
        self._held = 3 if mobile.all() else 0  # a slab that is held nowhere does not drift, as in the deck
        self._following = Following(trajectory_id, reference, criteria, timestep_fs)
        self._excess: deque[tuple[float, float]] = deque()
        self.step: int | None = None
        """Of the first frame at which it had settled."""

    def frame(self, frame: Frame) -> None:
        """The next frame. Raises `InputFileError` where it is of other atoms."""
        if self.step is not None or self._following.blew_up:
            return
        self._following.frame(frame)
        path = self._following.result()
        if path.blew_up:
            return
        now_ps = path.history.time_ps
        self._excess.append((now_ps, self._excess_k(frame)))
        while self._excess[0][0] < now_ps - self._rule.after_ps - ROUNDING_PS:
            self._excess.popleft()
        if self._bound_for_long(path, now_ps) and self._is_cool() and self._is_decided(path):
            self.step = frame.step

    def _bound_for_long(self, path: TrajectoryPath, now_ps: float) -> bool:
        """In one class, bound, without a newer one that may yet last."""
        if path.history.young is not None or path.bonding.young is not None:
            return False
        began_ps, (_, bound) = path.bonding.events[-1]
        return bound and now_ps - max(began_ps, path.history.events[-1][0]) >= self._rule.after_ps - ROUNDING_PS

    def _is_cool(self) -> bool:
        return sum(excess for _, excess in self._excess) <= self._rule.excess_k * len(self._excess)

    def _is_decided(self, path: TrajectoryPath) -> bool:
        """Whether the trajectory would be decided so if it ended here."""
        outcome = outcome_of(self._id, path, self._reference, self._criteria, None)
        return outcome.stuck and outcome.mode == path.history.events[-1][1]

    def _excess_k(self, frame: Frame) -> float:
        if frame.velocities is None:
            return float("inf")
        n_slab, masses = self._reference.n_slab, self._masses
        molecule, slab = frame.velocities[n_slab:], frame.velocities[self._mobile]
        hot = temperature_k(kinetic_ev(masses[n_slab:], molecule), molecule.size)
        return hot - temperature_k(kinetic_ev(masses[self._mobile], slab), slab.size - self._held)
