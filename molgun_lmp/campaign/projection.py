"""What a campaign of a given size costs, said before it is made: nobody plans a million trajectories by a slip."""

import dataclasses
import shutil
from pathlib import Path
from typing import Final

from molgun_lmp.config import Dynamics, LoadedCampaign
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.pools import read_pool

MANY: Final = 100_000
"""More trajectories than this are planned only when asked for twice."""

_FILES_PLANNED: Final = 4
"""A folder, deck, data file and shot."""
_FILES_FIRED: Final = 5
"""A folder, dump, log, last structure and result."""
_DECK_BYTES: Final = 5_000
_DATA_BYTES_PER_ATOM: Final = 120
_DUMP_BYTES_PER_ATOM: Final = 100
_LOG_BYTES_PER_LINE: Final = 80
_PLAN_S: Final = 0.005


@dataclasses.dataclass(frozen=True, kw_only=True)
class Projection:
    """Files and bytes of all trajectories, planned and fired, and seconds of planning; good to a factor of two."""

    planned_bytes: int
    fired_bytes: int
    files: int
    planning_s: float

    def sentence(self, trajectories: int) -> str:
        """The projection in words."""
        return (
            f"{trajectories:,} trajectories: about {self.planning_s / 60:.0f} minutes to plan, "
            f"{self.planned_bytes / 1e9:.1f} GB of decks, {self.fired_bytes / 1e9:.1f} GB more when all are fired, "
            f"{self.files:,} files in folders of 1,000 trajectories."
        )


def project(trajectories: int, n_atoms: int, dynamics: Dynamics) -> Projection:
    """The cost of a campaign whose trajectories run to their last step."""
    frames = dynamics.steps // dynamics.dump_every_steps + 1
    lines = dynamics.steps // dynamics.thermo_every_steps + 50
    fired = frames * n_atoms * _DUMP_BYTES_PER_ATOM + lines * _LOG_BYTES_PER_LINE + n_atoms * _DATA_BYTES_PER_ATOM
    return Projection(
        planned_bytes=trajectories * (_DECK_BYTES + n_atoms * _DATA_BYTES_PER_ATOM),
        fired_bytes=trajectories * fired,
        files=trajectories * (_FILES_PLANNED + _FILES_FIRED),
        planning_s=trajectories * _PLAN_S,
    )


def require_meant(loaded: LoadedCampaign, folder: Path, *, huge: bool) -> None:
    """Raise `CampaignError` with a projection for very many trajectories, unless `huge`, and where the disk of `folder`
    is too small for their decks. Nothing is drawn yet: a million draws take an hour."""
    config, system = loaded.config, loaded.config.system
    if config.trajectories <= MANY:
        return
    slab = read_pool(loaded.path(system.slab.pool), "slab")
    molecule = read_pool(loaded.path(system.molecule.pool), "molecule")
    projection = project(config.trajectories, len(slab.symbols) + len(molecule.symbols), config.dynamics)
    if not huge:
        raise CampaignError(
            f"{projection.sentence(config.trajectories)} If that is meant, say --huge; several campaigns with seeds of "
            "their own are easier to move and to repeat."
        )
    free = shutil.disk_usage(next(there for there in folder.absolute().parents if there.exists())).free
    if projection.planned_bytes > free:
        raise CampaignError(
            f"{projection.sentence(config.trajectories)} The disk of {folder} has {free / 1e9:.1f} GB: make room, name "
            "another place with --output, or plan fewer."
        )
