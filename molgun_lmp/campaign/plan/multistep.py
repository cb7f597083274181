"""The inner model of `engine.multistep`: held against the full one, and copied beside it."""

import dataclasses
from pathlib import Path
from typing import Final

from molgun_lmp.campaign.store.campaign_folder import INNER_FOLDER
from molgun_lmp.campaign.store.manifest import EngineChoice, InnerChoice
from molgun_lmp.config import Campaign, LoadedCampaign
from molgun_lmp.config import Multistep as Asked
from molgun_lmp.engine.resolve import ResolvedEngine, resolve_engine
from molgun_lmp.errors import ModelError
from molgun_lmp.gun.setup import Setup
from molgun_lmp.models.card import CARD_NAME, ModelCard, check_elements, load_card, mace_sha256
from molgun_lmp.units import FS_PER_PS, ROUNDING_PS

_SHORTEST_RESONANCE_FS: Final = 1.8
"""A fifth of the period of hydrogen's fastest stretches on other atoms, 9 to 11 fs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class InnerModel:
    """A model folder whose model acts between two evaluations of the full one."""

    folder: Path
    card: ModelCard


def inner_model(loaded: LoadedCampaign) -> InnerModel | None:
    """The inner model that a campaign file names, its files compared with their hashes; None where it names none.

    Raises `ModelError` for a changed file, or where there is no model.
    """
    asked = loaded.config.engine.multistep
    if asked is None:
        return None
    folder = loaded.path(asked.inner)
    return InnerModel(folder=folder, card=load_card(folder))


def with_inner(engine: EngineChoice, config: Campaign, full: ModelCard, inner: InnerModel | None) -> EngineChoice:
    """The engine with the inner model, if there is one, and what computes it: as it does the full one, if it can.

    Raises `ModelError` for an inner model of other elements, of a longer cutoff or of another full model, and where it
    has no file for an engine that is asked from Python; `EngineError` where none of these runs here.
    """
    asked = config.engine.multistep
    if asked is None or inner is None:
        return engine
    check_elements(inner.card, engine.elements)
    _require_shorter(full, inner.card)
    _require_of_this(full, inner.card)
    resolved = _resolved(engine, config, inner)
    chosen = InnerChoice(every=asked.every, model=inner.card.name, kind=resolved.kind, model_file=resolved.model_file)
    return engine.model_copy(update={"multistep": chosen})


def inner_files(engine: EngineChoice, inner: InnerModel | None) -> dict[str, bytes]:
    """Relative path -> content of the inner model's card and of the file that its engine reads."""
    if engine.multistep is None or inner is None:
        return {}
    return {
        f"{INNER_FOLDER}/{name}": (inner.folder / name).read_bytes()
        for name in (CARD_NAME, engine.multistep.model_file)
    }


def resolved_multistep(asked: Asked | None) -> Asked | None:
    """What the campaign folder's own file says: the copy of the inner model."""
    return None if asked is None else asked.model_copy(update={"inner": Path(INNER_FOLDER)})


def multistep_notes(engine: EngineChoice, setup: Setup, full: ModelCard, inner: InnerModel | None) -> list[str]:
    """What should be known before firing so, in sentences."""
    if engine.multistep is None or inner is None:
        return []
    outer_fs = engine.multistep.every * setup.campaign.dynamics.timestep_fs
    moving = {symbol for symbol, frozen in zip(setup.symbols, setup.frozen, strict=True) if not frozen}
    said = []
    tried_fs = inner.card.longest_outer_step_fs
    if tried_fs is not None and outer_fs > tried_fs + FS_PER_PS * ROUNDING_PS:
        said.append(
            f"engine.multistep: {outer_fs:g} fs lie between two evaluations of the model, and the molecule alone kept "
            f"its energy up to {tried_fs:g} fs (the inner model's card): impulses resonate with a stretch beyond. Take "
            "a smaller `every`, or a smaller dynamics.timestep_fs."
        )
    elif tried_fs is None and outer_fs > _SHORTEST_RESONANCE_FS + FS_PER_PS * ROUNDING_PS and "H" in moving:
        said.append(
            f"engine.multistep: {outer_fs:g} fs lie between two evaluations of the model, and hydrogen moves. Impulses "
            "resonate with its stretch (9 to 11 fs) where they come each half, third, fourth or fifth of its period: "
            "fire a few shots first, look at their energies, and compare one by `molgun replay --every 1`."
        )
    if full.files == inner.card.files:
        said.append(
            f"engine.multistep: the inner model is {full.name!r} itself, so that every step costs what it costs "
            "without, and each outer one twice that. Name a smaller one, as `molgun distill` makes it."
        )
    elif inner.card.distilled_from is None or mace_sha256(full) is None:
        said.append(
            f"engine.multistep: nothing says that the inner model {inner.card.name!r} was distilled from "
            f"{full.name!r}. Where their forces differ much the energy scatters and drifts: look at a few shots first."
        )
    if engine.dispersion is not None:
        said.append("engine.multistep: model.dispersion is LAMMPS's own pair style, and is evaluated at each step.")
    return said


def _require_shorter(full: ModelCard, inner: ModelCard) -> None:
    reach, longest = inner.architecture.r_max_angstrom, full.architecture.r_max_angstrom
    if reach > longest:
        raise ModelError(
            f"engine.multistep.inner: model {inner.name!r} reaches {reach:g} Å, and the full model {full.name!r} "
            f"{longest:g} Å: atoms would be pulled beyond all that the full model knows of, and the inner one is to be "
            "cheaper. Take one of the same cutoff or a shorter one."
        )


def _require_of_this(full: ModelCard, inner: ModelCard) -> None:
    own = mace_sha256(full)
    if None not in {own, inner.distilled_from} and inner.distilled_from != own:
        raise ModelError(
            f"engine.multistep.inner: model {inner.name!r} was distilled from another model (SHA-256 "
            f"{str(inner.distilled_from)[:12]}...) than {full.name!r} ({str(own)[:12]}...): their forces differ by "
            "what the two full models do. Name one that is of this model, or leave engine.multistep out (of a replay: "
            "--every 1)."
        )


def _resolved(engine: EngineChoice, config: Campaign, inner: InnerModel) -> ResolvedEngine:
    as_full = config.engine.model_copy(update={"kind": engine.kind})
    try:
        return resolve_engine(as_full, engine.dtype, inner.card, inner.folder)
    except ModelError:  # no file of that format, as of one interaction for an older symmetrix
        return resolve_engine(config.engine.model_copy(update={"kind": "auto"}), engine.dtype, inner.card, inner.folder)
