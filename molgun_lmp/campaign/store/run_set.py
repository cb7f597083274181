"""What a worker needs to know of a folder full of decks, be it a campaign or the equilibrations of its pools."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from molgun_lmp.campaign.store.campaign_folder import STOP_NAME, TrajectoryFolder
from molgun_lmp.campaign.store.manifest import EngineChoice
from molgun_lmp.config import Dose, Dynamics


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
    dose: Dose | None = None
    """The chains that the trajectories make; None where each is by itself."""

    @property
    def at_once(self) -> int:
        """How many of its open trajectories can be fired at a time: of a chain of doses one."""
        still_open = [int(folder.id) for folder in self.folders if not folder.result_file.exists()]
        if self.dose is None:
            return len(still_open)
        return len({self.dose.place(index)[0] for index in still_open})

    def predecessor(self, folder: TrajectoryFolder) -> TrajectoryFolder | None:
        """The dose of its chain before a trajectory; None where that starts from a clean surface."""
        if self.dose is None:
            return None
        index = int(folder.id)
        _, dose = self.dose.place(index)
        return TrajectoryFolder.of(self.root, index - 1) if dose else None

    def ready(self, folder: TrajectoryFolder) -> bool:
        """Whether a trajectory can be fired now: the dose before it has ended, however it did."""
        before = self.predecessor(folder)
        return before is None or before.result_file.exists()

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
