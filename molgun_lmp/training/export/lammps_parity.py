"""Frames through LAMMPS itself, with the engine include that a campaign uses: does the exported file arrive there?

The one module of this stage that reaches forward to the engine, so that parity is shown on the road that trajectories
take.
"""

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism
from ase.io.lammpsdata import write_lammps_data

from molgun_lmp.errors import ModelError
from molgun_lmp.model_formats import Dtype, ModelEngineKind
from molgun_lmp.models.boxes import boxed
from molgun_lmp.models.predict import Prediction, has_volume
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame

if TYPE_CHECKING:
    from molgun_lmp.engine.force_models import ForceModel

_BAR_PER_EV_PER_CUBIC_ANGSTROM: Final = 1.6021765e6  # LAMMPS's own (nktv2p), digit for digit
_LEAST_VACUUM_ANGSTROM: Final = 10.0
_PRESSURE: Final = ("Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz")


def predict_in_lammps(
    file: Path,
    frames: Sequence[LabelledFrame],
    *,
    engine: ModelEngineKind,
    dtype: Dtype,
    elements: Sequence[str],
    cutoff_angstrom: float,
) -> list[Prediction]:
    """Energies, forces and virials that LAMMPS computes with an exported file, one run of no steps for each frame.

    A frame that is periodic in some directions only has vacuum along the others, wider than the cutoff, and no virial;
    an engine that is attached through `fix external` gives none either. Raises `EngineError` where it does not run
    here, `ModelError` where LAMMPS fails on the file.
    """
    from molgun_lmp.engine.registry import ENGINES  # noqa: PLC0415
    from molgun_lmp.engine.resolve import ResolvedEngine, engine_include  # noqa: PLC0415

    resolved = ResolvedEngine(kind=engine, dtype=dtype, model_file=file.name, cutoff_angstrom=cutoff_angstrom)
    force_model = ENGINES[engine].load(file, dtype, None)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / "model").symlink_to(file.parent.resolve(), target_is_directory=True)
        include = engine_include(resolved, elements)
        margin = max(cutoff_angstrom, _LEAST_VACUUM_ANGSTROM)
        return [
            _run(root, frame, boxed(frame.atoms(), margin), include, elements, force_model=force_model)
            for frame in frames
        ]


def _run(
    root: Path,
    frame: LabelledFrame,
    atoms: Atoms,
    include: str,
    elements: Sequence[str],
    *,
    force_model: "ForceModel | None",
) -> Prediction:
    from molgun_lmp.engine.session import run_deck  # noqa: PLC0415

    periodic = any(frame.pbc)
    prism = Prism(atoms.cell.array, pbc=periodic)
    write_lammps_data(
        root / "data.lmp", atoms, specorder=list(elements), masses=True, units="metal", prismobj=prism, velocities=False
    )
    (root / "in.lammps").write_text(_deck(include, periodic=periodic), encoding="utf-8")
    done = run_deck(
        root / "in.lammps",
        variables={"root": str(root)},
        force_model=force_model,
        interrupt=threading.Event(),
        log_path=root / "log.lammps",
    )
    if done.error is not None:
        raise ModelError(f"LAMMPS fails with the exported model on {frame.source}: {done.error}.")
    rows = np.atleast_2d(np.loadtxt(root / "forces.dump", skiprows=9))
    xx, yy, zz, xy, xz, yz = (float(done.thermo[name][-1]) for name in _PRESSURE)
    # The atoms are at rest: the whole pressure is that of the virial.
    tensor = prism.tensor2_to_ase(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
    virial_ev = np.asarray(tensor * atoms.get_volume() / _BAR_PER_EV_PER_CUBIC_ANGSTROM)
    return Prediction(
        energy_ev=float(done.thermo["PotEng"][-1]),
        forces=np.asarray(prism.vector_to_ase(rows[:, 1:4])),
        virial_ev=virial_ev if force_model is None and has_volume(frame) else None,
    )


def _deck(include: str, *, periodic: bool) -> str:
    return (
        f"units metal\natom_style atomic\natom_modify map yes sort 0 0\nboundary {'p p p' if periodic else 'f f f'}\n"
        f"box tilt large\nread_data ${{root}}/data.lmp\n{include}"
        "thermo_style custom step pe pxx pyy pzz pxy pxz pyz\nthermo_modify format float %.17g\n"
        "dump forces all custom 1 ${root}/forces.dump id fx fy fz\n"
        "dump_modify forces sort id format float %.17g\nrun 0\n"
    )
