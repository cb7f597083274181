"""A campaign that an earlier version planned and left partly run can still be run, analysed and reported.

`data/README.md` says what it holds and how it was made.
"""

import csv
import gzip
import hashlib
import json
import math
import shutil
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest
from ase import units
from campaign_commands import molgun, results

from molgun_lmp import load_campaign

pytestmark = pytest.mark.engine

DATA: Final = Path(__file__).with_name("data")
STORED: Final = DATA / "campaign-0.1.tar.xz"
UNDISTURBED: Final[dict[str, dict[str, Any]]] = json.loads((DATA / "campaign-0.1.undisturbed.json").read_text())
ENDED: Final = ["000000", "000001", "000002", "000003", "000006", "000007", "000011"]
OPEN: Final = ["000004", "000005", "000008", "000009", "000010"]
RESUMED: Final = ("000004", "000005")
GIVEN_UP: Final = "000007"
AFRESH: Final = ("000007", "000008", "000009", "000010")

READ_AGAIN: Final = 1e-9
"""Relative, of numbers from the same dump: another numpy or scipy may take a sum in another order."""
LENGTH_ANGSTROM: Final = 1e-6
"""At the end of the same dynamics on another processor, whose last bits differ; 4e-10 Å were seen."""
ENERGY_EV_PER_ATOM: Final = 1e-9
"""Of the total energy, fitted or as printed: its last digit is 1e-9 eV for all 66 atoms."""


def unpacked(folder: Path) -> Path:
    with tarfile.open(STORED) as archive:
        archive.extractall(folder, filter="data")
    return folder / "co-cu111"


