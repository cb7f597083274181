"""`molgun sensitivity`: a campaign's table under a grid of bond limits, from the stored trajectories."""

from collections.abc import Callable, Sequence
from typing import Final

from molgun_lmp.analysis.sensitivity import (
    SCALES,
    Scaled,
    pair_limits,
    scaled,
    scaled_criteria,
    write_changes,
    write_sensitivity,
)
from molgun_lmp.campaign.analysing import clean_surface, decided
from molgun_lmp.campaign.store import Store
from molgun_lmp.campaign.until import counted, read_stopping
from molgun_lmp.errors import CampaignError, ConfigError

SENSITIVITY_CSV: Final = "sensitivity.csv"
CHANGES_CSV: Final = "sensitivity_trajectories.csv"
_RANGE: Final = (0.8, 1.2)


def sensitivity(
    store: Store, scales: Sequence[float] = SCALES, advance: Callable[[int], None] | None = None
) -> tuple[Scaled, ...]:
    """Decide all trajectories of the table once for each scale of the bond limits, in ascending order.

    A scale of 1 is added where it lacks. Writes `sensitivity.csv` and `sensitivity_trajectories.csv` into `analysis/`.

    `advance` is called with the number of trajectories decided, over all scales. Raises `ConfigError` for a scale
    beyond 0.8 to 1.2, and as `molgun_lmp.campaign.analysing.analyse`.
    """
    grid = sorted({*scales, 1.0})
    if grid[0] < _RANGE[0] or grid[-1] > _RANGE[1]:
        raise ConfigError(
            f"scales {', '.join(f'{scale:g}' for scale in grid)}: bond limits can be scaled by 0.8 to 1.2. Beyond that "
            "the molecule's own bonds would no longer be told."
        )
    config, surface = store.config(), clean_surface(store)
    elements = store.manifest.engine.elements
    ended = [(folder, result) for folder in store.trajectories() if (result := folder.result()) is not None]
    if not ended:
        raise CampaignError(
            f"campaign {store.manifest.name} has no ended trajectory yet. `molgun run {store.root}` fires them."
        )
    ended = ended[counted(read_stopping(store), store.manifest.trajectories, [folder.id for folder, _ in ended])]
    found: list[Scaled] = []
    for scale in grid:
        criteria = scaled_criteria(config.outcomes, elements, scale)
        variant = config.model_copy(update={"outcomes": criteria})
        outcomes = []
        for folder, result in ended:
            outcomes.append(decided(variant, surface, folder, result).outcome)
            if advance is not None:
                advance(len(found) * len(ended) + len(outcomes))
        found.append(scaled(scale, pair_limits(criteria, elements), outcomes))
    try:
        store.analysis.mkdir(exist_ok=True)
        write_sensitivity(found, store.analysis / SENSITIVITY_CSV)
        write_changes(found, store.analysis / CHANGES_CSV)
    except OSError as error:
        raise CampaignError(f"cannot write to {store.analysis}: {error}. Make room and give it again.") from error
    return tuple(found)
