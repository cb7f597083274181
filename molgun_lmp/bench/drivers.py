"""The ways of doing a step that are compared: each takes a structure and gives seconds per step."""

import dataclasses
import importlib.util
import re
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ase import Atoms, units
from ase.io.lammpsdata import write_lammps_data
from ase.md.verlet import VelocityVerlet

from molgun_lmp.bench.cases import ELEMENTS, BenchModel
from molgun_lmp.engine.force_models import (
    AskedForModel,
    Evaluation,
    ForceModel,
    ForceModelInput,
)
from molgun_lmp.engine.registry import AUTO_ORDER, ForceEngine
from molgun_lmp.engine.resolve import ResolvedEngine, engine_include
from molgun_lmp.engine.session import run_deck
from molgun_lmp.errors import EngineError
from molgun_lmp.model_formats import MODEL_FORMATS, Dtype
from molgun_lmp.models.mace_library import load_mace

TIMESTEP_FS: Final = 0.5
PAPERS_DRIVER: Final = "ASE + MACECalculator float64"
ASE_SINGLE: Final = "ASE + MACECalculator float32"
_LOOP: Final = re.compile(r"^Loop time of (\S+) on", re.MULTILINE)
_USE: Final = re.compile(r"^(\S+)% CPU use", re.MULTILINE)
_PAIR: Final = re.compile(r"^Pair\s*\|\s*\S+\s*\|\s*(\S+)\s*\|", re.MULTILINE)
_TORCH_SIM: Final = "torch_sim"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds per step; `core_s` those that the process had a core, which other work on the machine does not touch;
    `force_s` those inside the force model, None where they cannot be told apart."""

    step_s: float
    core_s: float
    force_s: float | None = None


class Stopwatch:
    """Both clocks of a process, from when this was made."""

    def __init__(self) -> None:
        self._wall, self._core = time.perf_counter(), time.process_time()

    def per(self, steps: int) -> Timing:
        """Their seconds for each of `steps` steps."""
        return Timing(
            step_s=(time.perf_counter() - self._wall) / steps, core_s=(time.process_time() - self._core) / steps
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LammpsWay:
    """LAMMPS with an engine and one of a model's files, in one precision."""

    engine: ForceEngine
    file: Path
    dtype: Dtype
    cutoff_angstrom: float

    @property
    def name(self) -> str:
        """Such as `LAMMPS + symmetrix float32`."""
        return f"LAMMPS + {self.engine.title} {self.dtype}"

    def load(self) -> ForceModel | None:
        """The model, on the CPU, or None where the pair style reads it."""
        return self.engine.load(self.file, self.dtype, "cpu")


def lammps_ways(model: BenchModel) -> list[LammpsWay]:
    """Every engine that reads one of the model's files, slowest first; float32 alone where the file has a dtype."""
    return [
        LammpsWay(engine=engine, file=file, dtype=dtype, cutoff_angstrom=model.cutoff_angstrom)
        for engine in reversed(AUTO_ORDER)
        for format_name, file in model.files.items()
        if format_name == engine.format
        for dtype in reversed(engine.dtypes)
        if dtype == "float32" or None in MODEL_FORMATS[format_name].files
    ]


Steps = Callable[[int], Timing]
"""Runs that many steps of NVE and times them; what warms up is not timed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Driver:
    """One way: `prepare(atoms)` puts a structure at rest, after one evaluation, and gives what steps it on."""

    name: str
    prepare: Callable[[Atoms], Steps]


def drivers(model: BenchModel) -> list[Driver]:
    """All ways that this machine has, the paper's driver first. Models are loaded here, once."""
    found = [_ase(model, "float64"), _ase(model, "float32")]
    if torch_sim_missing() is None:
        found.append(Driver(name="TorchSim float32", prepare=torch_sim_steps(model)))
    return [*found, *(_lammps(way) for way in _one_by_one(model))]


def fastest(model: BenchModel) -> Driver:
    """The last of `drivers`, and nothing else is loaded."""
    return _lammps(_one_by_one(model)[-1])


def torch_sim_missing() -> str | None:
    """Why TorchSim is not measured here, in words; None where it is."""
    if importlib.util.find_spec(_TORCH_SIM) is None:
        return "TorchSim is not installed (pip install torch-sim-atomistic), so it was not measured."
    import torch_sim  # noqa: PLC0415

    if not hasattr(torch_sim, "nve"):
        return "this TorchSim has no `nve(model, dt=..., kT=...)` (version 0.3 has), so it was not measured."
    return None


