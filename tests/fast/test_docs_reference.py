"""The tables of docs/reference name what the code has: columns, exit codes, keys."""

import dataclasses
import re

import paper_classes as paper
from docs_cases import REFERENCE, described

from molgun_lmp import errors
from molgun_lmp.analysis.dosing.answers import OccupiedSite
from molgun_lmp.analysis.dosing.coverage import AtCoverage
from molgun_lmp.analysis.dosing.equal_coverage import CoverageDifference
from molgun_lmp.analysis.dosing.neighbours import NeighbourRow, Tendency
from molgun_lmp.analysis.dosing.uptake import UptakeFit, UptakePoint
from molgun_lmp.analysis.kinetics.event_times import Moments
from molgun_lmp.analysis.outcomes.minima import Binding, Quenched
from molgun_lmp.analysis.scattering.means import Mean
from molgun_lmp.analysis.scattering.scattered import Scattered
from molgun_lmp.analysis.statistics.trust import TrajectoryTrust
from molgun_lmp.campaign.status import Status
from molgun_lmp.config.file_kinds import FILE_KINDS
from molgun_lmp.config.scheme_file import SchemeClass, SchemeFile
from molgun_lmp.errors import MolgunError
from molgun_lmp.outcome_conditions import DETAIL_PARTS, When
from molgun_lmp.results.dosing import DOSE_CHANGES_COLUMNS, DOSE_MOLECULES_COLUMNS, DOSES_COLUMNS
from molgun_lmp.results.members import (
    MEMBER_EXCHANGES_COLUMNS,
    MEMBER_FRACTIONS_COLUMNS,
    MEMBER_SHOTS_COLUMNS,
    MEMBERS_COLUMNS,
)
from molgun_lmp.results.table_files import COMPARISON_COLUMNS, COST_COLUMNS, SUMMARY_COLUMNS, SURVIVAL_COLUMNS


def names(record: type) -> list[str]:
    return [field.name for field in dataclasses.fields(record)]


def test_every_kind_of_file_has_its_page_and_its_place_in_the_site() -> None:
    docs = REFERENCE.parent
    pages = dict(re.findall(r'"(reference/[a-z0-9-]+\.md)": \(\s*"[^"]+",\s*(\w+),', (docs / "hooks.py").read_text()))
    assert sorted(pages.values()) == sorted(place.partition(":")[2] for place in FILE_KINDS.values())
    site = (docs.parent / "mkdocs.yml").read_text()
    assert [page for page in pages if f": {page}\n" not in site] == []


def test_every_column_of_the_tables_is_described() -> None:
    assert described("table.csv") == list(SUMMARY_COLUMNS)
    assert described("precursor.csv") == list(SURVIVAL_COLUMNS)
    assert described("differences.csv") == list(COMPARISON_COLUMNS)
    assert described("members.csv") == list(MEMBERS_COLUMNS)
    assert described("member_fractions.csv") == list(MEMBER_FRACTIONS_COLUMNS)
    assert described("member_exchanges.csv") == list(MEMBER_EXCHANGES_COLUMNS)
    assert described("member_shots.csv") == list(MEMBER_SHOTS_COLUMNS)
    assert described("costs.csv") == list(COST_COLUMNS)
    assert described("quench.csv") == names(Quenched)
    assert described("binding.csv") == names(Binding)
    assert described("trust.csv") == names(TrajectoryTrust)
    assert described("scattered.csv") == names(Scattered)
    assert described("scattering.csv") == names(Mean)
    assert described("doses.csv") == list(DOSES_COLUMNS)
    assert described("dose_molecules.csv") == list(DOSE_MOLECULES_COLUMNS)
    assert described("dose_changes.csv") == list(DOSE_CHANGES_COLUMNS)
    assert described("dose_coverage.csv") == names(AtCoverage)
    assert described("uptake.csv") == names(UptakePoint)
    assert described("uptake_fit.csv") == names(UptakeFit)
    assert described("dose_sites.csv") == names(OccupiedSite)
    assert described("dose_neighbours.csv") == names(NeighbourRow)
    assert described("coverage_differences.csv") == names(CoverageDifference)
    assert described("dose_tendency.csv") == names(Tendency)
    moments = names(Moments)
    at = moments.index("began_ps")
    moments[at : at + 1] = paper.SCHEME.moment_columns
    assert described("events.csv") == [*moments, "transferred_ev"]


def test_every_part_of_a_detail_and_every_key_of_a_scheme_is_described() -> None:
    schema = SchemeFile.model_json_schema()
    sections = [schema, *schema["$defs"].values()]
    keys = {key: about for section in sections for key, about in section.get("properties", {}).items()}
    assert {*SchemeFile.model_fields, *SchemeClass.model_fields, *When.model_fields} <= keys.keys()
    assert {key for key, about in keys.items() if not about.get("description")} == set()
    assert all(f"`{part}`" in keys["detail"]["description"] for part in DETAIL_PARTS)


def test_every_exit_code_is_listed() -> None:
    text = (REFERENCE / "answers.md").read_text(encoding="utf-8")
    listed = {int(code): name for code, name in re.findall(r"^\| (\d+) \| (\w+) \|", text, flags=re.MULTILINE)}
    there = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, MolgunError)]
    assert listed == {error.exit_code: error.__name__ for error in there}


def test_every_key_of_status_is_listed() -> None:
    text = (REFERENCE / "answers.md").read_text(encoding="utf-8")
    table = text.partition("`status` has these keys:")[2].partition("## Logs")[0]
    keys = [key for row in re.findall(r"^\| ([a-z_, ]+) \|", table, flags=re.MULTILINE) for key in row.split(", ")]
    assert keys[1:] == names(Status)
