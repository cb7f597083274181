"""The force engines: one row each, which every other place asks instead of knowing their names.

To add an engine:

1. its name in `ModelEngineKind` of `molgun_lmp/model_formats.py`. Where it reads a file of a new format, that has its
   name and its row there too, and `molgun_lmp/training/export/formats.py` says how it is written and asked from Python;
2. its row here, with the place that it has in `auto`. An engine whose forces reach LAMMPS through `fix external` is a
   class that keeps to the Protocol of `molgun_lmp/engine/force_models.py`, in a module of its own;
3. its line in the table of engines in docs/campaign-file.md.

No library of an engine (torch, symmetrix, LAMMPS) is loaded before `load` is called: the modules below import theirs
within what needs them.
"""

import dataclasses
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

from molgun_lmp.engine.chosen_lammps import chosen_lammps
from molgun_lmp.engine.force_models import ForceModel, SymmetrixModel
from molgun_lmp.engine.gpus import Gpu, gpus_here
from molgun_lmp.engine.plugin_build import ensure_plugin, find_compiler
from molgun_lmp.engine.plugin_path import build_folder, is_built
from molgun_lmp.engine.torch_model import TorchScriptModel, local_device
from molgun_lmp.errors import EngineError
from molgun_lmp.model_formats import Dtype, EngineKind, ModelFormat
from molgun_lmp.models.card import ModelCard
from molgun_lmp.models.symmetrix import symmetrix_device
from molgun_lmp.models.symmetrix_kernels import compiles_long, is_compiled, largest_l

