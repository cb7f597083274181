"""`molgun replay`: one trajectory once more from the same first frame, with another precision, timestep or model.

A replay is a campaign folder of its own with one trajectory, in `replays/` of the campaign: every command works on it.
Its data file is the planned one, byte for byte; its deck is written anew from the changed campaign file.
"""

import dataclasses
import datetime
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from molgun_lmp.atomic_files import folder_whole, json_bytes, write_json
from molgun_lmp.campaign.plan import multistep
from molgun_lmp.campaign.plan.engine_choice import choose_engine, level_with_dispersion, shared_files
from molgun_lmp.campaign.plan.replay_deck import replay_deck
from molgun_lmp.campaign.store.campaign_folder import (
    CONFIG_NAME,
    MODEL_FOLDER,
    SCHEME_NAME,
    SHARD_HASHES,
    SHOT_NAME,
    SLAB_NAME,
    TRAJECTORIES_FOLDER,
    Store,
    TrajectoryFolder,
    shard_name,
)
from molgun_lmp.campaign.store.integrity import planned_hashes, require_planned, verify_shared
from molgun_lmp.campaign.store.manifest import MANIFEST_NAME, EngineChoice, Manifest
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.config import Campaign, LoadedCampaign, dump_yaml
from molgun_lmp.engine.registry import runs_no_model
from molgun_lmp.engine.stock import stock_card
from molgun_lmp.errors import CampaignError, ConfigError
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME, trajectory_id
from molgun_lmp.model_formats import Dtype, ModelEngineKind
from molgun_lmp.models.card import ModelCard, check_elements, load_card, read_card
from molgun_lmp.provenance import sha256_file, sha256_text, versions
from molgun_lmp.records import JsonRecord
from molgun_lmp.shipped_templates import templates_folder

REPLAYS_FOLDER: Final = "replays"
REPLAY_NAME: Final = "replay.json"

_IN_STEPS: Final = ("steps", "dump_every_steps", "thermo_every_steps", "checkpoint_every_steps")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Changes(JsonRecord):
    """What a replay does otherwise; None leaves it as it was."""

    dtype: Dtype | None = None
    timestep_fs: float | None = None
    model: str | None = None
    """Another model's folder."""
    engine: ModelEngineKind | None = None
    every: int | None = None
    """Another `engine.multistep.every`; 1: the model itself at each step."""

    @property
    def name(self) -> str:
        """Such as `float64-0.25fs`; `again` for no change."""
        parts = [
            self.dtype,
            None if self.timestep_fs is None else f"{self.timestep_fs:g}fs",
            None if self.model is None else f"model-{Path(self.model).resolve().name}",
            self.engine,
            None if self.every is None else f"every-{self.every}",
        ]
        return "-".join(part for part in parts if part is not None) or "again"

    @property
    def doubt(self) -> str:
        """What follows, for this shot alone, where its outcome changes with it."""
        if self.model is not None:
            return "the two models disagree on this shot"
        if self.timestep_fs is not None:
            return "the shot is undecided at this timestep"
        if self.every is not None:
            return "the shot is undecided at this outer step"
        return "the shot is undecided at this precision"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Hashes:
    files: dict[str, str]
    shards: dict[str, str]


def plan_replay(store: Store, identifier: str, changes: Changes) -> Store:
    """The folder of a replay, made where it is not there yet.

    Raises `CampaignError` for a trajectory that was not planned, a changed data file, and another replay in its place;
    `ConfigError` for a timestep in which the campaign's intervals are not whole; `ModelError` and `EngineError` for a
    model or engine that does not do.
    """
    (original,) = store.select([identifier])
    folder = store.root / REPLAYS_FOLDER / f"{original.id}-{changes.name}"
    request = {"of": original.id, "changes": changes.to_json()}
    if folder.exists():
        if _request(folder) != request:
            raise CampaignError(f"{folder} exists and is another replay. Remove it first.")
        return Store.open(folder)
    verify_shared(campaign_work(store))
    loaded = _changed(store, changes)
    card, model_folder = _model(store, loaded.config, changes)
    try:
        with folder_whole(folder) as work:
            _write(store, original, loaded.config, (card, model_folder), work, changes=changes)
            write_json(request, work / REPLAY_NAME)
    except OSError as error:
        raise CampaignError(f"cannot write the replay {folder}: {error}. Nothing was left behind.") from error
    return Store.open(folder)