@pytest.fixture
def partly_run(tmp_path: Path) -> Path:
    return unpacked(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored campaign after `molgun run`; what its workers died on is still given up."""
    campaign = unpacked(tmp_path_factory.mktemp("finished"))
    document = asked("run", campaign, "--workers", "2")
    assert (document["finished"], document["failed"], document["pending"]) == (11, 1, 0)
    return campaign


@pytest.fixture(scope="module")
def retried(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it in which that was freed and fired again."""
    campaign = tmp_path_factory.mktemp("retried") / "campaign"
    shutil.copytree(finished, campaign)
    assert asked("retry", campaign) == {"freed": {GIVEN_UP: "worker-died"}}
    document = asked("run", campaign, "--workers", "2")
    assert (document["finished"], document["failed"], document["pending"]) == (12, 0, 0)
    return campaign


def asked(command: str, campaign: Path, *options: str) -> dict[str, Any]:
    """The JSON document with which a command of `molgun` answers."""
    done = molgun(command, campaign, *options, "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def as_meant_now(tables: dict[str, Any]) -> dict[str, Any]:
    """What that version's tables say in today's columns. Its bonds began with their first touch; waits and lifetimes
    began and ended with it, and what began just before the end ended what was before; so they and transitions are
    others now. Its simultaneous intervals were those of fewer lines."""
    others = {"precursor.csv", "lifetimes.csv", "transitions.csv"}
    kept = {name: table for name, table in tables.items() if name not in others}
    kept["table.csv"] = [_alone(row) for row in kept["table.csv"]]
    kept["summary.json"] = _alone(kept["summary.json"])
    for name in {"outcomes.csv", "events.csv"} & set(kept):
        kept[name] = [_touch(row) for row in kept[name]]
    kept["outcomes.json"] = {"outcomes": [_touch(row) for row in kept["outcomes.json"]["outcomes"]]}
    return kept


def _alone(document: Any) -> Any:
    """The same without simultaneous intervals."""
    if isinstance(document, list):
        return [_alone(one) for one in document]
    if not isinstance(document, dict):
        return document
    return {key: _alone(value) for key, value in document.items() if not key.startswith("simultaneous")}


def with_lines_named(tables: dict[str, Any]) -> dict[str, Any]:
    """The same with the lines of `table.csv` under their labels, so that there may be more of them."""
    return tables | {"table.csv": {row["mode"]: row for row in tables["table.csv"]}}


def _touch(row: dict[str, Any]) -> dict[str, Any]:
    return {"first_touch_ps" if key == "first_bond_ps" else key: value for key, value in row.items()}


def test_its_status_is_what_it_was(partly_run: Path) -> None:
    status = asked("status", partly_run)
    assert (status["planned"], status["finished"], status["failed"]) == (12, 6, 1)
    assert (status["pending"], status["running"], status["at_work"]) == (5, 0, []), "the claim's owner is dead"
    assert (status["stops"], status["causes"]) == ({"completed": 4, "departed": 2}, {"worker-died": 1})
    assert asked("run", partly_run, "--dry-run") == {"open": OPEN}


def test_its_outcomes_and_tables_are_what_they_were(partly_run: Path) -> None:
    analysis = partly_run / "analysis"
    before = tables(analysis)
    assert {"outcomes.json", "outcomes.csv", "summary.json", "table.csv", "events.csv", "transitions.csv"} <= set(
        before
    )
    assert [row["trajectory"] for row in before["outcomes.csv"]] == ENDED
    remembered = analysis / "outcomes.cache.jsonl"
    assert len(remembered.read_text().splitlines()) == len(ENDED)
    for file in analysis.iterdir():
        if file != remembered:
            file.unlink()
    asked("analyse", partly_run)
    expected = with_lines_named(as_meant_now(before))
    assert_same(with_lines_named(tables(analysis)), expected, relative=READ_AGAIN)
    remembered.unlink()
    asked("analyse", partly_run)
    assert_same(with_lines_named(tables(analysis)), expected, relative=READ_AGAIN)


def test_what_came_back_is_what_the_last_frames_say(partly_run: Path) -> None:
    """The two CO that left, by ASE's own arithmetic; their flight was 0.5 Å beyond the reach, two frames at most."""
    campaign = load_campaign(partly_run)
    found = campaign.scattered
    assert list(found.index) == ["000003", "000006"]
    ends = {row["trajectory_id"]: row for row in rows_of(campaign.store.analysis / "events.csv")}
    hbar = units._hbar * units.J * units.second
    for name, row in found.iterrows():
        assert row["mode"] == "scattered" and row["formula"] == "CO" and row["intact"]
        assert 1 <= row["frames"] <= 2 and row["bounces"] == 1
        assert row["incidence_ev"] == pytest.approx(0.5, rel=1e-6)
        assert row["translation_ev"] == pytest.approx(float(ends[name]["translation_after_ev"]), rel=1e-6)
        molecule = campaign.trajectory(name)[-1][campaign.store.manifest.n_slab :]
        spin = molecule.get_angular_momentum() / hbar
        assert [row[f"angular_momentum_{axis}"] for axis in "xyz"] == pytest.approx(spin, rel=1e-5)
        vx, vy, vz = molecule.get_momenta().sum(axis=0)
        assert row["polar_deg"] == pytest.approx(math.degrees(math.atan2(math.hypot(vx, vy), vz)), rel=1e-5)
        assert row["residence_ps"] > 0
    means = campaign.scattering
    assert means.loc[("CO", "fraction_lost"), "mean"] == pytest.approx(found["fraction_lost"].mean())


def test_it_has_a_page(partly_run: Path) -> None:
    document = asked("report", partly_run)
    assert document["summary"]["shots"] == len(ENDED)
    page = Path(document["page"]).read_text()
    assert "co-cu111" in page
    assert page.count("<svg") >= 5
    assert 'id="figure-exit-directions"' in page and 'id="figure-energy-loss"' in page, "two of its CO left"


def test_its_tables_need_no_dump_that_was_read_before(partly_run: Path) -> None:
    analysis = partly_run / "analysis"
    whole = asked("analyse", partly_run)
    assert whole["dumps_gone"] == {"dumps": 0, "earlier_code": 0}
    there = tables(analysis)
    deleted = delete_dumps(partly_run)
    for file in set(analysis.iterdir()) - {analysis / "outcomes.cache.jsonl", analysis / "tracks.cache.jsonl"}:
        file.unlink()
    without = asked("analyse", partly_run)
    assert without.pop("dumps_gone") == {"dumps": deleted, "earlier_code": 0}
    assert without == {key: value for key, value in whole.items() if key != "dumps_gone"}
    assert_same(tables(analysis), there, relative=READ_AGAIN)
    done = molgun("analyse", partly_run)
    assert f"{deleted} dumps are gone: their outcomes are as decided before." in " ".join(done.stdout.split())
    assert molgun("map", partly_run, "--bin-area", "0.5").returncode == 0
    assert f"{deleted} dumps are gone" in Path(asked("report", partly_run)["page"]).read_text()


def test_outcomes_of_other_code_stand_where_there_is_no_dump_to_read_again(partly_run: Path) -> None:
    whole = asked("analyse", partly_run)
    deleted = delete_dumps(partly_run)
    for name in ("outcomes.cache.jsonl", "tracks.cache.jsonl"):
        file = partly_run / "analysis" / name
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text("".join(json.dumps(line | {"key": line["key"][::-1]}) + "\n" for line in lines))
    without = asked("analyse", partly_run)
    assert without["dumps_gone"] == {"dumps": deleted, "earlier_code": deleted}
    assert without["outcomes"] == whole["outcomes"]


def test_what_needs_a_dump_that_is_gone_says_so(partly_run: Path) -> None:
    asked("analyse", partly_run)
    delete_dumps(partly_run)
    for command, *options in (["sensitivity"], ["analyse", "--scheme", "general"]):
        done = molgun(command, partly_run, *options)
        assert done.returncode != 0
        said = " ".join(done.stderr.split())
        assert "traj.dump is gone, and what is asked for needs the frames of trajectory 000000. Put it back" in said


def test_a_packed_dump_is_the_same_dump(partly_run: Path) -> None:
    whole = asked("analyse", partly_run)
    for file in dump_files(partly_run):
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes(), 1))
        file.unlink()
    packed = asked("analyse", partly_run)
    assert packed == whole
    assert "co-cu111" in Path(asked("report", partly_run)["page"]).read_text()


