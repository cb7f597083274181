"""A pool that `molgun equilibrate` has written, and where it lies."""

import dataclasses
from pathlib import Path
from typing import Any

from molgun_lmp.campaign.store.equilibration_folder import unused
from molgun_lmp.config import LoadedCampaign
from molgun_lmp.gun.equilibration_output import EquilibrationStats
from molgun_lmp.gun.pool_memory import FeatureMemory
from molgun_lmp.gun.pools import Part


@dataclasses.dataclass(frozen=True, kw_only=True)
class EquilibratedPool:
    """A pool that was written, how each of its runs went, and how long slow features of it last."""

    part: Part
    file: Path
    snapshots: int
    runs: tuple[EquilibrationStats, ...]
    memory: tuple[FeatureMemory, ...]
    smiles: str | None = None
    """Canonical isomeric SMILES string of the molecule's first snapshot; None without RDKit, and for the slab."""
    faults: tuple[str, ...] = ()
    """Why it is no good pool, where it was to be written all the same."""
    remark: str = ""
    """Of a pool that is worth few independent snapshots."""
    kept: Path | None = None
    """Where the pool that was there before is now."""
    chosen: str | None = None
    """How the structure that was started from was chosen, where it was built from a SMILES string."""
    states: str | None = None
    """The modes that quasi-classical states were drawn of, in words; None for other pools."""

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON-ready dictionary."""
        return {
            "part": self.part,
            "file": str(self.file),
            "snapshots": self.snapshots,
            "runs": [dataclasses.asdict(run) for run in self.runs],
            "memory": [dataclasses.asdict(one) | {"independent": one.independent} for one in self.memory],
            "smiles": self.smiles,
            "chosen": self.chosen,
            "faults": list(self.faults),
            "remark": self.remark,
            "kept": None if self.kept is None else str(self.kept),
            "states": self.states,
        }


def pool_file(loaded: LoadedCampaign, part: Part) -> Path:
    """The pool file that a campaign file names."""
    system = loaded.config.system
    return loaded.path(system.slab.pool if part == "slab" else system.molecule.pool)


def place_for(file: Path) -> Path | None:
    """Make room for a pool; where the one that was there is now."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        return None
    kept = unused(file)
    file.rename(kept)
    return kept
