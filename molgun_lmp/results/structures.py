"""The stored trajectories of a campaign as structures, each with the mode in which it ended."""

import json
from collections.abc import Iterator
from pathlib import Path

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import CampaignError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.results.analyse import OUTCOMES_JSON
from molgun_lmp.training.dataset.structures import Structure, dump_structures


def campaign_structures(folder: Path, *, every: int = 1) -> Iterator[Structure]:
    """Every n-th frame of every trajectory that has ended; modes where the campaign was analysed.

    Raises `CampaignError` for a folder that is no campaign, and for damaged outcomes.
    """
    store = Store.open(folder)
    modes = _modes(store)
    for trajectory in store.trajectories():
        result = trajectory.result()
        dump = trajectory.dump(result) if result is not None else None
        if dump is not None and dump.is_file() and dump.stat().st_size > 0:
            yield from dump_structures(
                dump,
                set_name=store.manifest.name,
                trajectory=trajectory.id,
                every=every,
                mode=modes.get(trajectory.id),
            )


def _modes(store: Store) -> dict[str, Mode]:
    """The classes at the end; none of an analysis by another scheme."""
    known = {mode.label: mode for mode in store.scheme.modes}
    file = store.analysis / OUTCOMES_JSON
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        ended = {outcome["trajectory_id"]: outcome["mode"] for outcome in document["outcomes"]}
        return {identifier: known[label] for identifier, label in ended.items() if label in known}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CampaignError(f"{file} is damaged ({error!r}). Give `molgun analyse {store.root}` again.") from error