def dump_files(campaign: Path) -> list[Path]:
    return sorted(campaign.glob("trajectories/*/*/run-*/traj.dump"))


def delete_dumps(campaign: Path) -> int:
    """Delete them all, and say how many ended trajectories have lost theirs."""
    ended = 0
    for file in dump_files(campaign):
        ended += (file.parents[1] / "result.json").is_file() and file.stat().st_size > 0
        file.unlink()
    return ended


def test_it_goes_on_from_its_checkpoints(finished: Path) -> None:
    found = results(finished)
    assert sorted(found) == sorted(UNDISTURBED)
    assert (found[GIVEN_UP]["state"], found[GIVEN_UP]["cause"]) == ("failed", "worker-died")
    assert [found[one]["resumed_at"] for one in RESUMED] == [[1000], [2000]]
    assert [found[one]["attempt"] for one in RESUMED] == [2, 1], "one was killed, the other paused"
    assert all(not found[one]["resumed_at"] for one in AFRESH)
    assert {one: found[one]["started_at"] for one in ENDED} == {
        one: result["started_at"] for one, result in stored_results().items()
    }, "what had ended is not fired again"


def test_it_ends_as_if_nothing_had_disturbed_it(retried: Path) -> None:
    """To the last bit where this machine computes the bits of the one that made it, else to rounding."""
    found = results(retried)
    exact = any(end_hash(retried, one) == UNDISTURBED[one]["end"] for one in AFRESH)
    for one, expected in UNDISTURBED.items():
        result = found[one]
        counted = ("state", "stop", "cause", "steps")
        assert [result[key] for key in counted] == [expected[key] for key in counted], one
        assert_same(result["energy"], expected["energy"], absolute=ENERGY_EV_PER_ATOM, where=one)
        planned = {key: value for key, value in expected["hashes"].items() if key != "dump"}
        assert {key: result["hashes"][key] for key in planned} == planned
        if exact:
            assert result["hashes"]["dump"] == expected["hashes"]["dump"], one
            assert end_hash(retried, one) == expected["end"], one

    asked("analyse", retried)
    after = with_lines_named(tables(retried / "analysis"))
    stored = {f"{name}.csv": rows_of(DATA / f"campaign-0.1.undisturbed-{name}.csv") for name in ("outcomes", "table")}
    stored["outcomes.csv"] = [_touch(row) for row in stored["outcomes.csv"]]
    expected_tables = with_lines_named(stored | {"table.csv": _alone(stored["table.csv"])})
    for name in ("outcomes", "table"):
        # Of two equal runs only what numpy makes of them may differ: the analysis, and a drift, which is a fit.
        assert_same(
            after[f"{name}.csv"],
            expected_tables[f"{name}.csv"],
            relative=READ_AGAIN,
            absolute=ENERGY_EV_PER_ATOM if exact else LENGTH_ANGSTROM,
            where=name,
        )


def stored_results() -> dict[str, dict[str, Any]]:
    """The results that the archive holds."""
    found = {}
    with tarfile.open(STORED) as archive:
        for member in archive:
            path = Path(member.name)
            if path.name == "result.json" and (file := archive.extractfile(member)) is not None:
                found[path.parent.name] = json.load(file)
    return found


def end_hash(campaign: Path, trajectory: str) -> str:
    """The hash of where a trajectory ended, with every digit of its positions and velocities."""
    (file,) = campaign.glob(f"trajectories/*/{trajectory}/run-*/end.data")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def tables(analysis: Path) -> dict[str, Any]:
    """All that `molgun analyse` writes for others to read: file name -> document, or rows of a CSV file."""
    csv_files = {file.name: rows_of(file) for file in analysis.glob("*.csv")}
    return csv_files | {file.name: json.loads(file.read_text()) for file in analysis.glob("*.json")}


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def assert_same(found: Any, stored: Any, *, relative: float = 0.0, absolute: float = 0.0, where: str = "") -> None:
    """All that is stored is found, with the same numbers; there may be more keys, columns and files than there were."""
    if isinstance(stored, dict):
        for key, value in stored.items():
            assert key in found, f"{where}: no {key}"
            assert_same(found[key], value, relative=relative, absolute=absolute, where=f"{where}/{key}")
    elif isinstance(stored, list):
        assert len(found) == len(stored), where
        for number, (one, other) in enumerate(zip(found, stored, strict=True)):
            assert_same(one, other, relative=relative, absolute=absolute, where=f"{where}/{number}")
    elif found != stored:
        one, other = _number(found), _number(stored)
        close = one is not None and other is not None and math.isclose(one, other, rel_tol=relative, abs_tol=absolute)
        assert close, f"{where}: {found!r}, stored {stored!r}"


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