RunsAs = Literal["pair_style", "fix_external"]
Device = Literal["cpu", "cuda"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Availability:
    """Whether this machine can run an engine, and why, in words."""

    available: bool
    reason: str


_AT_ONCE: Final = Availability(available=True, reason="its first step comes at once.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForceEngine:
    """One engine."""

    kind: EngineKind
    """Its name in the campaign file."""
    title: str
    """What it is called in the tables of `molgun bench`."""
    format: ModelFormat | None
    """Of the model's file that it reads; None: it runs no model."""
    dtypes: tuple[Dtype, ...]
    """Precisions in which it computes."""
    devices: tuple[Device, ...]
    """Where it computes."""
    runs_as: RunsAs
    """`pair_style`: LAMMPS computes the forces, one trajectory at a time; `fix_external`: it asks the loaded model."""
    pair_commands: str = ""
    """Of a pair style that reads a model: its lines in `engine.in`, with {model} and {elements}."""
    needs_plugin: bool = False
    """Whether LAMMPS loads our compiled pair style for it."""
    joint_on: tuple[Device, ...] = ()
    """Where the forces of several structures are one evaluation: what makes `engine.together` worth it."""
    load: Callable[[Path, Dtype, str | None], ForceModel | None]
    """`load(file, dtype, device)` gets a model's file ready: the model for `fix external`, None where the deck's pair
    style reads it; `device` None: `where` the engine computes best. Raises `EngineError` where the engine does not run
    here, `ModelError` for a file that is none of its format."""
    available: Callable[[], Availability]
    """Looks whether it runs here; nothing is built, and nothing heavy imported."""
    ready: Callable[[ModelCard, Dtype], Availability] = lambda *_: _AT_ONCE
    """Whether it may be taken for a model by `auto`: not where its first use would take many minutes."""
    auto_rank: int | None
    """Place in `auto`, fastest on CPUs first; None for what runs no model."""

    where: Callable[[], str] = lambda: "cpu"
    """Where it computes best in this process: `cpu`, or a GPU such as `cuda:0`; the library that knows is loaded."""

    def joint(self, device: str) -> bool:
        """Whether the forces of several structures are one evaluation on a device, such as `cpu` or `cuda:0`."""
        return device.partition(":")[0] in self.joint_on


def _load_symmetrix(file: Path, dtype: Dtype, device: str | None) -> ForceModel:
    return SymmetrixModel(file, dtype=dtype, device=device)


def _load_pair_style(*_: object) -> None:
    if chosen_lammps().library is None:  # another LAMMPS has a pair style `mace` of its own, or a plug-in built for it
        ensure_plugin()


def _load_torchscript(file: Path, _: Dtype, device: str | None) -> ForceModel:
    return TorchScriptModel(file, device=device or local_device())


def _load_nothing(*_: object) -> None:
    """The deck's pair style is all there is."""


def _pair_style_here() -> Availability:
    try:
        built = is_built(build_folder())
    except LookupError as missing:
        return Availability(available=False, reason=f"the package {missing} is not installed.")
    if built:
        return Availability(available=True, reason="pair_style mace is built.")
    try:
        compiler = find_compiler()
    except EngineError as error:
        return Availability(available=False, reason=str(error))
    return Availability(available=True, reason=f"pair_style mace will be built with {compiler}.")


def _symmetrix_here() -> Availability:
    if importlib.util.find_spec("symmetrix") is None:
        return Availability(available=False, reason="symmetrix is not installed: pip install 'molgun_lmp[fast]'.")
    try:
        find_compiler()
    except EngineError:
        reason = "symmetrix compiles its kernels, and there is no C++20 compiler: install g++ 10 or later."
        return Availability(available=False, reason=reason)
    return Availability(available=True, reason="symmetrix is installed, and a C++20 compiler.")


def _symmetrix_ready(card: ModelCard, dtype: Dtype) -> Availability:
    """Asked of a model that has a file for symmetrix."""
    max_l = largest_l(card.architecture.hidden_irreps)
    if not compiles_long(max_l) or is_compiled(card.find("symmetrix", dtype).sha256, dtype):
        return _AT_ONCE
    return Availability(
        available=False,
        reason=f"its kernels for this model (max_L {max_l}) are not compiled here, which takes g++ many minutes once; "
        "engine.kind: symmetrix does so.",
    )


def _torchscript_here() -> Availability:
    if importlib.util.find_spec("torch") is None:
        return Availability(available=False, reason="torch is not installed.")
    return Availability(available=True, reason="torch is installed.")


def _stock_here() -> Availability:
    return Availability(available=True, reason="it needs nothing beside LAMMPS.")


_ROWS: Final = (
    ForceEngine(
        kind="symmetrix",
        title="symmetrix",
        format="symmetrix",
        dtypes=("float32", "float64"),
        devices=("cpu", "cuda"),
        runs_as="fix_external",
        joint_on=("cuda",),
        load=_load_symmetrix,
        where=symmetrix_device,
        available=_symmetrix_here,
        ready=_symmetrix_ready,
        auto_rank=1,
    ),
    ForceEngine(
        kind="mace",
        title="TorchScript pair style",
        format="torchscript",
        dtypes=("float32", "float64"),
        devices=("cpu", "cuda"),
        runs_as="pair_style",
        pair_commands="pair_style mace no_domain_decomposition\npair_coeff * * {model} {elements}\n",
        needs_plugin=True,
        load=_load_pair_style,
        where=local_device,
        available=_pair_style_here,
        auto_rank=2,
    ),
    ForceEngine(
        kind="torchscript",
        title="TorchScript",
        format="torchscript",
        dtypes=("float32", "float64"),
        devices=("cpu", "cuda"),
        runs_as="fix_external",
        joint_on=("cpu", "cuda"),
        load=_load_torchscript,
        where=local_device,
        available=_torchscript_here,
        auto_rank=3,
    ),
    ForceEngine(
        kind="stock",
        title="stock",
        format=None,
        dtypes=("float64",),
        devices=("cpu",),
        runs_as="pair_style",
        load=_load_nothing,
        available=_stock_here,
        auto_rank=None,
    ),
)

ENGINES: Final[Mapping[EngineKind, ForceEngine]] = {row.kind: row for row in _ROWS}

AUTO_ORDER: Final[tuple[ForceEngine, ...]] = tuple(
    sorted((row for row in _ROWS if row.format is not None), key=lambda row: row.auto_rank or 0)
)
"""The engines that run a model, in the order in which `auto` tries them."""


def gpus_of(kind: EngineKind) -> tuple[Gpu, ...]:
    """The GPUs on which an engine computes in processes like this one; none where it computes on the CPU."""
    row = ENGINES[kind]
    gpus = gpus_here() if "cuda" in row.devices else ()
    return gpus if gpus and row.where() != "cpu" else ()


def runs_no_model(kind: EngineKind | Literal["auto"]) -> bool:
    """Whether the engine that a campaign file names computes the forces without a model."""
    return kind != "auto" and ENGINES[kind].format is None
