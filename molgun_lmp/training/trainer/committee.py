"""A committee: several trainings of one training file, whose forces differ where the data do not decide them.

Each member is a whole model with a seed of its own, and all but the first leave a part of the training trajectories
out. The first is trained on everything: it is the one that is fired. Seeds alone are not enough where all members start
from one foundation model, since they begin with the same weights; last-layer heads are cheaper, but share the features,
and agree wherever these are blind (query by committee: Seung, Opper and Sompolinsky, COLT 1992, 287; committees of
potentials: Schran, Brezina and Marsalek, J. Chem. Phys. 153, 104105 (2020)).
"""

import logging
from pathlib import Path
from typing import Final

from rich.console import Console

from molgun_lmp.errors import ConfigError, TrainingError
from molgun_lmp.training.dataset.split import split_frames
from molgun_lmp.training.run_folder import TrainingRecord
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.preparation import Prepared, check_sets, prepare
from molgun_lmp.training.trainer.train import train

log = logging.getLogger(__name__)

_LONGEST_NAME: Final = 60


def member_name(member: int) -> str:
    """The folder of a member."""
    return f"member-{member}"


def member_of(config: TrainingConfig, member: int, members: int) -> TrainingConfig:
    """The training file of one of `members`, counted from 0."""
    if members == 1:
        return config
    leave_out = None if member == 0 else (member, members)
    return config.model_copy(
        update={
            "name": f"{config.name[:_LONGEST_NAME]}-m{member}",
            "seed": config.seed + member,
            "split": config.split.model_copy(update={"leave_out": leave_out}),
        }
    )


def require_members(prepared: Prepared, members: int) -> None:
    """Raise `ConfigError` or `TrainingError` where a member's part of the training frames cannot be trained on."""
    for member in range(1, members):
        one = member_of(prepared.config, member, members)
        try:
            check_sets(one, split_frames(prepared.dataset.frames, one.split))
        except (ConfigError, TrainingError) as error:
            raise type(error)(
                f"a committee of {members}: {member_name(member)} leaves out a part of the trajectories, and what is "
                f"left for it is not enough: {error} Frames of more trajectories help as well, and more members, which "
                "leave out smaller parts."
            ) from error


def train_committee(
    config: TrainingConfig,
    members: int,
    folder: Path,
    *,
    base: Path,
    console: Console | None = None,
    finish: bool = False,
) -> tuple[TrainingRecord, ...]:
    """Train all members, each in a folder of its own in `folder`; finished ones are not trained again.

    Raises what `train` raises, for all members before the first one is trained.
    """
    if members > 1:
        require_members(prepare(config, base), members)
    records = []
    for member in range(members):
        log.info("member %d of %d", member + 1, members)
        one = member_of(config, member, members)
        records.append(train(one, folder / member_name(member), base=base, console=console, finish=finish))
    return tuple(records)
