"""What a worker needs to know of a folder full of decks, be it a campaign or the equilibrations of its pools."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from molgun_lmp.campaign.store.campaign_folder import STOP_NAME, TrajectoryFolder
from molgun_lmp.campaign.store.manifest import EngineChoice
from molgun_lmp.config import Dynamics


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """Decks to be run, all with one force model."""

    root: Path
    """Holds `engine.in` and the model; every deck lies three levels below."""
    engine: EngineChoice
    dynamics: Dynamics | None
    """What says whether the total energy must be conserved; None where it need not."""
    n_atoms: int
    steps: int
    """Steps of a run that no rule ends before."""
    folders: tuple[TrajectoryFolder, ...]
    only: tuple[str, ...]
    """The names that `folders` were chosen by; empty for all that there are."""
    files: Mapping[str, str]
    """Files that all runs share, relative to the root -> SHA-256."""
    shards: Mapping[str, str]
    """Folder of runs -> SHA-256 of its `hashes.json`."""
    again: str
    """The command that goes on after an interruption."""
    n_mobile: int = 0
    """Of the atoms; 0 where nobody asks."""
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The campaign file as it was planned; empty where there is none."""

    @property
    def stop_file(self) -> Path:
        """Whoever makes this file asks all workers to stop."""
        return self.root / STOP_NAME

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to do."""
        return all(folder.result_file.exists() for folder in self.folders)

    @property
    def logs(self) -> Path:
        """The workers' logs."""
        return self.root / "logs"
