"""The ways of doing a step that are compared: each takes a structure and gives seconds per step."""

import dataclasses
import re
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from ase import Atoms, units
from ase.io.lammpsdata import write_lammps_data
from ase.md.verlet import VelocityVerlet

from molgun_lmp.bench.cases import ELEMENTS, BenchModel
from molgun_lmp.engine.force_models import Dtype, Evaluation, ForceModel, Structure, SymmetrixModel
from molgun_lmp.engine.plugin_build import ensure_plugin
from molgun_lmp.engine.resolve import ResolvedEngine, engine_include
from molgun_lmp.engine.session import run_deck
from molgun_lmp.errors import EngineError

TIMESTEP_FS: Final = 0.5
_LOOP: Final = re.compile(r"^Loop time of (\S+) on", re.MULTILINE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds per step; `force_s` those inside the force model, None where they cannot be told apart."""

    step_s: float
    force_s: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Driver:
    """One way: `measure(atoms, steps)` runs that many steps of NVE from rest, warmed up, and times them."""

    name: str
    measure: Callable[[Atoms, int], Timing]


def drivers(model: BenchModel) -> list[Driver]:
    """All ways that this machine has, the paper's driver first. Models are loaded here, once."""
    found = [_ase(model, "float64"), _ase(model, "float32"), _pair_style(model)]
    if model.symmetrix is not None:
        found += [_symmetrix(model, model.symmetrix, "float64"), _symmetrix(model, model.symmetrix, "float32")]
    return found


def structure_of(atoms: Atoms) -> Structure:
    """A frame as force models see it."""
    return Structure(
        numbers=atoms.numbers,
        positions=atoms.positions,
        cell=atoms.cell.array,
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
    )


def _ase(model: BenchModel, dtype: Dtype) -> Driver:
    from mace.calculators import MACECalculator  # noqa: PLC0415

    calculator = MACECalculator(model_paths=str(model.model), default_dtype=dtype, device="cpu")

    def measure(atoms: Atoms, steps: int) -> Timing:
        moving = atoms.copy()
        moving.calc = calculator
        dynamics = VelocityVerlet(moving, timestep=TIMESTEP_FS * units.fs)
        dynamics.run(1)
        started = time.perf_counter()
        dynamics.run(steps)
        return Timing(step_s=(time.perf_counter() - started) / steps)

    return Driver(name=f"ASE + MACECalculator {dtype}", measure=measure)


def _pair_style(model: BenchModel) -> Driver:
    ensure_plugin()

    def measure(atoms: Atoms, steps: int) -> Timing:
        return Timing(
            step_s=_in_lammps(model, model.torchscript, atoms, steps=steps, force_model=None, dtype="float32") / steps
        )

    return Driver(name="LAMMPS + TorchScript pair style float32", measure=measure)


def _symmetrix(model: BenchModel, file: Path, dtype: Dtype) -> Driver:
    timed = _Timed(SymmetrixModel(file, dtype=dtype))

    def measure(atoms: Atoms, steps: int) -> Timing:
        timed.seconds.clear()
        loop = _in_lammps(model, file, atoms, steps=steps, force_model=timed, dtype=dtype)
        return Timing(step_s=loop / steps, force_s=sum(timed.seconds[-steps:]) / steps)

    return Driver(name=f"LAMMPS + symmetrix {dtype}", measure=measure)


class _Timed:
    """A force model, and how long each of its calls took."""

    def __init__(self, model: ForceModel) -> None:
        self.seconds: list[float] = []
        self._model = model

    @property
    def elements(self) -> frozenset[str]:
        return self._model.elements

    @property
    def cutoff_angstrom(self) -> float:
        return self._model.cutoff_angstrom

    def evaluate(self, structure: Structure) -> Evaluation:
        started = time.perf_counter()
        found = self._model.evaluate(structure)
        self.seconds.append(time.perf_counter() - started)
        return found

    def evaluate_many(self, structures: Sequence[Structure]) -> list[Evaluation]:
        return [self.evaluate(structure) for structure in structures]


def _in_lammps(
    model: BenchModel, file: Path, atoms: Atoms, *, steps: int, force_model: ForceModel | None, dtype: Dtype
) -> float:
    """LAMMPS' own loop time of `steps` steps after one that warms up; the deck writes neither dump nor thermo."""
    engine = ResolvedEngine(
        kind="mace" if force_model is None else "symmetrix",
        dtype=dtype,
        model_file=file.name,
        cutoff_angstrom=model.cutoff_angstrom,
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / "model").symlink_to(file.parent.resolve(), target_is_directory=True)
        write_lammps_data(root / "data.lmp", atoms, specorder=list(ELEMENTS), masses=True, units="metal")
        (root / "in.lammps").write_text(_deck(engine_include(engine, ELEMENTS), steps), encoding="utf-8")
        log = root / "log.lammps"
        done = run_deck(
            root / "in.lammps",
            variables={"root": str(root)},
            force_model=force_model,
            interrupt=threading.Event(),
            log_path=log,
        )
        loops = _LOOP.findall(log.read_text(encoding="utf-8"))
    if done.error is not None or len(loops) != 2:
        raise EngineError(f"the measurement's deck did not end well: {done.error or 'no loop time in its log'}.")
    return float(loops[-1])


def _deck(include: str, steps: int) -> str:
    return (
        "units metal\natom_style atomic\natom_modify map array sort 0 0\nboundary p p p\n"
        f"read_data ${{root}}/data.lmp\n{include}"
        f"timestep {TIMESTEP_FS * 1e-3}\nfix nve all nve\nthermo {10 * steps}\nrun 1\nrun {steps}\n"
    )


def many_at_once(force_model: Any, atoms: Atoms, together: int, calls: int) -> float:
    """Seconds per trajectory of a joint evaluation of `together` structures, the mean of `calls` after one more."""
    structures = [structure_of(atoms)] * together
    force_model.evaluate_many(structures)
    started = time.perf_counter()
    for _ in range(calls):
        force_model.evaluate_many(structures)
    return (time.perf_counter() - started) / calls / together
