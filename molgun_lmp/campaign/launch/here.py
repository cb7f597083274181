"""Firing with local workers of this machine: all that is checked before, and the crew."""

from rich.console import Console

from molgun_lmp.campaign.launch.lammps import require_lammps
from molgun_lmp.campaign.launch.local import supervise, workers_for
from molgun_lmp.campaign.store.integrity import verify_open, verify_shared
from molgun_lmp.campaign.store.run_set import Work


def fire_here(work: Work, *, workers: int | None, console: Console) -> None:
    """Run all decks of `work` that have not ended; `workers` None: one for each core, or two for each
    GPU that the engine uses.

    Raises what `verify_shared`, `require_lammps` and `supervise` raise.
    """
    verify_shared(work)
    for remark in require_lammps(work):
        console.print(remark, markup=False)
    verify_open(work)
    supervise(work, workers=workers or workers_for(work.engine), console=console)
