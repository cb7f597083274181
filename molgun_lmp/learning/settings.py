"""The loop file: which files the rounds use, how many frames they choose, and when they end."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from molgun_lmp.batch import BATCH_SYSTEMS, Scheduler
from molgun_lmp.config.campaign import Name
from molgun_lmp.config.section import Section
from molgun_lmp.errors import ConfigError

Share = Annotated[float, Field(ge=0, lt=1)]
Words = tuple[str, ...]


class Choice(Section):
    """Which frames of a round's trajectories are labelled."""

    frames: PositiveInt = 20
    """Of each round, at most."""
    every: PositiveInt = 5
    """Only every n-th stored frame is looked at."""
    apart_ps: Annotated[float, Field(ge=0)] = 0.1
    """Two frames of one trajectory are never closer in time: neighbours say the same."""
    shortlist: Annotated[float, Field(ge=1)] = 5.0
    """So many times `frames` are the farthest and most disputed ones, from which those that differ most are taken."""
    closest: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Two atoms closer than this share of their covalent radii's sum: the frame is broken, and all after it."""


class HeldOutShares(Section):
    """What becomes of a round's trajectories; each is drawn by itself, and all its frames go the same way."""

    validation: Share = 0.1
    """This share of them chooses the best epoch."""
    test: Share = 0.1
    """This share is never trained on."""

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must leave trajectories to train on")
        return self


class Committee(Section):
    """Several models, trained on the same frames, whose forces differ where these do not decide them."""

    members: PositiveInt = 3
    """They differ by seed and, but for the first, by a part of the trajectories that each leaves out. 1: no committee,
    and only the distance from the training data decides."""


class Retraining(Section):
    """How a round's models start."""

    from_last_round: bool = True
    """From the weights of the round before, each member from its own; if not, as the training file says."""
    epochs: PositiveInt | None = None
    """In rounds that start from the one before; None: as many as the training file says."""


class Budget(Section):
    """What may be spent; a round begins only where something of it is left."""

    labels: PositiveInt | None = None
    """Structures that are given to the calculator, those that it fails on among them."""
    hours: PositiveFloat | None = None
    """Of the stages' own time, over all sessions."""


class Launchers(Section):
    """Words put before `molgun run`, `molgun label` and `molgun train`; without any, this process does it here.

    Such as [mpirun, -n, "8"], [srun, -n, "1", --gres=gpu:1]: the command must come back when the work is done.
    """

    run: Words = ()
    label: Words = ()
    train: Words = ()


class Job(Section):
    """A job of the batch system: what it needs follows from the files; the site's own options come on top."""

    options: Words = ()
    """Lines of sbatch or qsub without dashes, such as `partition=gpu`, `time=24:00:00`, or `l=walltime=24:00:00`."""


class ArrayJob(Job):
    """An array of jobs that share a stage's work."""

    tasks: PositiveInt = 1
    """Each fires trajectories, or labels a share of the frames."""


class Jobs(Section):
    """Stages that are done as jobs of a batch system, submitted and waited for by `molgun learn`.

    A job that is ended by its time limit is submitted again, for as long as it came further. Python, this package and
    the loop's folder must be at the same places where jobs run.
    """

    scheduler: Scheduler = "slurm"
    run: ArrayJob | None = None
    """Each task with `workers` worker processes, one where it is null."""
    label: ArrayJob | None = None
    """Each task with the label file's workers and threads."""
    train: Job | None = None
    """One for each member of the committee, side by side."""

    @model_validator(mode="after")
    def _options_are_the_scheduler_s(self) -> Self:
        for job in (self.run, self.label, self.train):
            try:
                BATCH_SYSTEMS[self.scheduler].require_options(() if job is None else job.options)
            except ConfigError as error:
                raise ValueError(str(error)) from error
        return self


class LoopConfig(Section):
    """A closed loop of firing and learning."""

    name: Name
    """Names the loop's folder."""
    campaign: Path
    """The campaign file that every round fires, each with a seed and a model of its own; relative to the loop file."""
    train: Path
    """The training file; its frames are where learning starts from."""
    label: Path
    """The label file, of the same level of theory as the training file."""
    start: tuple[Path, ...] = ()
    """Model folders to begin with: the first is fired, the others are its committee. None: models are trained first, on
    the training file's frames."""
    rounds: Annotated[int, Field(ge=0)] = 5
    """At most."""
    wanted_error_ev_per_angstrom: PositiveFloat
    """Of force components (MAE) on newly chosen frames, before they are trained on. Below it in two rounds running the
    loop ends."""
    budget: Budget = Budget()
    choice: Choice = Choice()
    held_out: HeldOutShares = HeldOutShares()
    committee: Committee = Committee()
    retraining: Retraining = Retraining()
    formats: tuple[str, ...] = ()
    """Of the model folders, as `molgun export --format` has them, mace's own always among them; none: the usual
    ones."""
    workers: PositiveInt | None = None
    """Local worker processes that fire; None: one for each core."""
    launch: Launchers = Launchers()
    jobs: Jobs = Jobs()
    batch_size: PositiveInt = 8
    """Structures at a time, where frames are judged."""
    seed: NonNegativeInt = 24
    """Of the trajectories that are held out."""

    @model_validator(mode="after")
    def _a_stage_is_done_in_one_way(self) -> Self:
        for stage in Launchers.model_fields:
            if getattr(self.launch, stage) and getattr(self.jobs, stage) is not None:
                raise ValueError(f"launch.{stage} and jobs.{stage} both say how it is done: leave one out")
        return self


FREE = frozenset(["rounds", "budget", "wanted_error_ev_per_angstrom", "workers", "launch", "jobs", "batch_size"])
"""Keys that may change between sessions: they decide when the loop ends and who does the work, not what is found."""
