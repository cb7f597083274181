"""Another molecule on a surface without dimers, from plan to table: CO on Cu(111) under a pair potential."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_commands import molgun

from molgun_lmp import load_campaign
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.trajectory import Frame, read_frames
from molgun_lmp.results.analyse import analyse
from molgun_lmp.surface.minimum_image import MinimumImage

pytestmark = pytest.mark.engine

SHOTS = 6
STRONG = (
    "[pair_style morse 6.0, pair_coeff * * 0.01 1.5 3.5, pair_coeff 1 2 11.2 2.3 1.13, pair_coeff 1 3 0.9 2.0 1.9, "
    "pair_coeff 3 3 0.3429 1.3588 2.866]"
)
"""The example's potential with carbon bound so strongly to copper that what binds soon sits at one site."""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example `co-cu111`, its pools made, planned with slow molecules that bind strongly, and fired."""
    folder = tmp_path_factory.mktemp("copper")
    pools = ("--set", "system.equilibration.duration_ps=3", "--set", "system.equilibration.burn_in_ps=1")
    slow = (
        *("--set", f"trajectories={SHOTS}", "--set", "gun.kick.energy_ev=0.05", "--set", "dynamics.steps=3000"),
        *("--set", f"engine.commands={STRONG}", "--set", "stop.max_temperature_k=null"),
    )
    for command in (
        ("init", folder / "copper", "--example", "co-cu111"),
        ("equilibrate", folder / "copper" / "campaign.yaml", *pools),
        ("plan", folder / "copper" / "campaign.yaml", "--output", folder / "shots", *slow),
        ("run", folder / "shots", "--workers", "1"),
    ):
        done = molgun(*command)
        assert done.returncode == 0, done.stderr
    return folder / "shots"


def analysed(campaign: Path, processes: int | None = None) -> dict[str, Any]:
    return analyse(Store.open(campaign), processes=processes).to_json()


def last_frames(campaign: Path) -> Iterator[Frame]:
    for folder in Store.open(campaign).trajectories():
        result = folder.result()
        assert result is not None
        yield list(read_frames(folder.dump(result)))[-1]


def test_patterns_are_groups_in_the_planned_campaign(campaign: Path) -> None:
    molecule = Store.open(campaign).config().system.molecule
    assert (molecule.groups, molecule.patterns) == ({"CO": (0, 1)}, {})


def test_every_shot_gets_its_site_by_the_atoms_that_it_binds(campaign: Path) -> None:
    outcomes = analysed(campaign)["outcomes"]
    assert len(outcomes) == SHOTS
    bound = 0
    for outcome, frame in zip(outcomes, last_frames(campaign), strict=True):
        symbols, positions = np.array(frame.symbols), frame.unwrapped
        carbon, copper = positions[symbols == "C"], positions[symbols == "Cu"]
        lengths = MinimumImage.of_cell(frame.cell).distances(carbon, copper)[0]
        assert outcome["mode"] not in {"failed", "explosion", "C-C broken"}
        if outcome["mode"] not in {"PC", "other"}:
            assert lengths.min() > 1.9
            continue
        bound += 1
        # counted here by lengths alone: how many copper atoms carbon sits between
        partners = int((lengths <= 1.25 * lengths.min()).sum())
        site = {1: "on top of one atom", 2: "between two atoms"}.get(partners, "hollow")
        assert outcome["detail"].endswith(site), (outcome["detail"], np.sort(lengths)[:5])
        assert {symbols[one[1]] for one in outcome["bonds"]} == {"Cu"}
    assert bound > 0
    with (campaign / "analysis" / "variants.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    counted = {(row["mode"], row["detail"]): int(row["count"]) for row in rows}
    assert counted == Counter((one["mode"], one["detail"]) for one in outcomes if one["stuck"])
    assert {(one["mode"], one["detail"]): one["estimate"]["count"] for one in analysed(campaign)["variants"]} == counted
    assert load_campaign(campaign).variants["count"].sum() == sum(counted.values())
    printed = " ".join(molgun("analyse", campaign).stdout.split())
    for (mode, detail), count in counted.items():
        assert f"{mode} {detail} {count} {SHOTS}" in printed


def test_again_from_memory_by_two_processes_and_after_damage(campaign: Path) -> None:
    first = analysed(campaign)
    memory = campaign / "analysis" / "outcomes.cache.jsonl"
    assert memory.read_bytes().count(b"\n") >= SHOTS
    dumps = sorted(campaign.glob("trajectories/*/*/run-*/traj.dump"))
    remembered = dumps[0].read_bytes()
    dumps[0].write_bytes(remembered[: len(remembered) // 2])
    cut = analysed(campaign)
    assert cut["outcomes"][0]["truncated"] is True, "another content is read again"
    assert cut["outcomes"][1:] == first["outcomes"][1:]
    dumps[0].write_bytes(remembered)
    memory.write_bytes(b"rubbish\n" + memory.read_bytes()[:200])
    assert analysed(campaign, 2) == first
    dumps[0].write_bytes(remembered.replace(b"ITEM: ATOMS", b"ITEM: MOTAS", 3))
    with pytest.raises(InputFileError, match="damaged"):
        analysed(campaign, 2)
    dumps[0].write_bytes(remembered)
    done = molgun("analyse", campaign, "--processes", "1", "--json")
    assert json.loads(done.stdout) == first


def test_the_same_dumps_as_files_of_somebody_else(campaign: Path) -> None:
    ours = analysed(campaign)["outcomes"]
    dumps = sorted(campaign.glob("trajectories/*/*/run-*/traj.dump"))
    done = molgun(
        "analyse", *dumps, "--set", "timestep_fs=0.5", "--set", "groups={CO: [0, 1]}", "--json", "--processes", "2"
    )
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)["outcomes"]
    # A campaign knows how its runs ended and the mean of its slabs; files tell neither.
    for one, other in zip(ours, theirs, strict=True):
        if one["mode"] in {"PC", "other", "physisorbed"}:
            assert (one["mode"], one["detail"], one["bonds"]) == (other["mode"], other["detail"], other["bonds"])
