"""Which engine a campaign uses, and the files beside its decks that say so: `engine.in` and the model."""

from pathlib import Path

from molgun_lmp.campaign.manifest import EngineChoice
from molgun_lmp.campaign.store import ENGINE_NAME, MODEL_FOLDER
from molgun_lmp.config import Campaign
from molgun_lmp.engine.resolve import ResolvedEngine, engine_include, resolve_engine
from molgun_lmp.errors import ConfigError
from molgun_lmp.training.card import CARD_NAME, ModelCard


def choose_engine(config: Campaign, card: ModelCard, model_folder: Path, elements: tuple[str, ...]) -> EngineChoice:
    """The engine that the campaign file asks for, or the fastest that this machine and model allow.

    Raises `EngineError` where none runs here, `ModelError` where the model has no file for it in the dtype asked for,
    `ConfigError` for trajectories together with an engine that takes one at a time.
    """
    engine = resolve_engine(config.engine, config.model.dtype, card, model_folder)
    if engine.kind == "mace" and config.engine.together > 1:
        raise ConfigError(
            f"engine.together is {config.engine.together}, and the pair style of the engine `mace` takes one "
            "trajectory at a time: set engine.kind to torchscript, or engine.together to 1."
        )
    return EngineChoice(
        kind=engine.kind,
        dtype=engine.dtype,
        threads=config.engine.threads,
        together=config.engine.together,
        hung_after_s=config.engine.hung_after_s,
        model_file=engine.model_file,
        elements=elements,
    )


def shared_files(engine: EngineChoice, card: ModelCard, model_folder: Path) -> dict[str, bytes]:
    """Relative path -> content of engine.in, the model's card, the file that the engine reads, and the one with which
    any LAMMPS that has `pair_style mace` runs the decks by hand."""
    resolved = ResolvedEngine(
        kind=engine.kind,
        dtype=engine.dtype,
        model_file=engine.model_file,
        cutoff_angstrom=card.architecture.r_max_angstrom,
    )
    files = {ENGINE_NAME: engine_include(resolved, engine.elements).encode()}
    by_hand = [entry.name for entry in card.files if entry.format == "torchscript" and entry.dtype == engine.dtype]
    for name in sorted({CARD_NAME, engine.model_file, *by_hand}):
        files[f"{MODEL_FOLDER}/{name}"] = (model_folder / name).read_bytes()
    return files
