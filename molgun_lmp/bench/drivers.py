"""The ways of doing a step that are compared: each takes a structure and gives seconds per step."""

import dataclasses
import importlib.util
import time
import warnings
from collections.abc import Callable
from typing import Any, Final

from ase import Atoms, units
from ase.md.verlet import VelocityVerlet

from molgun_lmp.bench.cases import BenchModel
from molgun_lmp.bench.lammps_way import TIMESTEP_FS, LammpsWay, Timing, in_lammps, lammps_ways
from molgun_lmp.engine.force_models import (
    AskedForModel,
    Evaluation,
    ForceModel,
    ForceModelInput,
)
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.mace_library import load_mace

PAPERS_DRIVER: Final = "ASE + MACECalculator float64"
ASE_SINGLE: Final = "ASE + MACECalculator float32"
_TORCH_SIM: Final = "torch_sim"


class Stopwatch:
    """Both clocks of a process, from when this was made."""

    def __init__(self) -> None:
        self._wall, self._core = time.perf_counter(), time.process_time()

    def per(self, steps: int) -> Timing:
        """Their seconds for each of `steps` steps."""
        return Timing(
            step_s=(time.perf_counter() - self._wall) / steps, core_s=(time.process_time() - self._core) / steps
        )


Steps = Callable[[int], Timing]
"""Runs that many steps of NVE, or whole periods of a little more, and times one of them; what warms up is not timed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Driver:
    """One way: `prepare(atoms)` puts a structure at rest, after one evaluation, and gives what steps it on."""

    name: str
    prepare: Callable[[Atoms], Steps]


def drivers(model: BenchModel) -> list[Driver]:
    """All ways that this machine has, the paper's driver first. Models are loaded here, once."""
    found = [ase_driver(model, "float64"), ase_driver(model, "float32")]
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


def ase_driver(model: BenchModel, dtype: Dtype, device: str = "cpu") -> Driver:
    """ASE's velocity Verlet with mace's own calculator, as the paper's driver does it."""
    load_mace()
    from mace.calculators import MACECalculator  # noqa: PLC0415

    calculator = MACECalculator(model_paths=str(model.model), default_dtype=dtype, device=device)

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


def torch_sim_steps(model: BenchModel, on: str = "cpu") -> Callable[..., Steps]:
    """TorchSim's own NVE with its own MACE interface in float32; `prepare(atoms, together=K)` takes K copies at once.

    The seconds are those of a step of all K.
    """
    import torch  # noqa: PLC0415
    import torch_sim  # noqa: PLC0415
    from torch_sim.models.mace import MaceModel  # noqa: PLC0415

    raw: Any = torch.load(str(model.model), map_location=on, weights_only=False)  # ours: made or shipped with us
    device, dtype = torch.device(on), torch.float32
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
            state.energy.sum().item()  # a GPU is done once it has given a number
            return watch.per(steps)

        return run

    return prepare


def _one_by_one(model: BenchModel) -> list[LammpsWay]:
    """Those that are measured with one trajectory; engines that evaluate many at once are measured with many. The
    fastest that is asked from Python also with the inner model."""
    ways = [way for way in lammps_ways(model) if not way.engine.joint("cpu")]
    asked = [way for way in ways if way.engine.runs_as == "fix_external"]
    with_inner = [dataclasses.replace(way, inner=model.inner) for way in asked[-1:] if model.inner is not None]
    return [*ways, *with_inner]


def _lammps(way: LammpsWay) -> Driver:
    loaded = way.load()
    timed = None if loaded is None else Timed(loaded)

    def prepare(atoms: Atoms) -> Steps:
        def run(at_least: int) -> Timing:
            steps = -(-at_least // way.period) * way.period
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
