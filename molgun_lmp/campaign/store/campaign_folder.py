"""The campaign folder: sole owner of its paths, and of what is true of each trajectory.

campaign.yaml   the resolved campaign file
manifest.json   hashes, versions, engine: what was planned
engine.in       the only part of the decks that depends on the machine
slab.extxyz     the clean slab, mean of its snapshots: where layers and dimers are found
scheme.yaml     the outcome scheme, where it is the user's own
model/          the model's card and the file that the engine reads
inner_model/    the same of the inner model, where there is one (engine.multistep)
trajectories/0000/hashes.json            of 1,000 trajectories
trajectories/0000/000003/in.lammps       the deck, with data.lmp and shot.json
trajectories/0000/000003/claim-1.json    while somebody runs it
trajectories/0000/000003/run-1/          what that run writes: traj.dump, log.lammps, end.data
trajectories/0000/000003/paused/         a run that was stopped, with checkpoints to go on from
trajectories/0000/000003/result.json     the end of the trajectory, with the number of the run that counts
trajectories/0000/000003/newcomer.json   of a later dose of a chain: its molecule, drawn at plan; the surface it meets
                                         is known once the dose before has ended, and then deck and data are written
trajectories/0000/000003/between/        the surface thermalised before that: its deck, structures and log
trajectories/0000/000003/drawn.json      what stays and what left, and the hashes of deck and data: they are whole
quench/         minima of `analyse --quench`: ends, slabs and molecules alone
analysis/       outcomes, table, figures, report; what is kept so that nothing is read or made twice
until.json      the stop rule of `run --until`, and what each of its looks found
left_out.json   shots that ended on a cluster and could not be collected, and why
index.sqlite    all results counted, made from the result files whenever it differs from them
STOP            made by the user: all workers stop, with checkpoints
logs/           for each worker process its log, and how far it has got
"""

import dataclasses
import functools
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from molgun_lmp.atomic_files import create_file, json_bytes
from molgun_lmp.campaign.store.manifest import Manifest, read_manifest
from molgun_lmp.config import Campaign, LoadedCampaign, load_campaign, load_yaml
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import DUMP_NAME, trajectory_id
from molgun_lmp.readers.common.packed import PACKED_SUFFIXES
from molgun_lmp.records import Cause, Shot, TrajectoryResult

if TYPE_CHECKING:
    from ase import Atoms

    from molgun_lmp.outcome_scheme import OutcomeScheme

SHARD_SIZE: Final = 1000
CONFIG_NAME: Final = "campaign.yaml"
ENGINE_NAME: Final = "engine.in"
SLAB_NAME: Final = "slab.extxyz"
SCHEME_NAME: Final = "scheme.yaml"
MODEL_FOLDER: Final = "model"
INNER_FOLDER: Final = "inner_model"
TRAJECTORIES_FOLDER: Final = "trajectories"
SHARD_HASHES: Final = "hashes.json"
STOP_NAME: Final = "STOP"
SHOT_NAME: Final = "shot.json"
RESULT_NAME: Final = "result.json"

_RUN: Final = re.compile(r"run-(\d+)")


NEWCOMER_NAME: Final = "newcomer.json"
DRAWN_NAME: Final = "drawn.json"
BETWEEN_FOLDER: Final = "between"


