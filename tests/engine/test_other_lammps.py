"""Workers with another library: Debian's LAMMPS of 2022, with Open MPI, in place of this environment's with MPICH."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_commands import ENVIRONMENT, molgun, results
from fault_cases import plan_stock
from waiting import PATIENCE_S

from molgun_lmp.campaign.launch.same_answer import require_equal
from molgun_lmp.campaign.status import read_status
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.engine.chosen_lammps import ARGUMENTS_VARIABLE, LIBRARY_VARIABLE, try_lammps
from molgun_lmp.engine.force_models import Evaluation, ForceModelInput
from molgun_lmp.engine.lammps_library import LammpsLibrary
from molgun_lmp.engine.session import run_deck
from molgun_lmp.errors import EngineError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.models.predict import Prediction
from molgun_lmp.readers.trajectory import read_frames

pytestmark = pytest.mark.engine

DEBIAN = next(Path("/usr/lib").glob("*/liblammps.so.0"), None)
needs_debian = pytest.mark.skipif(
    DEBIAN is None, reason="no liblammps.so.0: apt-get install lammps (Debian's, of 2022)"
)

# A worker that is killed at the end of its run, before there is a result: its last checkpoint is all that it leaves.
DYING = """
import os, sys
from molgun_lmp.campaign.worker import run_trajectory
from molgun_lmp.campaign.worker.__main__ import main
run_trajectory.require_whole = lambda *_, **__: os._exit(9)
main(sys.argv[1:])
"""
EXTERNAL = """
units metal
atom_style atomic
atom_modify map yes sort 0 0
newton on
boundary p p p
region box prism 0 9 0 8 0 7 1 0 0
create_box 2 box
mass 1 1
mass 2 28
create_atoms 1 single 1 1 1
create_atoms 2 single 4 4 4
variable molgun_elements string "H Si"
pair_style zero 5
pair_coeff * *
fix molgun_force all external pf/callback 1 1
fix_modify molgun_force energy yes
fix move all nve
timestep 0.001
thermo 5
thermo_style custom step temp pe etotal
thermo_modify format float %.15g
dump traj all custom 5 ${dir}/traj.dump id type x y z
dump_modify traj sort id format float %.15g
run 20
"""


class Springs:
    """Each atom is drawn to a point: forces that need no library."""

    elements = frozenset({"H", "Si"})
    cutoff_angstrom = 5.0

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        away = structure.positions - np.array([[2.0, 1.0, 1.0], [4.0, 4.5, 4.0]])
        stiffness = structure.numbers[:, None] / 10.0
        return Evaluation(energy_ev=float((stiffness * away**2).sum() / 2), forces=-stiffness * away)

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        return [self.evaluate(structure) for structure in structures]


def run_external(folder: Path) -> None:
    (folder / "in.lammps").write_text(EXTERNAL)
    done = run_deck(
        folder / "in.lammps",
        variables={"dir": str(folder)},
        force_model=Springs(),
        interrupt=threading.Event(),
        log_path=folder / "log.lammps",
    )
    assert done.error is None
    (folder / "done.json").write_text(json.dumps([done.steps, *done.thermo["TotEng"]]))


def elsewhere(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        env=ENVIRONMENT | {LIBRARY_VARIABLE: str(DEBIAN), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@needs_debian
def test_another_library_fires_goes_on_and_says_so(slab_pool: Pool, molecule_pool: Pool, tmp_path: Path) -> None:
    campaign = plan_stock(tmp_path, slab_pool, molecule_pool, trajectories=2, steps=50)
    died = elsewhere(DYING, campaign)
    assert died.returncode == 9, died.stderr
    done = molgun("run", campaign, "--only", "0", "--workers", "1", "--lmp-library", str(DEBIAN))
    assert done.returncode == 0, done.stderr
    assert "was built without exceptions" in " ".join(done.stderr.split())
    here = molgun("run", campaign, "--workers", "1")
    assert here.returncode == 0, here.stderr
    found = results(campaign)
    assert (found["000000"]["resumed_at"], found["000000"]["attempt"]) == ([30], 2)
    assert found["000000"]["lammps"] == f"29 Sep 2021 - Update 2 ({DEBIAN})"
    assert found["000001"]["lammps"].startswith("22 Jul 2025")
    assert "(" not in found["000001"]["lammps"]
    for said in (here.stdout, read_status(Store.open(campaign)).sentence()):
        assert (
            f"were run by 2 different LAMMPS: 22 Jul 2025 - Update 4 (1), 29 Sep 2021 - Update 2 ({DEBIAN}) (1)" in said
        )


@needs_debian
def test_a_force_model_answers_another_library_as_this_environment_s(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    run_external(tmp_path / "here")
    code = "import sys, pathlib, test_other_lammps; test_other_lammps.run_external(pathlib.Path(sys.argv[1]))"
    done = elsewhere(code, tmp_path / "there")
    assert done.returncode == 0, done.stderr
    here, there = (json.loads((tmp_path / name / "done.json").read_text()) for name in ("here", "there"))
    assert here[0] == there[0] == 20
    np.testing.assert_allclose(there, here, rtol=1e-9)
    frames = [list(read_frames(tmp_path / name / "traj.dump", types={1: "H", 2: "Si"})) for name in ("here", "there")]
    for mine, other in zip(*frames, strict=True):
        np.testing.assert_allclose(other.positions, mine.positions, atol=1e-9)
    assert np.abs(frames[0][-1].positions - frames[0][0].positions).max() > 1e-3


def test_a_callback_is_set_with_a_pointer() -> None:
    """A LAMMPS of 2026 leaves one without it unset, and says so at the first step only."""
    set_with: list[tuple[Any, ...]] = []

    class Library:
        lammps_extract_setting = staticmethod(lambda *_: 4)
        lammps_config_has_exceptions = staticmethod(lambda: 0)
        lammps_set_fix_external_callback = staticmethod(lambda *words: set_with.append(words))

    lmp: Any = object.__new__(LammpsLibrary)
    lmp._library, lmp._lmp, lmp._callbacks = Library(), 7, []
    lmp.set_fix_external_callback("force", lambda *_: None, None)
    ((handle, name, function, pointer),) = set_with
    assert (handle, name) == (7, b"force")
    assert function.value and pointer


def test_another_formula_is_refused_and_rounding_is_not() -> None:
    """As of morse/kk, whose energy lacks the shift: forces are right to rounding, the energy is far off."""
    here = Prediction(energy_ev=-12.0, forces=np.full((4, 3), 0.1))
    require_equal(Prediction(energy_ev=-12.0 + 1e-6, forces=here.forces + 1e-5), here, "other")
    with pytest.raises(
        EngineError, match=r"LAMMPS \(other\) computes something else .* 2\.5e-01 eV/atom, .* 0\.0e\+00"
    ):
        require_equal(Prediction(energy_ev=-13.0, forces=here.forces), here, "other")
    with pytest.raises(EngineError, match=r"a force by up to 2\.0e-03 eV/Å"):
        require_equal(Prediction(energy_ev=-12.0, forces=here.forces + 0.002), here, "other")


@needs_debian
def test_a_library_that_lacks_a_style_is_refused_before_workers_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, str(DEBIAN))
    with pytest.raises(EngineError, match=r"lacks what the decks use: pair mace\. .*plugin_elsewhere.*ML-MACE"):
        try_lammps([("fix", "nve"), ("pair", "mace")])


def test_kokkos_is_refused_where_this_environment_s_lammps_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ARGUMENTS_VARIABLE, "-k on t 1 -sf kk")
    with pytest.raises(EngineError, match=r"LAMMPS \(-k on t 1 -sf kk\) does not start: .*KOKKOS"):
        try_lammps([("fix", "nve")])
