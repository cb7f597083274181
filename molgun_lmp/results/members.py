"""`molgun members`: campaigns that fired the same shots under the members of a committee, read together.

members.csv             each line of the table: the mean, its interval over shots, and with the models
member_fractions.csv    the same under each member
member_exchanges.csv    which classes go over into which from one member to another
member_shots.csv        the shots whose class depends on the member
members.svg             fraction by member, and the mean with both intervals
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from molgun_lmp.analysis.statistics.estimates import Estimate
from molgun_lmp.analysis.statistics.members import Members, compare_members
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.csv_files import write_csv
from molgun_lmp.errors import CampaignError, InputFileError
from molgun_lmp.models.level_of_theory import UNSTATED, level_warning
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.compare import one_scheme
from molgun_lmp.results.decided import Ended
from molgun_lmp.results.parallel import counted_from
from molgun_lmp.results.same_shots import require_only_models_differ, require_same_starts

MEMBERS_COLUMNS: Final = (
    *("row", "members", "shots", "fraction", "sampling_low", "sampling_high", "between_models"),
    *("total_low", "total_high", "note"),
)
MEMBER_FRACTIONS_COLUMNS: Final = (
    *("row", "member", "count", "shots", "fraction", "cluster_low", "cluster_high", "wilson_low", "wilson_high"),
)
MEMBER_EXCHANGES_COLUMNS: Final = ("mode", "other_mode", "shots")
MEMBER_SHOTS_COLUMNS: Final = ("trajectory", "member", "mode")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MemberCampaign:
    """A campaign under one member.

    `name` is that of its folder, or the path as the user wrote it where two folders have one name; `ended` all its
    ended shots; `left_out` how many of them have not ended under every member; `failed` and `flagged` how many of the
    others failed, or moved their energy beyond the limits.
    """

    name: str
    model: str
    level_of_theory: str
    ended: int
    left_out: int
    failed: int
    flagged: int

    def sentence(self) -> str:
        """The same in words."""
        parts = [f"{self.ended} shots ended"]
        parts += [f"{self.left_out} of them left out, not ended under every member"] if self.left_out else []
        parts += [f"{self.failed} failed, which count as such"] if self.failed else []
        parts += [f"{self.flagged} with an energy beyond the limits, which count"] if self.flagged else []
        forces = self.level_of_theory or UNSTATED
        return f"{self.name}: model {self.model}, forces of {forces}; {', '.join(parts)}."


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommitteeAnswer:
    """What a committee's campaigns say together."""

    campaigns: tuple[MemberCampaign, ...]
    members: Members
    scheme: OutcomeScheme
    grid_points: int = 1
    """Energies and angles that the gun fires; fractions are means over them."""

    @property
    def warning(self) -> str:
        """What to say of their levels of theory; empty where these are one."""
        return level_warning([(one.name, one.level_of_theory) for one in self.campaigns])

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            **self.members.to_json(),
            "campaigns": [dataclasses.asdict(one) for one in self.campaigns],
            "grid_points": self.grid_points,
            "warning": self.warning,
        }


def load_members(
    folders: Sequence[str | Path], *, scheme: str | None = None, advance: Callable[[int], None] | None = None
) -> CommitteeAnswer:
    """Campaigns that fired the same shots under different models, decided and read together.

    `scheme` decides all in place of their own; `advance` is called with the number of trajectories read so far.
    Numbers are of the shots that have ended in all of them. Raises `InputFileError` for fewer than two campaigns, for
    some whose shots are not the same, whose models are, or in which anything but the model differs; `CampaignError`
    for a folder that is no campaign, or where fewer than two shots have ended in all; else as `analyse`.
    """
    opened = [Store.open(Path(folder)).decided_by(scheme) for folder in folders]
    short = len({store.root.name for store in opened}) == len(opened)
    stores = [(store.root.name if short else str(folder), store) for folder, store in zip(folders, opened, strict=True)]
    if len({store.root for _, store in stores}) < 2:
        raise InputFileError(
            "members are two or more campaigns: plan one for each, with `molgun plan FILE --set model.folder=MEMBER "
            "--output CAMPAIGN`, run them, and name their folders."
        )
    require_only_models_differ(stores)
    read = list[Sequence[Ended]]()
    for _, store in stores:
        read.append(analyse(store, counted_from(advance, sum(map(len, read)))).ended)
    everywhere = set.intersection(*({one.folder.id for one in ended} for ended in read))
    if len(everywhere) < 2:
        raise CampaignError(
            f"{len(everywhere)} shots have ended under every member, and it takes two at least: `molgun run` each of "
            f"{', '.join(name for name, _ in stores)}."
        )
    common = [[one for one in ended if one.folder.id in everywhere] for ended in read]
    require_same_starts([(name, ended) for (name, _), ended in zip(stores, common, strict=True)])
    whose = one_scheme([(name, store.scheme) for name, store in stores])
    return CommitteeAnswer(
        campaigns=tuple(
            MemberCampaign(
                name=name,
                model=store.manifest.model,
                level_of_theory=store.manifest.level_of_theory,
                ended=len(ended),
                left_out=len(ended) - len(shared),
                failed=sum(one.result.state == "failed" for one in shared),
                flagged=sum(one.result.energy.flagged for one in shared),
            )
            for (name, store), ended, shared in zip(stores, read, common, strict=True)
        ),
        members=compare_members(
            whose,
            [(name, [one.outcome for one in shared]) for (name, _), shared in zip(stores, common, strict=True)],
        ),
        scheme=whose,
        grid_points=len(stores[0][1].config().gun.points),
    )


def write_members(answer: CommitteeAnswer, folder: Path) -> None:
    """The tables and the figure into a folder. Raises `InputFileError` where it cannot be written."""
    from molgun_lmp.analysis.figures.members import draw_members  # noqa: PLC0415  # matplotlib takes its time

    members = answer.members
    draw_members(members, folder)
    tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]] = {
        "members.csv": (
            MEMBERS_COLUMNS,
            [
                (
                    *(one.row, len(members.names), members.shots, one.fraction, *one.sampling),
                    *(one.between_models, *one.total, one.note),
                )
                for one in members.rows
            ],
        ),
        "member_fractions.csv": (
            MEMBER_FRACTIONS_COLUMNS,
            [
                (one.row, name, *_numbers(estimate))
                for one in members.rows
                for name, estimate in zip(members.names, one.members, strict=True)
            ],
        ),
        "member_exchanges.csv": (
            MEMBER_EXCHANGES_COLUMNS,
            [(one.one.label, one.other.label, one.shots) for one in members.exchanges],
        ),
        "member_shots.csv": (
            MEMBER_SHOTS_COLUMNS,
            [
                (one.trajectory_id, name, mode.label)
                for one in members.split_shots
                for name, mode in zip(members.names, one.modes, strict=True)
            ],
        ),
    }
    try:
        for name, (header, rows) in tables.items():
            write_csv(folder / name, header, rows)
    except OSError as error:
        raise InputFileError(f"cannot write into {folder}: {error.strerror}. Name another folder.") from error


def _numbers(one: Estimate) -> tuple[float | None, ...]:
    return (one.count, one.shots, one.fraction, *one.cluster, *one.wilson)
