"""The folder in which one pool is equilibrated: independent runs, claimed, resumed and checked as trajectories are.

equilibration.json   hashes, engine, number of runs and steps
engine.in, model/    as in a campaign folder
trajectories/0000/000002/   the deck of run 2 and what it left, as in a campaign folder
"""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from molgun_lmp.atomic_files import aside, json_bytes, write_json
from molgun_lmp.campaign.store.campaign_folder import SHARD_HASHES, TRAJECTORIES_FOLDER, TrajectoryFolder, shard_name
from molgun_lmp.campaign.store.manifest import EngineChoice
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.config.section import Section
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME, trajectory_id
from molgun_lmp.provenance import sha256_file, sha256_text
from molgun_lmp.records import Deck

EQUILIBRATION_NAME: Final = "equilibration.json"


class EquilibrationManifest(Section):
    """What one equilibration is; two with equal manifests are the same."""

    manifest_format: Literal[1] = 1
    part: Literal["slab", "molecule"]
    campaign_file: str
    engine: EngineChoice
    runs: int
    n_atoms: int
    steps: int
    files: dict[str, str]
    shards: dict[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Equilibrations:
    """An equilibration's folder."""

    root: Path
    manifest: EquilibrationManifest

    @classmethod
    def open(cls, root: Path) -> "Equilibrations":
        """The equilibration in a folder. Raises `CampaignError` where there is none."""
        file = root / EQUILIBRATION_NAME
        try:
            manifest = EquilibrationManifest.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            raise CampaignError(f"{file} is missing or damaged ({error}). Remove {root} and begin anew.") from error
        return cls(root=root.resolve(), manifest=manifest)

    def run(self, number: int) -> TrajectoryFolder:
        """The folder of one run."""
        name = trajectory_id(number)
        return TrajectoryFolder(id=name, path=self.root / TRAJECTORIES_FOLDER / shard_name(number) / name)

    def work(self, only: Sequence[str] = ()) -> Work:
        """All runs, or the named ones."""
        numbers = sorted({int(name) for name in only}) if only else range(self.manifest.runs)
        return Work(
            root=self.root,
            engine=self.manifest.engine,
            dynamics=None,
            n_atoms=self.manifest.n_atoms,
            steps=self.manifest.steps,
            folders=tuple(self.run(number) for number in numbers),
            only=tuple(only),
            files=self.manifest.files,
            shards=self.manifest.shards,
            again=f"molgun equilibrate {self.manifest.campaign_file} --{self.manifest.part}",
        )


def open_or_write(
    root: Path,
    *,
    part: Literal["slab", "molecule"],
    campaign_file: Path,
    engine: EngineChoice,
    shared: dict[str, bytes],
    decks: Sequence[Deck],
    n_atoms: int,
    steps: int,
    anew: bool = False,
) -> Equilibrations:
    """The equilibration at `root`, written where there is none.

    `shared`: relative path -> content of engine.in and the model's files. Where the folder holds runs of another
    protocol, model or structure it raises `CampaignError`; `anew` has that folder renamed (`slab-was-1`) instead.
    """
    _make_parent(root)
    with aside(root) as work:
        for name, content in shared.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(content)
        manifest = EquilibrationManifest(
            part=part,
            campaign_file=str(campaign_file),
            engine=engine,
            runs=len(decks),
            n_atoms=n_atoms,
            steps=steps,
            files={name: sha256_file(work / name) for name in shared},
            shards=_write_decks(work / TRAJECTORIES_FOLDER, decks),
        )
        write_json(manifest.model_dump(mode="json"), work / EQUILIBRATION_NAME)
        if anew and root.exists() and not _is_of(root, manifest):
            root.rename(unused(root.with_name(f"{root.name}-was")))
        if not root.exists():
            work.rename(root)
    if not _is_of(root, manifest):
        raise CampaignError(
            f"{root} holds an equilibration of another protocol, model, engine or structure. Give --force to begin "
            "anew (the folder is renamed), or put the campaign file back as it was to go on."
        )
    return Equilibrations.open(root)


def unused(path: Path) -> Path:
    """A path with a number after its stem that nothing has: `pool-1.extxyz.xz`."""
    stem, dot, suffix = path.name.partition(".")
    return next(
        free for number in itertools.count(1) if not (free := path.with_name(f"{stem}-{number}{dot}{suffix}")).exists()
    )


def _is_of(root: Path, manifest: EquilibrationManifest) -> bool:
    there = Equilibrations.open(root).manifest
    return there.model_copy(update={"campaign_file": manifest.campaign_file}) == manifest


def _write_decks(folder: Path, decks: Sequence[Deck]) -> dict[str, str]:
    shard = folder / shard_name(0)
    hashes = {}
    for number, deck in enumerate(decks):
        run = shard / trajectory_id(number)
        run.mkdir(parents=True)
        texts = {INPUT_NAME: deck.input_text, DATA_NAME: deck.data_text}
        for name, text in texts.items():
            (run / name).write_text(text, encoding="utf-8")
        hashes[run.name] = {name: sha256_text(text) for name, text in texts.items()}
    (shard / SHARD_HASHES).write_bytes(json_bytes(hashes))
    return {shard.name: sha256_file(shard / SHARD_HASHES)}


def _make_parent(root: Path) -> None:
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CampaignError(f"cannot write {root.parent}: {error.strerror}. Work where you may write.") from error
