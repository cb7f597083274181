"""Minimising the ends of a campaign: `molgun analyse --quench`."""

from typing import TYPE_CHECKING

from molgun_lmp.cli.output import counting
from molgun_lmp.processes import default_workers
from molgun_lmp.results.quench import quench

if TYPE_CHECKING:
    from molgun_lmp.analysis.outcomes.minima import Minima
    from molgun_lmp.campaign.store.campaign_folder import Store
    from molgun_lmp.results.analyse import Analysis


def quench_ends(store: "Store", analysis: "Analysis", processes: int | None) -> "Minima | None":
    """Minimise the ends with so many processes, None for one on each core."""
    near = [one for one in analysis.ended if one.outcome.mode.row.quenched]
    alone = {one.shot.slab_snapshot for one in near}, {one.shot.molecule_snapshot for one in near}
    chosen = processes or default_workers(store.manifest.engine.threads)
    with counting("minimising", len(near) + sum(map(len, alone))) as advance:
        return quench(store, analysis, workers=chosen, advance=advance)
