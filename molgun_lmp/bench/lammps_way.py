"""LAMMPS as one of the ways of doing a step: an engine, one of a model's files, and LAMMPS's own times."""

import dataclasses
import re
import tempfile
import threading
from pathlib import Path
from typing import Final

from ase import Atoms
from ase.io.lammpsdata import write_lammps_data

from molgun_lmp.bench.cases import ELEMENTS, BenchInner, BenchModel
from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.engine.multistep import MultistepModel
from molgun_lmp.engine.registry import AUTO_ORDER, ForceEngine
from molgun_lmp.engine.resolve import ResolvedEngine, engine_include
from molgun_lmp.engine.session import run_deck
from molgun_lmp.errors import EngineError
from molgun_lmp.model_formats import MODEL_FORMATS, Dtype
from molgun_lmp.models.card import model_file

TIMESTEP_FS: Final = 0.5
_LOOP: Final = re.compile(r"^Loop time of (\S+) on", re.MULTILINE)
_USE: Final = re.compile(r"^(\S+)% CPU use", re.MULTILINE)
_PAIR: Final = re.compile(r"^Pair\s*\|\s*\S+\s*\|\s*(\S+)\s*\|", re.MULTILINE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds per step; `core_s` those that the process had a core, which other work on the machine does not touch;
    `force_s` those inside the force model, None where they cannot be told apart."""

    step_s: float
    core_s: float
    force_s: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LammpsWay:
    """LAMMPS with an engine and one of a model's files, in one precision."""

    engine: ForceEngine
    file: Path
    dtype: Dtype
    cutoff_angstrom: float
    inner: BenchInner | None = None

    @property
    def name(self) -> str:
        """Such as `LAMMPS + symmetrix float32`."""
        plain, inner = f"LAMMPS + {self.engine.title} {self.dtype}", self.inner
        return plain if inner is None else f"{plain} every {inner.every} steps, {inner.card.name} between"

    @property
    def period(self) -> int:
        """Steps after which what is done repeats."""
        return 1 if self.inner is None else self.inner.every

    def load(self, device: str = "cpu") -> ForceModel | None:
        """The model, on that device, or None where the pair style reads it."""
        model = self.engine.load(self.file, self.dtype, device)
        if model is None or self.inner is None or self.engine.format is None:
            return model
        file = model_file(self.inner.folder, self.inner.card, self.engine.format, self.dtype)
        inner = self.engine.load(file, self.dtype, device)
        return model if inner is None else MultistepModel(model, inner, every=self.inner.every)


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