def _ase(model: BenchModel, dtype: Dtype) -> Driver:
    load_mace()
    from mace.calculators import MACECalculator  # noqa: PLC0415

    calculator = MACECalculator(model_paths=str(model.model), default_dtype=dtype, device="cpu")

    def prepare(atoms: Atoms) -> Steps:
        moving = atoms.copy()
        moving.calc = calculator
        moving.get_forces()
        dynamics = VelocityVerlet(moving, timestep=TIMESTEP_FS * units.fs)

        def run(steps: int) -> Timing:
            moving.get_forces()  # the calculator remembers one structure, which may be another's by now
            watch = Stopwatch()
            dynamics.run(steps)
            return watch.per(steps)

        return run

    return Driver(name=f"ASE + MACECalculator {dtype}", prepare=prepare)


def torch_sim_steps(model: BenchModel) -> Callable[..., Steps]:
    """TorchSim's own NVE with its own MACE interface in float32; `prepare(atoms, together=K)` takes K copies at once.

    The seconds are those of a step of all K.
    """
    import torch  # noqa: PLC0415
    import torch_sim  # noqa: PLC0415
    from torch_sim.models.mace import MaceModel  # noqa: PLC0415

    raw: Any = torch.load(str(model.model), map_location="cpu", weights_only=False)  # ours: made or shipped with us
    device, dtype = torch.device("cpu"), torch.float32
    asked = MaceModel(model=raw, device=device, dtype=dtype, compute_forces=True, compute_stress=False)

    def prepare(atoms: Atoms, together: int = 1) -> Steps:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            begin, step = torch_sim.nve(
                asked, dt=torch.tensor(TIMESTEP_FS * 1e-3, dtype=dtype), kT=torch.tensor(0.0, dtype=dtype), seed=24
            )
            state = begin(torch_sim.io.atoms_to_state([atoms] * together, device, dtype))

        def run(steps: int) -> Timing:
            nonlocal state
            watch = Stopwatch()
            for _ in range(steps):
                state = step(state)
            return watch.per(steps)

        return run

    return prepare


def _one_by_one(model: BenchModel) -> list[LammpsWay]:
    """Those that are measured with one trajectory; engines that evaluate many at once are measured with many."""
    return [way for way in lammps_ways(model) if not way.engine.joint]


def _lammps(way: LammpsWay) -> Driver:
    loaded = way.load()
    timed = None if loaded is None else Timed(loaded)

    def prepare(atoms: Atoms) -> Steps:
        def run(steps: int) -> Timing:
            if timed is None:
                return in_lammps(way, atoms, steps=steps, force_model=None)
            timed.seconds.clear()
            loop = in_lammps(way, atoms, steps=steps, force_model=timed)
            return dataclasses.replace(loop, force_s=sum(timed.seconds[-steps:]) / steps)

        return run

    return Driver(name=way.name, prepare=prepare)


class Timed(AskedForModel):
    """A force model, and how long each of its calls took."""

    def __init__(self, model: ForceModel) -> None:
        super().__init__(model)
        self.seconds: list[float] = []

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        """Energy and forces of one structure."""
        started = time.perf_counter()
        found = self._model.evaluate(structure)
        self.seconds.append(time.perf_counter() - started)
        return found


def in_lammps(way: LammpsWay, atoms: Atoms, *, steps: int, force_model: ForceModel | None) -> Timing:
    """LAMMPS' own times of `steps` steps after one evaluation that warms up."""
    text = run_in_lammps(way, atoms, steps=steps, force_model=force_model)
    loops, uses, pairs = _LOOP.findall(text), _USE.findall(text), _PAIR.findall(text)
    if len(loops) != 2 or not pairs or not uses:
        raise EngineError(f"LAMMPS does not say how long its steps took. The end of its log:\n{text[-1500:]}")
    step_s = float(loops[-1]) / steps
    return Timing(
        step_s=step_s,
        core_s=step_s * float(uses[-1]) / 100.0,
        force_s=float(pairs[-1]) / steps if force_model is None else None,
    )


def run_in_lammps(way: LammpsWay, atoms: Atoms, *, steps: int, force_model: ForceModel | None) -> str:
    """The log of `steps` steps after one evaluation that warms up; neither dump nor thermo is written.

    Raises `EngineError` where LAMMPS did not do them.
    """
    engine = ResolvedEngine(
        kind=way.engine.kind,
        dtype=way.dtype,
        model_file=way.file.name,
        cutoff_angstrom=way.cutoff_angstrom,
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / "model").symlink_to(way.file.parent.resolve(), target_is_directory=True)
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
        text = log.read_text(encoding="utf-8")
    if done.error is not None or done.steps != steps:
        raise EngineError(f"the measurement's deck ended after {done.steps} of {steps} steps: {done.error}.")
    return text


def _deck(include: str, steps: int) -> str:
    return (
        "units metal\natom_style atomic\natom_modify map array sort 0 0\nboundary p p p\n"
        f"read_data ${{root}}/data.lmp\n{include}"
        f"timestep {TIMESTEP_FS * 1e-3}\nfix nve all nve\nthermo {10 * steps}\nrun 0\nrun {steps} pre no\n"
    )
