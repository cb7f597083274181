"""`molgun sensitivity`: a campaign's table under a grid of bond limits, from the stored trajectories."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from molgun_lmp.analysis.statistics.sensitivity import SCALES, Scaled, pair_limits, scaled, scaled_criteria
from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.campaign.store.stop_rule import counted, read_stopping, standing
from molgun_lmp.config import Campaign
from molgun_lmp.errors import CampaignError, ConfigError
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.records import Outcome, TrajectoryResult
from molgun_lmp.results.ended import clean_surface
from molgun_lmp.results.one_pass import decided_by_each
from molgun_lmp.results.parallel import spread
from molgun_lmp.results.table_files import write_changes, write_sensitivity
from molgun_lmp.surface.clean_surface import Surface

SENSITIVITY_CSV: Final = "sensitivity.csv"
CHANGES_CSV: Final = "sensitivity_trajectories.csv"
_RANGE: Final = (0.8, 1.2)


def sensitivity(
    store: Store,
    scales: Sequence[float] = SCALES,
    *,
    processes: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> tuple[Scaled, ...]:
    """Decide all trajectories of the table once for each scale of the bond limits, in ascending order.

    A scale of 1 is added where it lacks. Writes `sensitivity.csv` and `sensitivity_trajectories.csv` into `analysis/`.

    `processes` as in `molgun_lmp.results.parallel.spread`; `advance` is called with the number of trajectories that
    were decided at all scales. Raises `ConfigError` for a scale beyond 0.8 to 1.2, and as
    `molgun_lmp.results.analyse.analyse`.
    """
    grid = sorted({*scales, 1.0})
    if grid[0] < _RANGE[0] or grid[-1] > _RANGE[1]:
        raise ConfigError(
            f"scales {', '.join(f'{scale:g}' for scale in grid)}: bond limits can be scaled by 0.8 to 1.2. Beyond that "
            "the molecule's own bonds would no longer be told."
        )
    config, surface = store.config(), clean_surface(store)
    elements = store.manifest.engine.elements
    ended = store.fired()
    if not ended:
        raise CampaignError(
            f"campaign {store.manifest.name} has no ended trajectory yet. `molgun run {store.root}` fires them."
        )
    ids = [folder.id for folder, _ in ended]
    ended = ended[counted(standing(read_stopping(store), ids), store.manifest.trajectories, ids)]
    criteria = [scaled_criteria(config.outcomes, elements, scale) for scale in grid]
    variants = [config.model_copy(update={"outcomes": one}) for one in criteria]
    dumps = [folder.dump(result) for folder, result in ended]
    size = len(grid) * sum(dump.stat().st_size for dump in dumps if dump.is_file())
    outcomes: list[list[Outcome]] = []
    for of_all_scales in spread(
        partial(_decided_each, variants, store.scheme, surface), ended, size=size, processes=processes
    ):
        outcomes.append(of_all_scales)
        if advance is not None:
            advance(len(outcomes))
    found = [
        scaled(store.scheme, scale, pair_limits(one, elements), [of_all_scales[number] for of_all_scales in outcomes])
        for number, (scale, one) in enumerate(zip(grid, criteria, strict=True))
    ]
    try:
        store.analysis.mkdir(exist_ok=True)
        write_sensitivity(found, store.analysis / SENSITIVITY_CSV)
        write_changes(found, store.analysis / CHANGES_CSV)
    except OSError as error:
        raise CampaignError(f"cannot write to {store.analysis}: {error}. Make room and give it again.") from error
    return tuple(found)


def _decided_each(
    variants: Sequence[Campaign],
    scheme: OutcomeScheme,
    surface: Surface,
    ended: tuple[TrajectoryFolder, TrajectoryResult],
) -> list[Outcome]:
    return decided_by_each(variants, scheme, surface, *ended)
