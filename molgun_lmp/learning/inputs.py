"""What a loop is made of, read and checked before anything is written: campaign, training, labels, first models."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from molgun_lmp.campaign.launch.mpi import under_launcher
from molgun_lmp.config.loading import LoadedCampaign, load_campaign, load_section
from molgun_lmp.errors import ConfigError, ModelError
from molgun_lmp.gun.pools import read_pools
from molgun_lmp.learning.loop_folder import RoundFolder
from molgun_lmp.learning.settings import LoopConfig
from molgun_lmp.model_formats import EXPORTED_FILES
from molgun_lmp.provenance import sha256_json
from molgun_lmp.training.dataset.given_sets import write_given, write_isolated
from molgun_lmp.training.evaluation.predictor import ModelSource, find_model
from molgun_lmp.training.labelling.settings import LabellingConfig
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.committee import require_members
from molgun_lmp.training.trainer.preparation import Prepared, prepare


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loop:
    """A loop whose files were read and found sound."""

    config: LoopConfig
    folder: Path
    campaign: LoadedCampaign
    prepared: Prepared
    labelling: LabellingConfig
    start: tuple[ModelSource, ...]
    pools: dict[str, str]
    """SHA-256 of the slab's and the molecule's."""

    def round(self, number: int) -> RoundFolder:
        """The paths of a round."""
        return RoundFolder(loop=self.folder, number=number)

    @property
    def frames(self) -> Path:
        """The training file's frames, each with its set."""
        return self.folder / "data" / "start.extxyz"

    @property
    def isolated_atoms(self) -> Path:
        """There where the training file's frames hold any."""
        return self.folder / "data" / "isolated-atoms.extxyz"

    @property
    def labels(self) -> Path:
        """One folder of labels for all rounds: what was labelled in one is not labelled again in another."""
        return self.folder / "labels"

    @property
    def device(self) -> str:
        """Where models are trained and asked."""
        return self.prepared.config.device

    def files(self) -> dict[str, str]:
        """What decides the rounds in the files that the loop file names -> its hash."""
        labelling = self.labelling.model_dump(mode="json", exclude={"workers", "threads", "checks"})
        return {
            "campaign": sha256_json({"config": self.campaign.config.model_dump(mode="json"), "pools": self.pools}),
            "train": sha256_json(
                {
                    "config": self.prepared.config.model_dump(mode="json", exclude={"threads", "frames"}),
                    "frames": self.prepared.files(),
                }
            ),
            "label": sha256_json(labelling),
            "start": sha256_json({str(number): one.sha256 for number, one in enumerate(self.start)}),
        }

    def write_data(self) -> None:
        """The frames that learning begins with, once: what is held out stays so in all rounds. Raises `OSError`."""
        self.frames.parent.mkdir(parents=True, exist_ok=True)
        if self.prepared.dataset.isolated_atoms_ev and not self.isolated_atoms.exists():
            write_isolated(self.isolated_atoms, self.prepared.dataset.isolated_atoms_ev)
        if not self.frames.exists():
            write_given(self.frames, self.prepared.split.sets())


def load_loop(file: Path, overrides: Sequence[str] = (), output: Path | None = None) -> Loop:
    """Read a loop file and all that it names; relative paths start from its folder.

    Raises `ConfigError`, `InputFileError`, `ModelError` or `TrainingError`, each before anything is written.
    """
    if under_launcher():
        raise ConfigError(
            "`molgun learn` starts its stages by itself: give it without mpirun and srun, and put these into the loop "
            'file, such as `launch: {run: [mpirun, -n, "8"]}`.'
        )
    config = load_section(file, LoopConfig, overrides, what="a loop file")
    base = file.resolve().parent
    training = load_section(base / config.train, TrainingConfig, what="a training file")
    labelling = load_section(base / config.label, LabellingConfig, what="a label file")
    campaign = load_campaign(base / config.campaign)
    _check(config, training, labelling, campaign)
    start = tuple(_start_model(base / folder) for folder in config.start)
    prepared = prepare(training, (base / config.train).resolve().parent)
    pools = read_pools(campaign)
    loop = Loop(
        config=config,
        folder=(output or base / config.name).resolve(),
        campaign=campaign,
        prepared=prepared,
        labelling=labelling,
        start=start,
        pools={"slab": pools.slab.sha256, "molecule": pools.molecule.sha256},
    )
    if not loop.frames.exists():  # one that has begun has frames of its own besides
        require_members(prepared, config.committee.members)
    return loop


def _check(config: LoopConfig, training: TrainingConfig, labelling: LabellingConfig, campaign: LoadedCampaign) -> None:
    if training.level_of_theory != labelling.level_of_theory:
        raise ConfigError(
            f"{config.train} is of the level of theory {training.level_of_theory!r}, {config.label} of "
            f"{labelling.level_of_theory!r}: labels of two methods must not mix. Write it alike where it is the same."
        )
    if campaign.config.engine.kind == "stock":
        raise ConfigError(
            f"{config.campaign} fires under a stock potential (engine.kind), and nothing would be learned: name a "
            "campaign that runs a model."
        )
    if training.multihead is not None and config.retraining.from_last_round:
        raise ConfigError(
            f"retraining.from_last_round: {config.train} trains a second head beside the foundation's, which cannot be "
            "gone on with. Set it to false, or leave `multihead` out of the training file."
        )
    unknown = sorted(set(config.formats) - EXPORTED_FILES.keys())
    if unknown:
        raise ConfigError(f"formats: there is no {unknown[0]}, only {', '.join(EXPORTED_FILES)}.")


def _start_model(folder: Path) -> ModelSource:
    found = find_model(folder.resolve())
    if found.format != "mace" or found.sha256 is None:
        raise ModelError(
            f"start: {folder} has no mace file with a card or a training record beside it, which learning needs. Name "
            "a folder of `molgun export` with the format mace, or of `molgun train`."
        )
    return found


def training_document(loop: Loop) -> dict[str, Any]:
    """The training file as every round uses it: frames that were judged, in sets that are given.

    Limits that look at a whole data set at once have looked; frames of a new round would be held against another
    first frame.
    """
    document = loop.prepared.config.model_dump(mode="json")
    limits = {
        **document["limits"],
        "intact_bonds": {},
        "energies_follow_forces": False,
        "zeroed_forces": True,
        "lost_periodicity": True,
    }
    if loop.prepared.foundation is not None:
        one = loop.prepared.foundation
        document["foundation"] = {"file": str(one.file), "sha256": one.sha256}
    return {**document, "preset": None, "limits": limits}
