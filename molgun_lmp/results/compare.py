"""`molgun compare`: campaigns, and trajectories made elsewhere, decided alike and put side by side."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from molgun_lmp.analysis.dosing.equal_coverage import Chains, CoverageDifference, coverage_differences
from molgun_lmp.analysis.report.costs import Cost, costs_of
from molgun_lmp.analysis.statistics.comparison import Comparison, Difference, compare
from molgun_lmp.analysis.statistics.pairing import Drawn
from molgun_lmp.analysis.statistics.summary import summarise
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.manifest import is_campaign
from molgun_lmp.config.schemes import load_scheme, named_from_here
from molgun_lmp.errors import InputFileError
from molgun_lmp.models.level_of_theory import level_warning
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.readers.vasp_trajectories import given_files
from molgun_lmp.records import Outcome
from molgun_lmp.results.analyse import Analysis, analyse
from molgun_lmp.results.campaign_differences import CampaignFacts
from molgun_lmp.results.decided import doses_of_a_chain
from molgun_lmp.results.dosing import write_records
from molgun_lmp.results.external import load_settings, molecule_of, trajectories
from molgun_lmp.results.parallel import counted_from
from molgun_lmp.results.table_files import COSTS_NAME, write_comparison, write_costs

DIFFERENCES_NAME: Final = "differences.csv"
COVERAGE_DIFFERENCES_NAME: Final = "coverage_differences.csv"

Advance = Callable[[int], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Side:
    """A campaign, or trajectories made elsewhere (such as a reference AIMD), decided.

    `name` is the path as the user wrote it; `level_of_theory` of the forces, empty where nobody says; `planned` None
    where nobody planned; `cost` None where the time is not known; `drawn` None where the shots are not a gun's.
    """

    name: str
    outcomes: tuple[Outcome, ...]
    level_of_theory: str
    planned: int | None = None
    cost: Cost | None = None
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Shots that ended on a cluster and could not be collected: trajectory id -> why."""
    drawn: Drawn | None = None
    scheme: OutcomeScheme
    """Whose classes the outcomes are."""
    chains: Chains | None = None
    """Of a campaign of chains of doses."""
    grid_points: int = 1
    """Energies and angles that the gun fires; what is compared are means over them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """How trajectories made elsewhere are read: a file of settings, and single values over it.

    `scheme` decides all sides, campaigns too; None leaves each campaign its own.
    """

    config: Path | None = None
    overrides: Sequence[str] = ()
    scheme: str | None = None


def shots_of(path: Path) -> int:
    """How many trajectories there are to read at a path. Raises as `read_side`."""
    if is_campaign(path):
        return Store.open(path).manifest.trajectories
    with given_files([path]) as given:
        return len(given)


def campaign_facts(paths: Sequence[Path], elsewhere: Elsewhere) -> list[tuple[str, CampaignFacts]]:
    """Of the campaigns among the paths, by their names as the user wrote them. Raises as `CampaignFacts.of`."""
    stores = [(str(path), Store.open(path).decided_by(elsewhere.scheme)) for path in paths if is_campaign(path)]
    return [(name, CampaignFacts.of(store)) for name, store in stores]


def read_sides(paths: Sequence[Path], elsewhere: Elsewhere, advance: Advance | None = None) -> list[Side]:
    """Each path decided: all by the criteria, and with the groups, of the first campaign, where settings name none.

    `advance` is called with the number of trajectories read so far, over all. Raises as `analyse`, and what
    `molgun_lmp.results.external.trajectories` raises.
    """
    like = next((Store.open(path) for path in paths if is_campaign(path)), None)
    done, sides = 0, list[Side]()
    for path in paths:
        sides.append(read_side(path, elsewhere, like, counted_from(advance, done)))
        done += len(sides[-1].outcomes)
    return sides


def read_side(path: Path, elsewhere: Elsewhere, like: Store | None, advance: Advance) -> Side:
    """One path decided; `like` is a campaign of the same molecule. Raises as `read_sides`."""
    if is_campaign(path):
        return _campaign_side(str(path), Store.open(path).decided_by(elsewhere.scheme), advance)
    scheme = elsewhere.scheme
    own = [] if scheme is None else [f"outcomes.scheme={named_from_here(scheme)}"]
    settings, folder = load_settings(elsewhere.config, [*elsewhere.overrides, *own], like)
    molecule = None if like is None else molecule_of(like)
    found = []
    with given_files([path]) as given:
        for one in trajectories(given, settings, folder, one=False, like=molecule):
            found.append(one)
            advance(len(found))
    levels = dict.fromkeys(one.level_of_theory for one in found if one.level_of_theory)
    return Side(
        name=str(path),
        outcomes=tuple(one.outcome for one in found),
        level_of_theory="; ".join(levels),
        scheme=load_scheme(settings.outcomes.scheme, folder),
    )


def _campaign_side(name: str, store: Store, advance: Advance) -> Side:
    analysis = analyse(store, advance)
    return Side(
        name=name,
        outcomes=analysis.outcomes,
        level_of_theory=store.manifest.level_of_theory,
        planned=store.manifest.trajectories,
        cost=campaign_costs(store, analysis)[-1] if analysis.ended else None,
        left_out=analysis.summary.left_out,
        scheme=store.scheme,
        grid_points=analysis.summary.grid_points,
        chains=None if analysis.dosing is None else analysis.dosing.chains_of(name, analysis.outcomes),
        drawn=Drawn(
            seed=store.manifest.seed,
            pools=store.manifest.pools,
            gun=store.config().gun.model_dump(mode="json", exclude={"preset"}),
            doses=doses_of_a_chain(store.config()),
        ),
    )


def campaign_costs(store: Store, analysis: Analysis) -> list[Cost]:
    """What a campaign's ended trajectories cost, by engine and machine, all of them last."""
    engine = store.manifest.engine
    return costs_of([one.result for one in analysis.ended], engine.threads / engine.together)


