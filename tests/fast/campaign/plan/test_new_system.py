"""`molgun init` for a system of the user's own, and the surfaces and molecules that a campaign file may start from."""

import json
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111
from typer.testing import CliRunner

from molgun_lmp.campaign.plan.examples import copy_example, examples
from molgun_lmp.campaign.plan.new_system import NewSystem, write_new_system
from molgun_lmp.cli.app import app
from molgun_lmp.config import NamedStart, SurfaceStart, load_campaign
from molgun_lmp.config.loading import validated
from molgun_lmp.errors import CampaignError, ConfigError, GeometryError, InputFileError, MolgunError
from molgun_lmp.gun.builders import build_molecule, build_slab
from molgun_lmp.gun.cell import campaign_cell
from molgun_lmp.surface.clean_surface import find_surface

ROOT_2, ROOT_3 = np.sqrt(2.0), np.sqrt(3.0)
SURFACES: dict[str, tuple[dict[str, Any], int, float]] = {
    "fcc100": ({"element": "Cu"}, 5, 2 / 3.61**2),
    "fcc110": ({"element": "Ag", "layers": 7}, 7, ROOT_2 / 4.09**2),
    "fcc111": ({"element": "Ni", "lattice_constant_angstrom": 3.6}, 5, 4 / (ROOT_3 * 3.6**2)),
    "bcc100": ({"element": "W"}, 5, 1 / 3.16**2),
    "bcc110": ({"element": "Fe"}, 5, ROOT_2 / 2.87**2),
    "bcc111": ({"element": "W", "layers": 6}, 6, 0.0),
    "hcp0001": ({"element": "Ti", "c_angstrom": 4.68}, 5, 2 / (ROOT_3 * 2.95**2)),
    "diamond100": ({"element": "Si", "layers": 6}, 6, 2 / 5.43**2),
    "diamond111": ({"element": "C", "layers": 6}, 6, 0.0),
    "graphene": ({}, 1, 4 / (ROOT_3 * 2.46**2)),
}
"""Kind -> what is said of it, its layers, and atoms of the top layer per square Å (0: not compared)."""


@pytest.mark.parametrize("kind", SURFACES)
def test_a_surface_is_that_of_its_crystal(kind: str) -> None:
    said, layers, density = SURFACES[kind]
    start = validated({"kind": kind, "size": [3, 3], **said}, SurfaceStart, where="here")
    slab = build_slab(start, Path.absolute)
    surface = find_surface(slab)
    if kind not in {"bcc111", "diamond111"}:  # whose layers are pairs, or too close to tell
        assert surface.n_layers == layers
    assert slab.positions[:, 2].min() == pytest.approx(1.0)
    assert slab.cell[2, 2] - slab.positions[:, 2].max() == pytest.approx(20.0)
    assert slab.pbc.all()
    cell = campaign_cell(slab.cell[:], 30.0)
    if density:
        area = float(np.linalg.norm(np.cross(cell[0], cell[1])))
        assert np.count_nonzero(surface.top) / area == pytest.approx(density, rel=0.01)
    nearest = slab.get_all_distances(mic=True)[0]
    assert np.sort(nearest)[1] > 1.3


def test_what_cannot_be_built_is_said() -> None:
    for said in ({"kind": "fcc111", "element": "Fe"}, {"kind": "fcc111", "element": "Ga"}, {"kind": "bcc110"}):
        with pytest.raises(GeometryError, match="lattice_constant_angstrom"):
            build_slab(validated(said, SurfaceStart, where="here"), Path.absolute)
    with pytest.raises(ConfigError, match="kind"):
        validated({"kind": "fcc211"}, SurfaceStart, where="here")


def test_a_molecule_by_its_name() -> None:
    def named(name: str) -> Atoms:
        return build_molecule(NamedStart(kind="named", name=name), Path.absolute)

    assert (named("Ar").get_chemical_symbols(), named("Ar").positions.tolist()) == (["Ar"], [[0.0, 0.0, 0.0]])
    hydrogen = named("H2")
    assert np.linalg.norm(hydrogen.positions[0] - hydrogen.positions[1]) == pytest.approx(0.74, abs=0.01)
    assert named("CH4").get_chemical_formula() == "CH4"
    with pytest.raises(ConfigError, match=r"did you mean .*CH3CHO"):
        named("CH3HO")
    with pytest.raises(ConfigError, match="SMILES"):
        named("quinacridone")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_that_plans_is_written(here: Path) -> None:
    system = NewSystem(slab="fcc111:Ni:4x4x5:3.52", molecule="H2", potential="eam/alloy:NiAlH_jea.eam.alloy")
    assert write_new_system(system, here / "my H2") == [Path("campaign.yaml")]
    config = load_campaign(here / "my H2/campaign.yaml").config
    assert config.name == "my-H2"
    assert config.system.slab.start == SurfaceStart(
        kind="fcc111", element="Ni", size=(4, 4), layers=5, lattice_constant_angstrom=3.52
    )
    assert config.system.slab.frozen_layers == 2
    assert config.engine.commands == ("pair_style eam/alloy", "pair_coeff * * NiAlH_jea.eam.alloy")
    assert config.dynamics.timestep_fs == 0.5
    assert config.outcomes.scheme == "general"
    thin = NewSystem(slab="graphene:C:4x4x1", molecule="Ar", temperature_k=150.0)
    write_new_system(thin, here / "thin")
    config = load_campaign(here / "thin/campaign.yaml").config
    assert (config.system.slab.frozen_layers, config.engine.kind, config.dynamics.timestep_fs) == (0, "auto", 1.0)
    assert config.system.equilibration.temperature_k == 150.0


