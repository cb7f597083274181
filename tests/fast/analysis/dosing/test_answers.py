"""All that a campaign of chains says, from outcomes whose chains are known."""

import csv
from pathlib import Path

import numpy as np
import pytest
from ase.build import fcc100
from chain_outcomes import Fates, chains

from molgun_lmp.analysis.dosing.answers import Dosing, dosing_of
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.dosing_records import Change
from molgun_lmp.records import Outcome
from molgun_lmp.results.dosing import draw_dosing, write_dosing
from molgun_lmp.surface.clean_surface import find_surface

SCHEME = load_scheme("general")
SURFACE = find_surface(fcc100("Cu", (6, 6, 3), vacuum=10.0))
NAMES = {mode.label: mode for mode in SCHEME.modes}
FATES = Fates(bound=NAMES["adsorbed"], left=NAMES["scattered"], near=NAMES["physisorbed"])
CHAINS, DOSES = 12, 10
OUTCOMES = list(chains(SURFACE, FATES, number=CHAINS, doses=DOSES, rng=np.random.default_rng(3)))


@pytest.fixture(scope="module")
def found() -> Dosing:
    return dosing_of(OUTCOMES, DOSES, SURFACE, np.random.default_rng(1), physisorbed_stay=False)


def test_every_line_at_a_coverage_counts_the_same_shots(found: Dosing) -> None:
    assert found.doses.chains == CHAINS and found.places.top_atoms == 36 and found.places.dimers == 0
    for what in ("outcome", "hold"):
        lines = [one for one in found.coverage if one.what == what]
        for met in {one.fewest for one in lines}:
            shots = {one.shots for one in lines if one.fewest == met}
            assert shots == {sum(one.count for one in lines if one.fewest == met)}
    assert sum(one.shots for one in found.sticking) == CHAINS * DOSES
    stuck = sum(one.stuck for one in OUTCOMES)
    assert sum(one.count for one in found.sticking) == stuck
    assert found.uptake[-1].molecules * CHAINS == pytest.approx(stuck)
    assert {one.line for one in found.coverage if one.what == "outcome"} == {"adsorbed", "scattered", "second layer"}
    assert [(one.site, one.count, one.fraction) for one in found.sites] == [("on top", stuck, 1.0)]
    hit = [one for one in OUTCOMES if one.company is not None and one.company.events]
    assert found.changes[Change.REACTED] == len(hit)
    text = " ".join(found.sentences())
    assert f"After {DOSES} doses" in text and "is not full yet" in text and f"over {CHAINS} chains" in text
    assert "Taken up: 100 %" in text and "of 12 with no molecule there" in text


def test_a_chain_of_two_doses_has_answers_too() -> None:
    two = list(chains(SURFACE, FATES, number=1, doses=2, rng=np.random.default_rng(5)))
    text = " ".join(dosing_of(two, 2, SURFACE, np.random.default_rng(1), physisorbed_stay=False).sentences())
    assert "over 1 chain. Only 1 chain." in text and "Of the last dose of each chain" in text and "nan" not in text


def test_where_the_physisorbed_stay_they_are_taken_up(found: Dosing, tmp_path: Path) -> None:
    other = dosing_of(OUTCOMES, DOSES, SURFACE, np.random.default_rng(1), physisorbed_stay=True)
    second = sum(one.count for one in found.coverage if one.line == "second layer" and one.what == "hold")
    assert second > 0
    assert sum(one.count for one in other.sticking) == sum(one.count for one in found.sticking) + second
    write_dosing(tmp_path, OUTCOMES, other)
    with (tmp_path / "doses.csv").open(encoding="utf-8") as rows:
        taken = [row["taken_up"] == "True" for row in csv.DictReader(rows)]
    assert taken == other.doses.taken_up.tolist()


def test_outcomes_that_were_kept_give_the_same_answers(found: Dosing) -> None:
    again = [Outcome.from_json(one.to_json(), SCHEME) for one in OUTCOMES]
    other = dosing_of(again, DOSES, SURFACE, np.random.default_rng(1), physisorbed_stay=False)
    assert other.to_json() == found.to_json()


def test_tables_and_figures_have_a_line_for_all_that_was_found(tmp_path: Path, found: Dosing) -> None:
    write_dosing(tmp_path, OUTCOMES, found)
    tables = {file.name: list(csv.DictReader(file.open(encoding="utf-8"))) for file in tmp_path.glob("*.csv")}
    shots = tables["doses.csv"]
    assert [int(row["chain"]) * DOSES + int(row["dose"]) for row in shots] == list(range(CHAINS * DOSES))
    assert sum(row["taken_up"] == "True" for row in shots) == sum(one.stuck for one in OUTCOMES)
    assert len(tables["dose_molecules.csv"]) == sum(1 + int(row["met"]) for row in shots)
    assert len(tables["dose_changes.csv"]) == found.changes[Change.REACTED] == sum(int(row["reacted"]) for row in shots)
    assert len(tables) == 9 and all(tables.values())
    drawn = draw_dosing(tmp_path / "figures", SCHEME, found)
    numbers = [len(list(csv.DictReader(one.csv.open(encoding="utf-8")))) for one in drawn]
    assert min(numbers) > 20 and all(one.svg.is_file() and one.png.is_file() for one in drawn)


def test_a_chain_counts_as_far_as_its_doses_have_ended() -> None:
    ended = OUTCOMES[: DOSES + 4]
    found = dosing_of(ended, DOSES, SURFACE, np.random.default_rng(1), physisorbed_stay=False)
    assert [point.chains for point in found.uptake] == [2] * 5 + [1] * 6
    for doses in (1, 3):  # of so few the last quarter is less than one
        short = list(chains(SURFACE, FATES, number=CHAINS, doses=doses, rng=np.random.default_rng(3)))
        text = " ".join(dosing_of(short, doses, SURFACE, np.random.default_rng(1), physisorbed_stay=False).sentences())
        last = [one.stuck for one in short[doses - 1 :: doses]]
        assert f"{100 * sum(last) / CHAINS:.0f} % (" in text.partition("Of the last ")[2] and "nan" not in text
    nothing = dosing_of([], DOSES, SURFACE, np.random.default_rng(1), physisorbed_stay=False)
    assert nothing.sentences() == ["No dose of a chain has ended yet."] and nothing.coverage == ()