def one_scheme(named: Sequence[tuple[str, OutcomeScheme]]) -> OutcomeScheme:
    """The scheme by which all of some named sides are decided. Raises `InputFileError` where there are several."""
    first, scheme = named[0]
    for name, other in named[1:]:
        if other.identity != scheme.identity:
            raise InputFileError(
                f"{first} is decided by the outcome scheme {scheme.name}, {name} by {other.name}: their classes cannot "
                "be compared. Decide all by one of them with --scheme."
            )
    return scheme


def compare_sides(sides: Sequence[Side]) -> Comparison:
    """All sides held against the first. Raises `InputFileError` where there are not two different ones, or their
    classes are of different schemes."""
    return compare(
        one_scheme([(side.name, side.scheme) for side in sides]),
        [(side.name, side.outcomes) for side in sides],
        planned=[side.planned for side in sides],
        drawn=[side.drawn for side in sides],
    )


def at_equal_coverage(sides: Sequence[Side]) -> list[CoverageDifference]:
    """Campaigns of chains held against the first at equal coverage; nothing where not all are such."""
    chains = [side.chains for side in sides if side.chains is not None]
    return coverage_differences(chains) if len(chains) == len(sides) else []


def chains_note(sides: Sequence[Side]) -> str:
    """What the differences over all shots mean where some of them are doses of chains; empty where none is."""
    doses = [None if side.drawn is None else side.drawn.doses for side in sides]
    if not any(doses):
        return ""
    if len(set(doses)) > 1:
        told = ", ".join(
            f"{side.name} has {'no chains' if number is None else f'chains of {number} doses'}"
            for side, number in zip(sides, doses, strict=True)
        )
        return (
            f"Differences over all shots mix coverages: {told}, and later doses meet more. What is at equal coverage "
            "can be compared, or as many doses of each (dose.molecules)."
        )
    return (
        "Differences over all shots are at equal dose, not at equal coverage: where more sticks, later doses meet "
        "more. Chains are the independent units."
    )


def sides_warning(sides: Sequence[Side]) -> str:
    """What to say of their levels of theory; empty where these are one."""
    return level_warning([(side.name, side.level_of_theory) for side in sides])


def cost_lines(sides: Sequence[Side]) -> list[Cost]:
    """A line of the cost table for each side, by its name; without numbers where nobody measured."""
    unknown = [Cost(what="", shots=len(side.outcomes), core_hours_per_step=None) for side in sides]
    return [dataclasses.replace(side.cost or other, what=side.name) for side, other in zip(sides, unknown, strict=True)]


def write_sides(sides: Sequence[Side], comparison: Comparison, folder: Path) -> None:
    """The figure of all sides with their intervals, the differences and the costs, into a folder.

    Raises `InputFileError` where it cannot be written.
    """
    from molgun_lmp.analysis.figures.comparison import Compared, draw_mode_comparison  # noqa: PLC0415

    draw_mode_comparison(
        [Compared(side.name, summarise(side.scheme, side.outcomes), side.level_of_theory) for side in sides], folder
    )
    try:
        write_comparison(comparison, folder / DIFFERENCES_NAME)
        if all(side.chains is not None for side in sides):
            write_records(folder / COVERAGE_DIFFERENCES_NAME, CoverageDifference, at_equal_coverage(sides))
    except OSError as error:
        raise InputFileError(f"cannot write into {folder}: {error.strerror}. Name another folder.") from error
    write_costs(cost_lines(sides), folder / COSTS_NAME)


def difference_cells(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """Lines of the printed table: label, each campaign's count, difference, two intervals, two p values, paired shots.

    With more than two campaigns a line is printed once for each that differs from the reference, its name added.
    """
    counts = [{row.label: row.estimate for row in summary.table()} for summary in comparison.summaries]
    many = len(comparison.names) > 2
    for one in comparison.differences:
        shown = [f"{table[one.row].count_text()} of {table[one.row].shots}" for table in counts]
        label = f"{one.row} ({one.campaign})" if many else one.row
        yield (label, *shown, *_numbers(one))


def _numbers(one: Difference) -> tuple[str, ...]:
    if one.difference is None:
        return ("–",) * 6
    return (
        f"{100 * one.difference:+.1f}",
        *(f"{100 * low:+.1f} to {100 * high:+.1f}" for low, high in (one.interval, one.simultaneous)),
        *("–" if p is None else f"{p:.2g}" for p in (one.p, one.p_holm)),
        str(one.pairs) if one.pairs else "–",
    )
