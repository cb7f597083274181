"""An observer of a trajectory's frames that decides its outcome, and what that was when the molecule had settled."""

import dataclasses

from molgun_lmp.analysis.outcomes.decide import outcome_of
from molgun_lmp.analysis.outcomes.trajectory_path import Following, TrajectoryPath
from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.planned_start import Start, reference_of
from molgun_lmp.config import Campaign
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.records import Outcome, Stop, TrajectoryResult
from molgun_lmp.results.decided import shared_run, slab_cluster
from molgun_lmp.surface.clean_surface import Surface


class OutcomeObserver:
    """Decides one trajectory by the criteria of `config` and the classes of `scheme`; `start` is its planned first
    frame.

    Raises `CampaignError` where its shot is missing, `ConfigError` for criteria that do not fit the molecule.
    """

    def __init__(
        self,
        config: Campaign,
        surface: Surface,
        start: Start,
        folder: TrajectoryFolder,
        result: TrajectoryResult,
        *,
        scheme: OutcomeScheme,
    ) -> None:
        self._id, self._shot, self._result, self._criteria = folder.id, folder.shot(), result, config.outcomes
        self._last_step: int | None = None
        self._frame_steps = config.dynamics.dump_every_steps
        self._atom = len(start.symbols) == len(surface.layer) + 1
        self._slab = slab_cluster(config, self._shot)
        self._molecule_run = "" if self._atom else shared_run(config, self._shot)
        self._reference = reference_of(config, scheme, surface, start)
        self._following = Following(folder.id, self._reference, config.outcomes, config.dynamics.timestep_fs)
        self._settling = result.settled
        self._until_settled = None
        if result.audited:
            self._until_settled = Following(folder.id, self._reference, config.outcomes, config.dynamics.timestep_fs)

    def frame(self, frame: Frame, others: FloatArray | None = None) -> None:
        """The next frame, and atoms of `others` that the molecule may be near. Raises `InputFileError` where it is of
        other atoms."""
        self._following.frame(frame, others)
        self._last_step = frame.step
        if self._until_settled is not None and self._settling is not None and frame.step <= self._settling.step:
            self._until_settled.frame(frame, others)

    def result(self) -> Outcome:
        """What came of it, from the frames so far. Raises `InputFileError` for none, where the run did not fail."""
        path = self._following.result()
        path.truncated = path.truncated or self._frames_missing(path)
        outcome = self._of(path, self._result)
        if self._settling is None:
            return outcome
        before = None
        if self._until_settled is not None:
            ended = dataclasses.replace(self._result, state="finished", stop=Stop.SETTLED, cause=None)
            before = dataclasses.replace(
                self._of(self._until_settled.result(), ended), audit_share=self._settling.audit_share
            )
        return dataclasses.replace(outcome, audit_share=self._settling.audit_share, as_settled=before)

    def _frames_missing(self, path: TrajectoryPath) -> bool:
        """Whether the run went on for a frame or more after the last one: the dump was cut between two frames."""
        if self._result.state != "finished" or path.blew_up or self._last_step is None:
            return False
        return self._result.steps - self._last_step >= self._frame_steps

    def without_frames(self) -> Outcome:
        """What came of a run that died and left a damaged dump, on which its outcome does not rest."""
        return self._of(TrajectoryPath.empty(self._criteria), self._result)

    def _of(self, path: TrajectoryPath, result: TrajectoryResult) -> Outcome:
        outcome = outcome_of(
            self._id,
            path,
            self._reference,
            self._criteria,
            result,
            slab_snapshot=self._slab,
            molecule_snapshot=self._shot.molecule_snapshot,
            molecule_run=self._molecule_run,
        )
        return dataclasses.replace(outcome, atom=self._atom)