def test_files_of_the_user_s_own_go_along(here: Path) -> None:
    slab = fcc111("Cu", (3, 3, 4), a=3.61, vacuum=8.0)
    slab.pbc = True
    (here / "data").mkdir()
    ase.io.write(here / "data/cu.xyz", Atoms(slab.numbers, slab.positions, cell=slab.cell, pbc=True), format="extxyz")
    ase.io.write(here / "data/co.xyz", Atoms("CO", [[0, 0, 0], [0, 0, 1.13]]))
    files = write_new_system(NewSystem(slab="data/cu.xyz", molecule="data/co.xyz", frozen_layers=1), here / "new")
    assert sorted(map(str, files)) == ["campaign.yaml", "co.xyz", "cu.xyz"]
    loaded = load_campaign(here / "new/campaign.yaml")
    system = loaded.config.system
    assert system.slab.start is not None
    assert system.molecule.start is not None
    assert len(build_slab(system.slab.start, loaded.path)) == 36
    assert len(build_molecule(system.molecule.start, loaded.path)) == 2
    assert system.slab.frozen_layers == 1
    with pytest.raises(ConfigError, match=r"both called co\.xyz"):
        write_new_system(NewSystem(slab="data/co.xyz", molecule="data/co.xyz"), here / "twice")


@pytest.mark.parametrize(
    ("slab", "molecule", "more", "words"),
    [
        ("copper", "H2", {}, "neither a file nor a surface"),
        ("fcc111:Cu:4x4", "H2", {}, "neither a file nor a surface"),
        ("fcc111:Cu:4x4x4:3.6.1", "H2", {}, "neither a file nor a surface"),
        ("fcc211:Cu:4x4x4", "H2", {}, "--slab fcc211:Cu:4x4x4"),
        ("fcc111:Cu:4x4x4", "H3", {}, "no molecule that ASE knows"),
        ("fcc111:Cu:4x4x4", "H2", {"potential": "eam/alloy:NiAlH_jea.eam.alloy"}, "and not Cu"),
        ("fcc111:Ni:4x4x4", "H2", {"potential": "eam/alloy:nowhere"}, "there is no file nowhere"),
        ("fcc111:Ni:4x4x4", "H2", {"potential": "python:x"}, "expected STYLE:FILE"),
        ("fcc111:Ni:4x4x4", "H2", {"frozen_layers": 4}, "at least the top layer must move"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_written(
    here: Path, slab: str, molecule: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(MolgunError, match=words):
        write_new_system(NewSystem(slab=slab, molecule=molecule, **more), here / "new")
    assert not (here / "new").exists()


def test_the_command(here: Path) -> None:
    runner = CliRunner()
    answer = runner.invoke(app, ["init", "new", "--slab", "fcc111:Cu:3x3x4", "--molecule", "CO", "--json"])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["files"] == ["campaign.yaml"]
    with pytest.raises(CampaignError, match="exists already"):
        write_new_system(NewSystem(slab="fcc111:Cu:3x3x4", molecule="CO"), here / "new")
    alone = runner.invoke(app, ["init", "other", "--slab", "fcc111:Cu:3x3x4"])
    assert isinstance(alone.exception, ConfigError | SystemExit)
    assert not (here / "other").exists()


def test_next_is_said_by_what_an_example_holds(here: Path) -> None:
    runner = CliRunner()
    for example, command in (("ar-cu111", "equilibrate"), ("co-cu111", "equilibrate")):
        answer = runner.invoke(app, ["init", example, "--example", example])
        assert f"molgun {command} " in " ".join(answer.output.split())
    ready = runner.invoke(app, ["init", "ecco"])
    assert "molgun plan " in " ".join(ready.output.split())


def test_each_example_says_what_it_is_good_for(here: Path) -> None:
    new = [one.name for one in examples() if one.name in {"ar-cu111", "h2-ni111", "h-graphene"}]
    assert len(new) == 3
    for name in new:
        copy_example(name, here / name)
        lines = (here / name / "campaign.yaml").read_text(encoding="utf-8").splitlines()
        text = " ".join(line.removeprefix("#").strip() for line in lines)
        assert "Good for: " in text
        assert "Not for: " in text
    with pytest.raises((ConfigError, InputFileError)):
        copy_example("nothing", here / "nothing")
