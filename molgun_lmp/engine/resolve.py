"""Which engines this machine can run, and the small include file that is all a deck knows of its engine."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

from ase.data import atomic_numbers

from molgun_lmp.config import Engine
from molgun_lmp.engine.fix_external import ELEMENTS_VARIABLE, FIX_ID
from molgun_lmp.engine.registry import AUTO_ORDER, ENGINES, Availability, ForceEngine, runs_no_model
from molgun_lmp.errors import EngineError, ModelError
from molgun_lmp.model_formats import Dtype, EngineKind
from molgun_lmp.models.card import ModelCard, model_file

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResolvedEngine:
    """The engine of one campaign: decided once, so that a campaign never mixes two.

    `model_file` is a name in the model folder; `cutoff_angstrom` the largest distance of neighbours.
    """

    kind: EngineKind
    dtype: Dtype
    model_file: str
    cutoff_angstrom: float


def engines_here() -> dict[EngineKind, Availability]:
    """What this machine can run, fastest first. Nothing is built and nothing heavy imported."""
    return {row.kind: row.available() for row in AUTO_ORDER}


def resolve_engine(asked: Engine, dtype: Dtype, card: ModelCard, model_folder: Path) -> ResolvedEngine:
    """The engine that was asked for, or for `auto` the fastest that this machine runs and the model was exported for.

    With `multistep` only those are tried that are asked from Python. What would compile for many minutes at its first
    use is not chosen by `auto`. Export keeps a file only after its forces agreed with mace's own, so a listed file has
    passed parity. Raises `EngineError` where the machine cannot run it, `ModelError` where the model folder has no file
    for it.
    """
    if runs_no_model(asked.kind):
        raise EngineError(f"the engine `{asked.kind}` runs no model: name another one (engine.kind) to use the model.")
    if asked.kind != "auto":
        row = ENGINES[asked.kind]
        resolved = _resolved(row, dtype, card, model_folder)
        here = row.available()
        if not here.available:
            raise EngineError(f"the engine `{asked.kind}` cannot run here: {here.reason}")
        return resolved
    reasons = []
    for row in AUTO_ORDER:
        if asked.multistep is not None and row.runs_as != "fix_external":
            continue
        try:
            resolved = _resolved(row, dtype, card, model_folder)
        except ModelError as error:
            reasons.append(f"{row.kind}: {error}")
            continue
        here = row.available()
        if here.available:
            here = row.ready(card, dtype)
            if here.available:
                return resolved
            log.info("the engine %s is passed over: %s", row.kind, here.reason)
        reasons.append(f"{row.kind}: {here.reason}")
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
    row = ENGINES[engine.kind]
    if row.runs_as == "pair_style":
        return row.pair_commands.format(model=model, elements=symbols)
    return (
        f"# {model} ({engine.dtype}) is computed by {engine.kind}, in the callback that molgun attaches to the fix.\n"
        "# To run the deck by hand: pair_style mace, with the model's TorchScript file, in place of all these lines.\n"
        f'variable {ELEMENTS_VARIABLE} string "{symbols}"\n'
        f"pair_style zero {engine.cutoff_angstrom:g}\n"
        f"pair_coeff * *\n"
        f"fix {FIX_ID} all external pf/callback 1 1\n"
        f"fix_modify {FIX_ID} energy yes\n"
    )


def _resolved(row: ForceEngine, dtype: Dtype, card: ModelCard, folder: Path) -> ResolvedEngine:
    if row.format is None or dtype not in row.dtypes:
        raise ModelError(
            f"the engine {row.kind} computes in {' or '.join(row.dtypes)} only: change model.dtype or the engine."
        )
    return ResolvedEngine(
        kind=row.kind,
        dtype=dtype,
        model_file=model_file(folder, card, row.format, dtype).name,
        cutoff_angstrom=card.architecture.r_max_angstrom,
    )
