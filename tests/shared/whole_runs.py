"""Is what a run left whole? Its log is read for the check as the callers of `require_whole` have read it."""

from pathlib import Path

from molgun_lmp.campaign.store.completeness import require_whole
from molgun_lmp.config import Dynamics
from molgun_lmp.readers.lammps.log import joined_thermo, last_halt, thermo_tables


def require_whole_run(run: Path, dynamics: Dynamics, *, steps: int) -> None:
    """Raises `OSError` where something is missing."""
    text = (run / "log.lammps").read_text(encoding="utf-8", errors="replace")
    logged = joined_thermo(thermo_tables(text)).get("Step", ())
    require_whole(run, dynamics, steps=steps, logged=logged, halted=last_halt(text) is not None)
