"""Which engine a campaign uses, and the files beside its decks that say so: `engine.in` and the model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from molgun_lmp.atomic_files import json_bytes
from molgun_lmp.campaign.store.campaign_folder import ENGINE_NAME, INNER_FOLDER, MODEL_FOLDER
from molgun_lmp.campaign.store.manifest import EngineChoice
from molgun_lmp.config import Campaign, LoadedCampaign
from molgun_lmp.engine.batch_size import fitting_together
from molgun_lmp.engine.dispersion import check_dispersion, dispersion_name, with_dispersion
from molgun_lmp.engine.force_models import ForceModelInput
from molgun_lmp.engine.gpus import feeders, workers_here
from molgun_lmp.engine.registry import AUTO_ORDER, ENGINES, ForceEngine, gpus_of, runs_no_model
from molgun_lmp.engine.resolve import ResolvedEngine, engine_include, resolve_engine
from molgun_lmp.engine.stock import stock_card, stock_potential
from molgun_lmp.engine.stock_commands import renamed
from molgun_lmp.errors import ConfigError
from molgun_lmp.models.card import CARD_NAME, ModelCard, check_elements, load_card
from molgun_lmp.records import InitialCondition


def level_with_dispersion(card: ModelCard, engine: EngineChoice) -> str:
    """The level of theory that a campaign is of: the model's, and what is laid over it."""
    correction = "" if engine.dispersion is None else f" + {dispersion_name(engine.dispersion)}"
    return f"{card.level_of_theory}{correction}"


def campaign_card(loaded: LoadedCampaign, elements: Sequence[str]) -> ModelCard:
    """The card of the campaign's model, whose files were compared with their hashes, or of its pair potential,
    for types 1, 2, ... of these `elements`.

    Raises `ModelError` for a changed model or one that lacks one of `elements`, `ConfigError` for a potential that is
    not taken.
    """
    config = loaded.config
    if runs_no_model(config.engine.kind):
        folders = (loaded.file.parent, loaded.path(config.model.folder))
        return stock_card(config.engine, elements, folders)
    card = load_card(loaded.path(config.model.folder))
    check_elements(card, elements)
    return card


def choose_engine(config: Campaign, card: ModelCard, model_folder: Path, elements: tuple[str, ...]) -> EngineChoice:
    """The engine that the campaign file asks for, or the fastest that this machine and model allow.

    Raises `EngineError` where none runs here, `ModelError` where the model has no file for it in the dtype asked for,
    `ConfigError` for trajectories together with an engine that takes one at a time. `together: auto` is 1 here:
    `settle_together` measures it.
    """
    check_dispersion(config.model.dispersion, card)
    if runs_no_model(config.engine.kind):
        if config.model.dispersion is not None:
            raise ConfigError("model.dispersion belongs to a model, and the engine `stock` runs none: leave it out.")
        _check_together(config, ENGINES["stock"])
        return EngineChoice(
            kind="stock",
            dtype="float64",
            threads=config.engine.threads,
            hung_after_s=config.engine.hung_after_s,
            model_file=CARD_NAME,
            elements=elements,
            commands=renamed(config.engine.commands),
        )
    engine = resolve_engine(config.engine, config.model.dtype, card, model_folder)
    _check_together(config, ENGINES[engine.kind])
    return EngineChoice(
        kind=engine.kind,
        dtype=engine.dtype,
        threads=config.engine.threads,
        together=1 if config.engine.together == "auto" else config.engine.together,
        hung_after_s=config.engine.hung_after_s,
        model_file=engine.model_file,
        dispersion=config.model.dispersion,
        elements=elements,
    )


def settle_together(
    engine: EngineChoice, config: Campaign, model_folder: Path, first: InitialCondition
) -> EngineChoice:
    """The engine with `together: auto` measured on a campaign's first frame; any other engine as it is.

    With an engine that does not evaluate several structures at once it stays 1.
    """
    row = ENGINES[engine.kind]
    if config.engine.together != "auto" or not row.joint_on or not row.joint(device := row.where()):
        return engine
    model = row.load(model_folder / engine.model_file, engine.dtype, device)
    if model is None:
        return engine
    structure = ForceModelInput(
        numbers=np.array([atomic_numbers[symbol] for symbol in first.symbols], dtype=np.int64),
        positions=first.positions,
        cell=first.cell,
        pbc=(True, True, True),
    )
    gpus = gpus_of(engine.kind)
    together = fitting_together(
        model,
        structure,
        device=device,
        most=max(1, config.trajectories),
        sharing=feeders(workers_here(engine.threads, gpus), gpus),
    )
    return engine.model_copy(update={"together": together})


def _check_together(config: Campaign, row: ForceEngine) -> None:
    if row.runs_as == "pair_style" and config.engine.together not in {1, "auto"}:
        joint = " or ".join(other.kind for other in AUTO_ORDER if other.joint_on)
        raise ConfigError(
            f"engine.together is {config.engine.together}, and the pair style of the engine `{row.kind}` takes one "
            f"trajectory at a time: set engine.kind to {joint}, or engine.together to 1."
        )


def shared_files(
    config: Campaign, engine: EngineChoice, card: ModelCard, model_folder: Path, beside: Path
) -> dict[str, bytes]:
    """Relative path -> content of engine.in, the model's card, the file that the engine reads, and the one with which
    any LAMMPS that has `pair_style mace` runs the decks by hand; of the engine `stock` the files of its potentials,
    which are named relative to the folder `beside`. Raises `ConfigError` for one of them that is not taken."""
    if runs_no_model(engine.kind):
        potential = stock_potential(config.engine, engine.elements, (beside, model_folder))
        return {
            ENGINE_NAME: potential.include.encode(),
            f"{MODEL_FOLDER}/{CARD_NAME}": json_bytes(card.model_dump(mode="json")),
            **{f"{MODEL_FOLDER}/{name}": content for name, content in potential.files.items()},
        }
    resolved = ResolvedEngine(
        kind=engine.kind,
        dtype=engine.dtype,
        model_file=engine.model_file,
        cutoff_angstrom=card.architecture.r_max_angstrom,
    )
    include = with_dispersion(engine_include(resolved, engine.elements), engine.dispersion, engine.elements)
    if engine.multistep is not None:
        inner = f"${{root}}/{INNER_FOLDER}/{engine.multistep.model_file}"
        include = f"# At each {engine.multistep.every}th step; {inner} between (impulse r-RESPA).\n{include}"
    files = {ENGINE_NAME: include.encode()}
    of_pair_style = ENGINES["mace"].format
    by_hand = [entry.name for entry in card.files if entry.format == of_pair_style and entry.dtype == engine.dtype]
    for name in sorted({CARD_NAME, engine.model_file, *by_hand}):
        files[f"{MODEL_FOLDER}/{name}"] = (model_folder / name).read_bytes()
    return files
