"""The example's own model on a molecule bound to the slab: the deployed files against mace, and energy conservation."""

import threading
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io.lammpsdata import write_lammps_data

from molgun_lmp.engine.force_models import SymmetrixModel
from molgun_lmp.engine.plugin_build import ensure_plugin
from molgun_lmp.engine.session import DeckRun, run_deck
from molgun_lmp.models.card import load_card, model_file
from molgun_lmp.readers.lammps.log import thermo_tables
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import frozen_mask
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.export.export import Provenance, export

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "molgun_lmp" / "examples" / "ecco-si001"
MODEL = EXAMPLE / "model"
ELEMENTS = ["H", "C", "Si"]
N_SLAB = 128


@pytest.fixture(scope="module")
def bound() -> Atoms:
    """A labelled frame of ECCO bound on-top, cyclooctyne side down."""
    frames = read_dataset([EXAMPLE / "data" / "frames.extxyz.xz"]).frames
    frame = next(frame for frame in frames if frame.trajectory == "th-otcy")
    return frame.atoms()


def _deck(folder: Path, atoms: Atoms, engine: str, rest: str) -> Path:
    write_lammps_data(folder / "data.lmp", atoms, specorder=ELEMENTS, masses=True, units="metal", velocities=False)
    deck = folder / "in.lammps"
    deck.write_text(
        "variable dir index .\nunits metal\natom_style atomic\natom_modify map yes sort 0 0\n"
        f"read_data ${{dir}}/data.lmp\n{engine}"
        "thermo_style custom step time pe ke etotal\nthermo_modify format float %.17g\n" + rest
    )
    return deck


def _run(folder: Path, deck: Path, force_model: SymmetrixModel | None = None) -> DeckRun:
    done = run_deck(
        deck,
        variables={"dir": str(folder)},
        force_model=force_model,
        interrupt=threading.Event(),
        log_path=folder / "log.lammps",
    )
    assert done.error is None, done.error
    return done


def test_float64_pair_style_equals_mace(bound: Atoms, tmp_path: Path) -> None:
    from mace.calculators import MACECalculator

    ensure_plugin()
    frames = read_dataset([EXAMPLE / "data" / "model_frames.extxyz.xz"]).frames
    shipped = load_card(MODEL)
    source = model_file(MODEL, shipped, "mace")
    card = export(
        source,
        tmp_path / "float64",
        frames=frames[:2],
        provenance=Provenance.of(shipped),
        formats=("torchscript-float64",),
    )
    deployed = model_file(tmp_path / "float64", card, "torchscript", "float64")
    engine = f"pair_style mace no_domain_decomposition\npair_coeff * * {deployed} {' '.join(ELEMENTS)}\n"
    rest = (
        "dump forces all custom 1 ${dir}/forces.dump id fx fy fz\n"
        "dump_modify forces sort id format float %.17g\nrun 0\n"
    )
    done = _run(tmp_path, _deck(tmp_path, bound, engine, rest))
    forces = np.loadtxt(tmp_path / "forces.dump", skiprows=9)[:, 1:]
    bound.calc = MACECalculator(model_paths=str(source), device="cpu", default_dtype="float64")
    assert abs(forces - bound.get_forces()).max() < 1e-6
    assert abs(done.thermo["PotEng"][0] - bound.get_potential_energy()) / len(bound) < 1e-6


def test_bound_molecule_conserves_energy_for_a_picosecond(bound: Atoms, tmp_path: Path) -> None:
    """2,000 NVE steps of 0.5 fs in float64: fitted drift below 1e-5 eV/atom/ps."""
    frozen = frozen_mask(bound[:N_SLAB], find_surface(bound[:N_SLAB]), 3)
    model = SymmetrixModel(model_file(MODEL, load_card(MODEL), "symmetrix"), dtype="float64")
    held = " ".join(str(index + 1) for index in np.flatnonzero(frozen))
    engine = (
        f'variable molgun_elements string "{" ".join(ELEMENTS)}"\npair_style zero {model.cutoff_angstrom}\n'
        "pair_coeff * *\nfix molgun_force all external pf/callback 1 1\nfix_modify molgun_force energy yes\n"
    )
    rest = (
        # The labelled frame is not the model's own: a few steps downhill first, or it would heat by 2,000 K.
        f"group held id {held}\ngroup mobile subtract all held\nfix hold held setforce 0 0 0\nmin_style cg\n"
        "minimize 0.0 0.02 200 400\nunfix hold\nreset_timestep 0\nvelocity mobile create 300 24 mom no rot no\n"
        "timestep 0.0005\nfix nve mobile nve\nthermo 10\nrun 2000\n"
    )
    _run(tmp_path, _deck(tmp_path, bound, engine, rest), model)
    dynamics = thermo_tables((tmp_path / "log.lammps").read_text())[-1]  # the one before is the minimisation's
    time_ps, energy_ev = (dynamics.rows[:, dynamics.columns.index(name)] for name in ("Time", "TotEng"))
    slope = np.polyfit(time_ps, energy_ev / len(bound), 1)[0]
    assert time_ps[-1] - time_ps[0] == pytest.approx(1.0)
    assert abs(slope) < 1e-5
