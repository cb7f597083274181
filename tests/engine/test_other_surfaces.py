"""Another molecule on a surface without dimers, from plan to table: CO on Cu(111) under a pair potential."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import fcc111
from campaign_commands import molgun

from molgun_lmp.analysis.dumps import Frame, read_frames
from molgun_lmp.campaign.analysing import analyse
from molgun_lmp.campaign.store import Store
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.frozen import frozen_mask
from molgun_lmp.gun.minimum_image import MinimumImage
from molgun_lmp.gun.pools import write_pool
from molgun_lmp.units import BOLTZMANN_EV_PER_K

pytestmark = pytest.mark.engine

SHOTS = 6
MORSE = [
    "pair_style morse 6.0",
    "pair_coeff * * 0.01 1.5 3.5",
    "pair_coeff 1 2 11.2 2.3 1.13",
    "pair_coeff 1 3 0.9 2.0 1.9",
    "pair_coeff 3 3 0.3429 1.3588 2.866",
]


def thermal(rest: Atoms, name: str, free: "np.ndarray[Any, np.dtype[np.bool_]]") -> list[Atoms]:
    """Three snapshots with velocities of 100 K."""
    rng = np.random.default_rng(24)
    snapshots = []
    for number in range(3):
        atoms = rest.copy()
        momenta = rng.normal(size=(len(atoms), 3)) * np.sqrt(100.0 * BOLTZMANN_EV_PER_K * atoms.get_masses())[:, None]
        atoms.set_momenta(momenta * free[:, None])
        atoms.info = {"snapshot": f"{name}-{number}", "run": 0, "time_ps": float(number), "temperature_k": 100.0}
        snapshots.append(atoms)
    return snapshots


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign that was planned and fired."""
    folder = tmp_path_factory.mktemp("copper")
    slab = fcc111("Cu", (4, 4, 4), a=3.61, vacuum=8.0, orthogonal=True)
    slab.pbc = True
    frozen = frozen_mask(slab, 2)
    write_pool(folder / "slab.extxyz", thermal(slab, "slab", ~frozen), frozen)
    molecule = Atoms("CO", positions=[[0, 0, 0], [0, 0, 1.13]], cell=[15, 15, 15], pbc=True)
    write_pool(folder / "co.extxyz", thermal(molecule, "co", np.ones(2, dtype=np.bool_)), None)
    document: dict[str, Any] = {
        "name": "copper",
        "trajectories": SHOTS,
        "system": {
            "slab": {"pool": "slab.extxyz", "frozen_layers": 2},
            "molecule": {"pool": "co.extxyz", "patterns": {"CO": "[CX1][OX1]"}},
        },
        "engine": {"kind": "stock", "commands": MORSE, "cutoff_angstrom": 6.0},
        "gun": {"skip_free_flight": True, "kick": {"kind": "fixed_energy", "energy_ev": 0.05}},
        "dynamics": {"steps": 3000, "dump_every_steps": 20},
        "stop": {"max_temperature_k": None},
    }
    (folder / "campaign.yaml").write_text(yaml.safe_dump(document))
    for done in (
        molgun("plan", folder / "campaign.yaml"),
        molgun("run", folder / "copper", "--workers", "1"),
    ):
        assert done.returncode == 0, done.stderr
    return folder / "copper"


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
    done = molgun("analyse", *dumps, "--set", "timestep_fs=0.5", "--set", "groups={CO: [0, 1]}", "--json")
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)["outcomes"]
    # A campaign knows how its runs ended and the mean of its slabs; files tell neither.
    for one, other in zip(ours, theirs, strict=True):
        if one["mode"] in {"PC", "other", "physisorbed"}:
            assert (one["mode"], one["detail"], one["bonds"]) == (other["mode"], other["detail"], other["bonds"])
