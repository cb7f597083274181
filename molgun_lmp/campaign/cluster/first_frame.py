"""The first frame of a cluster folder, and the right answer to it."""

import dataclasses
from pathlib import Path

import numpy as np

from molgun_lmp.campaign.store.campaign_folder import MODEL_FOLDER
from molgun_lmp.campaign.store.integrity import require_planned
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.first_frame import ask
from molgun_lmp.engine.registry import ENGINES
from molgun_lmp.errors import ModelError
from molgun_lmp.gun.data_file import read_data
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME
from molgun_lmp.model_formats import MODEL_FORMATS, ParityLimits
from molgun_lmp.models.card import ModelCard, read_card
from molgun_lmp.models.predict import Prediction, predict_calculator
from molgun_lmp.readers.common.frame import Frame


@dataclasses.dataclass(frozen=True, kw_only=True)
class FirstDeck:
    """The first trajectory of a cluster folder."""

    folder: Path
    name: str
    text: str

    @classmethod
    def of(cls, folder: Path) -> "FirstDeck":
        """That of a written folder."""
        name = (folder / "trajectories.txt").read_text(encoding="utf-8").split()[0]
        text = (folder / "trajectories" / name / INPUT_NAME).read_text(encoding="utf-8")
        return cls(folder=folder, name=name, text=text)

    @property
    def home(self) -> Path:
        """Where it lies in the cluster folder."""
        return Path("trajectories") / self.name

    @property
    def data(self) -> Path:
        """Its first frame."""
        return self.folder / self.home / DATA_NAME


@dataclasses.dataclass(frozen=True, kw_only=True)
class RightAnswer:
    """The right answer for the first frame."""

    answer: Prediction
    whose: str
    limits: tuple[ParityLimits, ...] = ()
    """How far it may be from mace itself."""


def right_answer(work: Work, root: Path, first: FirstDeck, model: Path | None) -> RightAnswer:
    """Of mace itself where `model`, the exported model's folder, has its file and no dispersion is laid over it; else
    of the campaign's engine on this machine, in the new folder `root`.

    Raises `EngineError` where that engine fails, `CampaignError` or `ModelError` for files that are not the planned.
    """
    card = read_card(work.root / MODEL_FOLDER)
    mace = None if model is None or work.engine.dispersion is not None else _own_file(model, card)
    if mace is not None:
        answer = next(predict_calculator(mace, [_frame(first.data)], head=card.head))
        return RightAnswer(answer=answer, whose="mace itself")
    row = ENGINES[work.engine.kind]
    return RightAnswer(
        answer=ask(work, root, first.text, first.data),
        whose=f"this campaign's engine here ({work.engine})",
        limits=() if row.format is None else (MODEL_FORMATS[row.format].parity[work.engine.dtype],),
    )


def _frame(data: Path) -> Frame:
    found = read_data(data.read_text(encoding="utf-8"))
    return Frame(
        step=0,
        symbols=found.symbols or (),
        positions=found.positions,
        images=None,
        velocities=None,
        cell=found.cell,
        origin=np.zeros(3),
        pbc=(True, True, True),
    )


def _own_file(folder: Path, card: ModelCard) -> Path | None:
    """Mace's own file in an exported model's folder, whose hash stands in the card."""
    try:
        entry = card.find("mace")
    except ModelError:
        return None
    file = folder / entry.name
    if not file.is_file():
        return None
    require_planned(file, entry.sha256)
    return file
