"""Which engines this machine can run, and the small include file that is all a deck knows of its engine."""

import dataclasses
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from ase.data import atomic_numbers

from molgun_lmp.config import Engine
from molgun_lmp.engine.external import ELEMENTS_VARIABLE, FIX_ID
from molgun_lmp.engine.plugin_build import find_compiler
from molgun_lmp.engine.plugin_path import build_folder, is_built
from molgun_lmp.errors import EngineError, ModelError
from molgun_lmp.training.card import Format, ModelCard, model_file

EngineKind = Literal["mace", "symmetrix", "torchscript"]
Dtype = Literal["float32", "float64"]

ENGINE_KINDS: Final[tuple[EngineKind, ...]] = ("symmetrix", "mace", "torchscript")
"""Fastest first, on CPUs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Availability:
    """Whether this machine can run an engine, and why, in words."""

    kind: EngineKind
    available: bool
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResolvedEngine:
    """The engine of one campaign: decided once, so that a campaign never mixes two.

    `model_file` is a name in the model folder; `cutoff_angstrom` the largest distance of neighbours.
    """

    kind: EngineKind
    dtype: Dtype
    model_file: str
    cutoff_angstrom: float


def engines_here() -> tuple[Availability, ...]:
    """What this machine can run, fastest first. Nothing is built and nothing heavy imported."""
    return (_symmetrix(), _mace(), _torchscript())


def resolve_engine(asked: Engine, dtype: Dtype, card: ModelCard, model_folder: Path) -> ResolvedEngine:
    """The engine that was asked for, or for `auto` the fastest that this machine runs and the model was exported for.

    Export keeps a file only after its forces agreed with mace's own, so a listed file has passed parity. Raises
    `EngineError` where the machine cannot run it, `ModelError` where the model folder has no file for it.
    """
    if asked.kind == "stock":
        raise EngineError("the engine `stock` runs no model: name another one (engine.kind) to use the model.")
    here = {entry.kind: entry for entry in engines_here()}
    if asked.kind != "auto":
        file = _model_file(asked.kind, dtype, card, model_folder)
        if not here[asked.kind].available:
            raise EngineError(f"the engine `{asked.kind}` cannot run here: {here[asked.kind].reason}")
        return _resolved(asked.kind, dtype, file, card)
    reasons = []
    for kind in ENGINE_KINDS:
        try:
            file = _model_file(kind, dtype, card, model_folder)
        except ModelError as error:
            reasons.append(f"{kind}: {error}")
            continue
        if here[kind].available:
            return _resolved(kind, dtype, file, card)
        reasons.append(f"{kind}: {here[kind].reason}")
    raise EngineError(f"no engine can run this model here. {' '.join(reasons)} `molgun doctor` shows what is missing.")


def engine_include(engine: ResolvedEngine, elements: Sequence[str]) -> str:
    """The text of `engine.in`, which a deck includes: the pair style, and what a force model is attached to.

    `elements` one chemical symbol for each atom type, in the order of the types. The model is named relative to the
    deck's variable `root`. Raises `EngineError` for what is no chemical symbol.
    """
    unknown = [symbol for symbol in elements if atomic_numbers.get(symbol, 0) == 0]
    if unknown or not elements:
        raise EngineError(
            f"each atom type needs a chemical symbol, and {unknown[0]!r} is none." if unknown else "no atom types."
        )
    symbols = " ".join(elements)
    model = f"${{root}}/model/{engine.model_file}"
    if engine.kind == "mace":
        return f"pair_style mace no_domain_decomposition\npair_coeff * * {model} {symbols}\n"
    return (
        f"# {model} ({engine.dtype}) is computed by {engine.kind}, in the callback that molgun attaches to the fix.\n"
        "# To run the deck by hand: pair_style mace, with the model's TorchScript file, in place of all these lines.\n"
        f'variable {ELEMENTS_VARIABLE} string "{symbols}"\n'
        f"pair_style zero {engine.cutoff_angstrom:g}\n"
        f"pair_coeff * *\n"
        f"fix {FIX_ID} all external pf/callback 1 1\n"
        f"fix_modify {FIX_ID} energy yes\n"
    )


def _model_file(kind: EngineKind, dtype: Dtype, card: ModelCard, folder: Path) -> str:
    formats: dict[EngineKind, Format] = {
        "mace": "torchscript",
        "symmetrix": "symmetrix",
        "torchscript": "torchscript",
    }
    return model_file(folder, card, formats[kind], dtype).name


def _resolved(kind: EngineKind, dtype: Dtype, file: str, card: ModelCard) -> ResolvedEngine:
    return ResolvedEngine(kind=kind, dtype=dtype, model_file=file, cutoff_angstrom=card.architecture.r_max_angstrom)


def _mace() -> Availability:
    try:
        built = is_built(build_folder())
    except LookupError as missing:
        return Availability(kind="mace", available=False, reason=f"the package {missing} is not installed.")
    if built:
        return Availability(kind="mace", available=True, reason="pair_style mace is built.")
    try:
        compiler = find_compiler()
    except EngineError as error:
        return Availability(kind="mace", available=False, reason=str(error))
    return Availability(kind="mace", available=True, reason=f"pair_style mace will be built with {compiler}.")


def _symmetrix() -> Availability:
    if importlib.util.find_spec("symmetrix") is None:
        reason = "symmetrix is not installed: pip install 'molgun_lmp[fast]'."
        return Availability(kind="symmetrix", available=False, reason=reason)
    try:
        find_compiler()
    except EngineError:
        reason = "symmetrix compiles its kernels, and there is no C++20 compiler: install g++ 10 or later."
        return Availability(kind="symmetrix", available=False, reason=reason)
    return Availability(kind="symmetrix", available=True, reason="symmetrix is installed, and a C++20 compiler.")


def _torchscript() -> Availability:
    if importlib.util.find_spec("torch") is None:
        return Availability(kind="torchscript", available=False, reason="torch is not installed.")
    return Availability(kind="torchscript", available=True, reason="torch is installed.")
