"""The first frame of a cluster folder: the input that asks for its energy and forces, and the right answer to it."""

import dataclasses
import re
import shutil
import threading
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import ENGINE_NAME, MODEL_FOLDER
from molgun_lmp.campaign.store.integrity import require_planned, verify_shared
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.asked_models import force_model
from molgun_lmp.engine.lammps_build import last_words
from molgun_lmp.engine.registry import ENGINES
from molgun_lmp.engine.session import run_deck
from molgun_lmp.errors import EngineError, ModelError
from molgun_lmp.gun.data_file import read_data
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME
from molgun_lmp.model_formats import MODEL_FORMATS, ParityLimits
from molgun_lmp.models.card import ModelCard, read_card
from molgun_lmp.models.predict import Prediction, predict_calculator
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.readers.lammps.log import joined_thermo, thermo_tables

_EQUATIONS: Final = re.compile(r"^(?:timestep|fix|compute)\b", re.MULTILINE)
_AS_IT_STANDS: Final = """
thermo_style custom step temp pe
thermo_modify format float %.17g
dump check all custom 1 ${dir}/check.dump id fx fy fz
dump_modify check sort id format float %.17g
run 0
"""


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


def as_it_stands(deck: str) -> str:
    """The deck up to its equations of motion, and the energy and forces of its frame: no fix acts on them."""
    found = _EQUATIONS.search(deck)
    return deck[: found.start() if found else len(deck)] + _AS_IT_STANDS


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
    verify_shared(work)
    root.mkdir()
    (root / MODEL_FOLDER).symlink_to((work.root / MODEL_FOLDER).resolve(), target_is_directory=True)
    shutil.copyfile(work.root / ENGINE_NAME, root / ENGINE_NAME)
    shutil.copyfile(first.data, root / DATA_NAME)
    (root / "check.in").write_text(as_it_stands(first.text), encoding="utf-8")
    row = ENGINES[work.engine.kind]
    done = run_deck(
        root / "check.in",
        variables={"dir": str(root), "root": str(root)},
        force_model=force_model(work),
        interrupt=threading.Event(),
        log_path=root / "check.log",
        plugin=row.needs_plugin,
    )
    if done.error is not None:
        raise EngineError(f"the campaign's own engine fails here on its first deck: {done.error}")
    return RightAnswer(
        answer=answer_in((root / "check.log").read_text(encoding="utf-8"), root / "check.dump"),
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


def answer_in(log: str, dump: Path) -> Prediction:
    """What LAMMPS wrote for the input `as_it_stands`. Raises `EngineError` where that is nothing."""
    thermo = joined_thermo(thermo_tables(log))
    if "PotEng" not in thermo or not dump.is_file():
        raise EngineError(f"do not send it: LAMMPS gives no energy of the first frame: {last_words(log)}")
    rows: FloatArray = np.atleast_2d(np.loadtxt(dump, skiprows=9))
    return Prediction(energy_ev=float(thermo["PotEng"][0]), forces=rows[:, 1:4])
