"""The trajectories of a campaign that nobody has decided yet, on several cores; their tracks are kept beside it."""

from collections.abc import Iterator, Sequence
from functools import partial

from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.config import Campaign
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.records import Outcome, TrajectoryResult
from molgun_lmp.results.one_pass import Track, read_back
from molgun_lmp.results.parallel import spread
from molgun_lmp.results.tracks import TrackWriter
from molgun_lmp.surface.clean_surface import Surface

_Task = tuple[TrajectoryFolder, TrajectoryResult, str]


def decide_missing(
    store: Store, surface: Surface, missing: Sequence[_Task], *, size: int, processes: int | None
) -> Iterator[Outcome]:
    """The outcome of each ended trajectory, in order; its track is kept under the key that is given with it.

    `size`: bytes of all dumps; `processes` as in `spread`, which says what is raised, besides what `read_back` raises.
    """
    one = partial(_one, store.config(), store.scheme, surface, store.manifest.cutoff_angstrom)
    with TrackWriter(store) as tracks:
        decided = spread(one, missing, size=size, processes=processes)
        for (folder, _, key), (outcome, track) in zip(missing, decided, strict=True):
            if track is not None:
                tracks.add(folder.id, key, track)
            yield outcome


def _one(
    config: Campaign, scheme: OutcomeScheme, surface: Surface, reach: float, task: _Task
) -> tuple[Outcome, Track | None]:
    folder, result, _ = task
    return read_back(config, scheme, surface, folder, result, reach=reach)
