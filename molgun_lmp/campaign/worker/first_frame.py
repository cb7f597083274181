"""Energy and forces of a deck's first frame, as this process's LAMMPS computes them.

`python -m molgun_lmp.campaign.worker.first_frame CAMPAIGN DECK_FOLDER NEW_FOLDER` prints them as a line of JSON: in a
process of its own, since the LAMMPS of its environment may end it.
"""

import json
import re
import shutil
import sys
import threading
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import ENGINE_NAME, MODEL_FOLDER
from molgun_lmp.campaign.store.integrity import verify_shared
from molgun_lmp.campaign.store.opening import open_work
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.asked_models import force_model
from molgun_lmp.engine.lammps_build import last_words
from molgun_lmp.engine.registry import ENGINES
from molgun_lmp.engine.session import run_deck
from molgun_lmp.errors import EngineError, MolgunError
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME
from molgun_lmp.models.predict import Prediction
from molgun_lmp.readers.lammps.log import joined_thermo, thermo_tables

_EQUATIONS: Final = re.compile(r"^(?:timestep|fix|compute)\b", re.MULTILINE)
_AS_IT_STANDS: Final = """
thermo_style custom step temp pe
thermo_modify format float %.17g
dump check all custom 1 ${dir}/check.dump id fx fy fz
dump_modify check sort id format float %.17g
run 0
"""


def as_it_stands(deck: str) -> str:
    """The deck up to its equations of motion, and the energy and forces of its frame: no fix acts on them."""
    found = _EQUATIONS.search(deck)
    return deck[: found.start() if found else len(deck)] + _AS_IT_STANDS


def ask(work: Work, root: Path, deck: str, data: Path) -> Prediction:
    """Of the campaign's engine on this machine, in the new folder `root`.

    Raises `EngineError` where it fails, `CampaignError` for shared files that are not the planned ones.
    """
    verify_shared(work)
    root.mkdir()
    (root / MODEL_FOLDER).symlink_to((work.root / MODEL_FOLDER).resolve(), target_is_directory=True)
    shutil.copyfile(work.root / ENGINE_NAME, root / ENGINE_NAME)
    shutil.copyfile(data, root / DATA_NAME)
    (root / "check.in").write_text(as_it_stands(deck), encoding="utf-8")
    done = run_deck(
        root / "check.in",
        variables={"dir": str(root), "root": str(root)},
        force_model=force_model(work),
        interrupt=threading.Event(),
        log_path=root / "check.log",
        plugin=ENGINES[work.engine.kind].needs_plugin,
    )
    if done.error is not None:
        raise EngineError(f"the campaign's own engine fails here on its first deck: {done.error}")
    return answer_in((root / "check.log").read_text(encoding="utf-8"), root / "check.dump")


def answer_in(log: str, dump: Path) -> Prediction:
    """What LAMMPS wrote for the input `as_it_stands`. Raises `EngineError` where that is nothing."""
    thermo = joined_thermo(thermo_tables(log))
    if "PotEng" not in thermo or not dump.is_file():
        raise EngineError(f"LAMMPS gives no energy of the first frame: {last_words(log)}")
    rows: FloatArray = np.atleast_2d(np.loadtxt(dump, skiprows=9))
    return Prediction(energy_ev=float(thermo["PotEng"][0]), forces=rows[:, 1:4])


def main() -> None:
    """See the module."""
    campaign, deck, root = (Path(word) for word in sys.argv[1:])
    try:
        found = ask(open_work(campaign), root, (deck / INPUT_NAME).read_text(encoding="utf-8"), deck / DATA_NAME)
    except MolgunError as error:
        sys.exit(str(error))
    print(json.dumps({"energy_ev": found.energy_ev, "forces": found.forces.tolist()}), flush=True)


if __name__ == "__main__":
    main()