def shard_name(index: int) -> str:
    """The folder that holds trajectory `index`."""
    return f"{index // SHARD_SIZE:04d}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrajectoryFolder:
    """One trajectory's folder."""

    id: str
    path: Path

    @classmethod
    def of(cls, root: Path, index: int) -> "TrajectoryFolder":
        """Trajectory `index` of the campaign in the folder `root`."""
        name = trajectory_id(index)
        return cls(id=name, path=root / TRAJECTORIES_FOLDER / shard_name(index) / name)

    @property
    def result_file(self) -> Path:
        """Exists once the trajectory has ended."""
        return self.path / RESULT_NAME

    def run_folder(self, number: int) -> Path:
        """What run `number` writes."""
        return self.path / f"run-{number}"

    @property
    def paused(self) -> Path:
        """What a run that was stopped has left to go on from."""
        return self.path / "paused"

    def runs_before(self, number: int) -> list[Path]:
        """What runs before number `number` have left: of a stopped one, and of those whose worker died."""
        return [self.paused, *(self.run_folder(earlier) for earlier in range(1, number))]

    def dump(self, result: TrajectoryResult) -> Path:
        """The dump that belongs to a result: as it was written, or packed since (`traj.dump.gz`)."""
        plain = self.run_folder(result.attempt) / DUMP_NAME
        packed = (plain.with_name(plain.name + suffix) for suffix in PACKED_SUFFIXES)
        return next((file for file in (plain, *packed) if file.is_file()), plain)

    def shot(self) -> Shot:
        """What was drawn. Raises `CampaignError`."""
        file = self.path / SHOT_NAME
        try:
            return Shot.from_json(json.loads(file.read_bytes()))
        except (OSError, ValueError, RecursionError) as error:
            raise CampaignError(f"{file} is missing or damaged ({error}). Plan the campaign again.") from error

    def result(self) -> TrajectoryResult | None:
        """How the trajectory ended, None where it has not. Raises `CampaignError` for a damaged file."""
        try:
            return TrajectoryResult.from_json(json.loads(self.result_file.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValidationError, ValueError, RecursionError) as error:
            raise CampaignError(
                f"{self.result_file} is damaged ({error}). Delete it, and `molgun run` fires the trajectory again."
            ) from error

    def publish(self, result: TrajectoryResult) -> bool:
        """Store the result, unless there is one: a trajectory is counted once. False where there was one."""
        return create_file(self.result_file, json_bytes(result.to_json()))

    def withdraw(self, result: TrajectoryResult) -> bool:
        """Set a result aside (`result-was-N.json`), so that the trajectory is free again. False where it is gone."""
        aside = self.path / f"result-was-{len(list(self.path.glob('result-was-*.json'))) + 1}.json"
        try:
            self.result_file.rename(aside)
        except FileNotFoundError:
            return False
        shutil.rmtree(self.run_folder(result.attempt), ignore_errors=True)
        return True

    def remove_runs(self, keep: int) -> None:
        """Remove what all runs but `keep` left behind."""
        for folder in self.path.iterdir():
            if folder == self.paused or (_RUN.fullmatch(folder.name) and folder != self.run_folder(keep)):
                shutil.rmtree(folder, ignore_errors=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Store:
    """A planned campaign folder. Its manifest, campaign file and clean slab are read once: open it anew to see what was
    changed since."""

    root: Path
    manifest: Manifest
    other_scheme: "OutcomeScheme | None" = None
    """By which outcomes are decided in place of the campaign's own scheme."""

    @classmethod
    def open(cls, root: Path) -> "Store":
        """The campaign in a folder. Raises `CampaignError` where there is none."""
        return cls(root=root.resolve(), manifest=read_manifest(root))

    def config(self) -> Campaign:
        """The resolved campaign file. Raises `ConfigError`."""
        return self._config

    @functools.cached_property
    def _config(self) -> Campaign:
        return self.config_with(()).config

    def config_with(self, overrides: Sequence[str]) -> LoadedCampaign:
        """The resolved campaign file with other values in some places (`dotted.key=value`). Raises `ConfigError`.

        What it does not say has the meaning that it had when it was planned: before thermostats had a key `molecule`
        they held all mobile atoms, and all that were planned since say it.
        """
        file = self.root / CONFIG_NAME
        dynamics = load_yaml(file).get("dynamics")
        before = []
        if isinstance(dynamics, dict) and dynamics.get("ensemble") == "nvt":
            thermostat = dynamics.get("thermostat")
            if not isinstance(thermostat, dict) or "molecule" not in thermostat:
                before = ["dynamics.thermostat.molecule=true"]
        return load_campaign(file, [*before, *overrides])

    def decided_by(self, name: str | None) -> "Store":
        """The same campaign, its outcomes decided by another scheme: a name or a file; None for its own. Raises
        `ConfigError`."""
        return self if name is None else dataclasses.replace(self, other_scheme=_load_scheme(name))

    @functools.cached_property
    def scheme(self) -> "OutcomeScheme":
        """The classes that outcomes are told apart by. Raises `ConfigError`."""
        return self.own_scheme if self.other_scheme is None else self.other_scheme

    @functools.cached_property
    def own_scheme(self) -> "OutcomeScheme":
        """The scheme that the campaign was planned with. Raises `ConfigError`."""
        return _load_scheme(self.config().outcomes.scheme, self.root)

    @property
    def scheme_name(self) -> str:
        """The campaign's own scheme, as any folder may name it."""
        from molgun_lmp.config.schemes import scheme_names  # noqa: PLC0415 (as in `_load_scheme`)

        name = self.config().outcomes.scheme
        return name if name in scheme_names() else str(self.root / name)

    @property
    def model(self) -> Path:
        """The folder of the model."""
        return self.root / MODEL_FOLDER

    @property
    def inner_model(self) -> Path:
        """The folder of the inner model."""
        return self.root / INNER_FOLDER

    @property
    def slab(self) -> Path:
        """The file of the clean slab."""
        return self.root / SLAB_NAME

    @functools.cached_property
    def clean_slab(self) -> "Atoms":
        """The clean slab, not to be changed. Raises `CampaignError`."""
        import ase.io  # noqa: PLC0415 (slow to load, and whoever only fires never looks at the slab)

        try:
            slab: Atoms = ase.io.read(self.slab, format="extxyz")
        except (OSError, ValueError) as error:
            raise CampaignError(f"cannot read {self.slab}: {error}. Copy the campaign folder again.") from error
        return slab

    @property
    def analysis(self) -> Path:
        """What `molgun analyse` and `molgun report` write."""
        return self.root / "analysis"

    @property
    def logs(self) -> Path:
        """The workers' logs."""
        return self.root / "logs"

    def trajectory(self, identifier: str) -> TrajectoryFolder:
        """A trajectory's folder, by its id."""
        return TrajectoryFolder.of(self.root, int(identifier))

    def trajectories(self) -> Iterator[TrajectoryFolder]:
        """All trajectories in order."""
        return (self.trajectory(trajectory_id(index)) for index in range(self.manifest.trajectories))

    def fired(self) -> list[tuple[TrajectoryFolder, TrajectoryResult]]:
        """Those that have ended, in order, with their results. A dose that was never fired, because its chain had ended
        before it, is none of them: it says nothing about a molecule. Raises `CampaignError` for a damaged result."""
        found = ((folder, folder.result()) for folder in self.trajectories())
        return [
            (folder, result) for folder, result in found if result is not None and result.cause is not Cause.CHAIN_ENDED
        ]

    def select(self, only: Sequence[str]) -> list[TrajectoryFolder]:
        """The named trajectories (`3` is `000003`), or all. Raises `CampaignError` for one that was not planned."""
        if not only:
            return list(self.trajectories())
        indices = []
        for name in only:
            if not name.isdecimal() or int(name) >= self.manifest.trajectories:
                last = self.manifest.trajectories - 1
                there = f"it has 000000 to {trajectory_id(last)}" if last >= 0 else "it has none"
                raise CampaignError(f"campaign {self.manifest.name} has no trajectory {name!r}: {there}.")
            indices.append(int(name))
        return [self.trajectory(trajectory_id(index)) for index in sorted(set(indices))]


def _load_scheme(name: str, folder: Path = Path()) -> "OutcomeScheme":
    from molgun_lmp.config.schemes import load_scheme  # noqa: PLC0415 (slow to load, and no shot is fired by a scheme)

    return load_scheme(name, folder)
