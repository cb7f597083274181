"""An ended trajectory with all that is known of it, as tables are made of; its files are read in `ended`."""

import dataclasses

from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.config import Campaign
from molgun_lmp.records import Outcome, Shot, TrajectoryResult


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
    """One ended trajectory: what was drawn, how its dynamics ended, what came of it."""

    folder: TrajectoryFolder
    shot: Shot
    result: TrajectoryResult
    outcome: Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gone:
    """Ended trajectories whose dumps were deleted after their outcomes were decided; `earlier_code`: those of them that
    other code has decided."""

    dumps: int
    earlier_code: int

    def sentence(self) -> str:
        """What to mind of it, empty for none."""
        if not self.dumps:
            return ""
        one = self.dumps == 1
        what = "1 dump is" if one else f"{self.dumps} dumps are"
        said = f"{what} gone: {'its outcome is' if one else 'their outcomes are'} as decided before"
        by = f", {self.earlier_code} of them by other code than this" if self.earlier_code else ""
        return f"{said}{by}. Pictures, movies and what asks for other criteria need the dumps."


def shared_run(config: Campaign, shot: Shot) -> str:
    """The equilibration run of a shot's molecule where it decides how the molecule is turned, else nothing.

    As drawn, snapshots of one run look nearly the same way; turned at random, each shot has an orientation of its own.
    """
    return shot.molecule_run if config.gun.orientation == "as_drawn" else ""


def doses_of_a_chain(config: Campaign) -> int | None:
    """How many doses each chain of a campaign has; None where it has no chains."""
    return None if config.dose is None else config.dose.molecules


def own_dose(config: Campaign, shot: Shot) -> int:
    """Which molecule of its surface a shot's newcomer is, counted from 0 in the order in which they came: the dose of a
    chain, the one after all others at a covered surface."""
    doses = doses_of_a_chain(config)
    return len(shot.adsorbates) if doses is None else shot.index % doses


def slab_cluster(config: Campaign, shot: Shot) -> str:
    """What shots must not share of their slabs to be independent: the snapshot, or, as each meets what the one before
    has left, the chain of doses."""
    doses = doses_of_a_chain(config)
    return shot.slab_snapshot if doses is None else f"chain {shot.index // doses}"