def replays_of(store: Store) -> Iterator[Path]:
    """The campaign's replays, in order."""
    return (file.parent for file in sorted((store.root / REPLAYS_FOLDER).glob(f"*/{REPLAY_NAME}")))


def _request(folder: Path) -> dict[str, Any]:
    try:
        document = json.loads((folder / REPLAY_NAME).read_bytes())
        return {"of": document["of"], "changes": Changes.from_json(document["changes"]).to_json()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CampaignError(f"{folder} exists and is no replay ({error!r}). Remove it first.") from error


def _changed(store: Store, changes: Changes) -> LoadedCampaign:
    """The campaign file of the replay: one trajectory, and all intervals as long in time as they were."""
    config = store.config()
    overrides = ["trajectories=1", "dose=null"]
    if changes.dtype is not None:
        overrides.append(f"model.dtype={changes.dtype}")
    if changes.engine is not None or (changes.model is not None and not runs_no_model(config.engine.kind)):
        overrides.append(f"engine.kind={changes.engine or 'auto'}")
    if changes.every is not None:
        overrides.append(_every(config, changes.every))
    if changes.timestep_fs is not None:
        if not 0 < changes.timestep_fs < math.inf:
            raise ConfigError(f"--timestep {changes.timestep_fs:g}: a timestep is longer than 0 fs.")
        ratio = config.dynamics.timestep_fs / changes.timestep_fs
        lengths = {f"dynamics.{name}": getattr(config.dynamics, name) for name in _IN_STEPS}
        lengths["stop.check_every_steps"] = config.stop.check_every_steps
        for name, steps in lengths.items():
            if steps is not None:
                overrides.append(f"{name}={_whole(steps * ratio, name, steps, changes.timestep_fs)}")
        overrides.append(f"dynamics.timestep_fs={changes.timestep_fs!r}")
    return store.config_with(overrides)


def _every(config: Campaign, every: int) -> str:
    if every > 1 and config.engine.multistep is None:
        raise ConfigError(
            f"--every {every}: this campaign has no inner model (engine.multistep), so each step is one of its model."
        )
    return "engine.multistep=null" if every == 1 else f"engine.multistep.every={every}"


def _whole(steps: float, name: str, before: int, timestep_fs: float) -> int:
    if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
        raise ConfigError(
            f"--timestep {timestep_fs:g}: {name} ({before}) would be {steps:g} steps, and the frames of both runs must "
            "be of the same times. Take a timestep in which it is a whole number, such as half of the campaign's."
        )
    return round(steps)


def _model(store: Store, config: Campaign, changes: Changes) -> tuple[ModelCard, Path]:
    """The card and folder of the model; of the campaign's own copy only what is there."""
    elements = store.manifest.engine.elements
    if runs_no_model(config.engine.kind):
        if changes.dtype is not None or changes.model is not None:
            raise ConfigError("this campaign has a pair potential and no model: only --timestep changes something.")
        return stock_card(config.engine, elements, (store.root, store.model)), store.model
    if changes.model is not None:
        folder = Path(changes.model).resolve()
        card = load_card(folder)
    else:
        folder, card = store.model, _kept_card(store.model, "name the model's own folder with --model")
    check_elements(card, elements)
    return card, folder


def _inner_model(store: Store, config: Campaign) -> multistep.InnerModel | None:
    if config.engine.multistep is None:
        return None
    card = _kept_card(store.inner_model, "plan the campaign with that dtype or engine, or replay with --every 1")
    return multistep.InnerModel(folder=store.inner_model, card=card)


def _kept_card(folder: Path, what_to_do: str) -> ModelCard:
    """The card of a copy in the campaign folder, with those of its files that are there."""
    card = read_card(folder)
    present = tuple(entry for entry in card.files if (folder / entry.name).is_file())
    absent = {entry.format: f"the campaign kept of it what it needed only; {what_to_do}" for entry in card.files}
    return card.model_copy(update={"files": present, "not_exported": {**card.not_exported, **absent}})


def _write(
    store: Store,
    original: TrajectoryFolder,
    config: Campaign,
    model: tuple[ModelCard, Path],
    work: Path,
    *,
    changes: Changes,
) -> None:
    card, model_folder = model
    inner = _inner_model(store, config)
    engine = choose_engine(config, card, model_folder, store.manifest.engine.elements)
    engine = multistep.with_inner(engine, config, card, inner)
    resolved = config.model_copy(
        update={
            "model": config.model.model_copy(update={"folder": Path(MODEL_FOLDER)}),
            "engine": config.engine.model_copy(update={"kind": engine.kind}),
        }
    )
    (work / CONFIG_NAME).write_text(dump_yaml(resolved), encoding="utf-8")
    shutil.copyfile(store.slab, work / SLAB_NAME)
    own = (SCHEME_NAME,) if (store.root / SCHEME_NAME).is_file() else ()
    for name in own:
        shutil.copyfile(store.root / name, work / name)
    shared = shared_files(config, engine, card, model_folder, store.root) | multistep.inner_files(engine, inner)
    for name, content in shared.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(content)
    # Another model reaches as far as its own cutoff, and not less far than the dispersion beside it.
    cutoff = store.manifest.cutoff_angstrom
    if changes.model is not None:
        cutoff = max(card.architecture.r_max_angstrom, cutoff if engine.dispersion is not None else 0.0)
    shards = _write_trajectory(store, original, resolved, cutoff, work / TRAJECTORIES_FOLDER / shard_name(0))
    files = {name: sha256_file(work / name) for name in (CONFIG_NAME, SLAB_NAME, *own, *shared)}
    manifest = _manifest(store.manifest, engine, card, cutoff, _Hashes(files=files, shards=shards))
    manifest = manifest.model_copy(update={"config": resolved.model_dump(mode="json")})
    write_json(manifest.model_dump(mode="json"), work / MANIFEST_NAME)


def _write_trajectory(
    store: Store, original: TrajectoryFolder, config: Campaign, cutoff: float, shard: Path
) -> dict[str, str]:
    """Deck, data and shot as trajectory 000000 of the replay. Shard -> hash of its list of hashes."""
    expected = planned_hashes(campaign_work(store), original)
    require_planned(original.path / DATA_NAME, expected[DATA_NAME])
    data = (original.path / DATA_NAME).read_text(encoding="utf-8")
    texts = {
        INPUT_NAME: replay_deck(store, original, config, cutoff),
        DATA_NAME: data,
        SHOT_NAME: (original.path / SHOT_NAME).read_text(encoding="utf-8"),
    }
    folder = shard / trajectory_id(0)
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    hashes = {trajectory_id(0): {name: sha256_text(text) for name, text in texts.items()}}
    (shard / SHARD_HASHES).write_bytes(json_bytes(hashes))
    return {shard.name: sha256_file(shard / SHARD_HASHES)}


def _manifest(before: Manifest, engine: EngineChoice, card: ModelCard, cutoff: float, hashes: _Hashes) -> Manifest:
    return before.model_copy(
        update={
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "trajectories": 1,
            "engine": engine,
            "model": card.name,
            "level_of_theory": level_with_dispersion(card, engine),
            "cutoff_angstrom": cutoff,
            "template": sha256_file(templates_folder() / "trajectory.in.j2"),
            "files": hashes.files,
            "shards": hashes.shards,
            "versions": versions(),
        }
    )
