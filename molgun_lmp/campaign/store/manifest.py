"""What a campaign folder is: fixed at `molgun plan`, compared at `molgun run`."""

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from molgun_lmp.config.campaign import Dispersion
from molgun_lmp.config.section import Section
from molgun_lmp.errors import CampaignError
from molgun_lmp.model_formats import Dtype, EngineKind

MANIFEST_NAME: Final = "manifest.json"


class InnerChoice(Section):
    """The inner model of multi-time-step dynamics, and what computes it."""

    every: int
    """Steps from one evaluation of the full model to the next."""
    model: str
    """Its name."""
    kind: EngineKind
    model_file: str
    """In the folder of the inner model."""


class EngineChoice(Section):
    """What computes the forces of a whole campaign, resolved once."""

    kind: EngineKind
    dtype: Dtype
    threads: int
    """CPU threads of one worker."""
    together: int = 1
    """Trajectories that one worker fires at once."""
    hung_after_s: float = 600.0
    """Longest time of a step."""
    model_file: str
    """The file that the engine reads, in the folder of the model; the card where there is no other."""
    commands: tuple[str, ...] = ()
    """The pair potential of the engine `stock`."""
    dispersion: Dispersion | None = None
    """Besides the model."""
    elements: tuple[str, ...]
    """Chemical symbols of LAMMPS types 1, 2, ..."""
    multistep: InnerChoice | None = None

    def __str__(self) -> str:
        plain, inner = f"{self.kind} {self.dtype}", self.multistep
        return plain if inner is None else f"{plain} every {inner.every} steps, {inner.model} by {inner.kind} between"


class Manifest(Section):
    """One campaign folder's identity. Every hash is SHA-256; paths are relative to the folder."""

    manifest_format: Literal[1] = 1
    name: str
    created: str
    trajectories: int
    seed: int
    engine: EngineChoice
    model: str
    level_of_theory: str
    """Of the model's labels: results with different ones are not comparable."""
    cutoff_angstrom: float
    n_slab: int
    n_atoms: int
    n_mobile: int
    cell: tuple[tuple[float, float, float], ...]
    pools: dict[str, str]
    """`slab` and `molecule`: hash of the pool file."""
    template: str
    """Hash of the deck template."""
    config: dict[str, Any]
    """The campaign file as it was planned, to say which key of it was changed."""
    files: dict[str, str]
    """Every file that all trajectories share: configuration, engine.in, model."""
    shards: dict[str, str]
    """Folder of up to 1,000 trajectories -> hash of its `hashes.json`, which holds those of the decks."""
    versions: dict[str, str]


def is_campaign(path: Path) -> bool:
    """Whether a folder is a planned campaign."""
    return (path / MANIFEST_NAME).is_file()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a campaign folder. Raises `CampaignError` that says what the folder is instead."""
    file = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CampaignError(_not_a_campaign(folder)) from error
    except OSError as error:
        raise CampaignError(f"cannot read {file}: {error.strerror}. Check the folder's permissions.") from error
    except ValidationError as error:
        raise CampaignError(
            f"{file} is damaged or of another version of molgun_lmp: {error}. Plan the campaign again in a new folder."
        ) from error


def _not_a_campaign(folder: Path) -> str:
    if not folder.exists():
        return f"there is no folder {folder}. `molgun plan FILE.yaml` makes a campaign folder."
    if not folder.is_dir():
        return f"{folder} is a file, not a campaign folder. Did you mean `molgun plan {folder}`?"
    if not any(folder.iterdir()):
        return f"{folder} is empty: no campaign was planned here. `molgun plan FILE.yaml` makes a campaign folder."
    if (folder / "campaign.yaml").is_file():
        return f"{folder} was never planned: run `molgun plan {folder / 'campaign.yaml'}` first, and name its folder."
    return f"{folder} is no campaign folder (no {MANIFEST_NAME}). `molgun plan FILE.yaml` makes one."
