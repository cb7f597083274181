"""Units, errors, records and provenance."""

import json
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from ase import Atoms, units
from ended_cases import ended, energy

from molgun_lmp import errors, provenance
from molgun_lmp.records import Outcome, Shot, TrajectoryResult
from molgun_lmp.units import ASE_VELOCITY_PER_ANGSTROM_PER_PS, BOLTZMANN_EV_PER_K, MVV_TO_EV


def test_kinetic_energy_in_both_unit_systems() -> None:
    argon = Atoms("Ar", velocities=[[3.0 * ASE_VELOCITY_PER_ANGSTROM_PER_PS, 0, 0]])
    assert argon.get_kinetic_energy() == pytest.approx(0.5 * argon.get_masses()[0] * 9.0 * MVV_TO_EV, rel=1e-12)


def test_mvv_to_ev_is_lammps_constant() -> None:
    assert pytest.approx(1.0364269e-4, rel=1e-6) == MVV_TO_EV
    assert pytest.approx(8.617343e-5, rel=1e-5) == BOLTZMANN_EV_PER_K == units.kB


def test_exit_codes_are_unique() -> None:
    def tree(cls: type[errors.MolgunError]) -> list[type[errors.MolgunError]]:
        return [cls, *(below for sub in cls.__subclasses__() for below in tree(sub))]

    codes = [cls.exit_code for cls in tree(errors.MolgunError)]
    assert len(codes) == len(set(codes))
    assert all(0 < code < 256 for code in codes)


SHOT = Shot(
    index=0,
    campaign_seed=0,
    slab_snapshot="0-00001000",
    molecule_snapshot="1-00002000",
    kick_kind="flux",
    kick_velocity=(0.1, 1 / 3, -1.57),
    kick_energy_ev=0.1,
    polar_deg=12.5,
    azimuth_deg=-30.0,
    rotation=(0.0, 0.0, 0.0, 1.0),
    com_start=(1.0, 2.0, 30.0),
    com_height_angstrom=20.0,
    clearance_angstrom=13.0,
    impact_xy_angstrom=(1.5, 2.5),
    skipped_flight_ps=0.0,
)
RESULT = ended(0, stop=None, energy=energy(excursion=1e-7), hashes={"deck": "0"})
OUTCOME = Outcome(
    trajectory_id="000000",
    mode=paper.OT_CY,
    stuck=True,
    contact=True,
    first_contact_ps=0.3,
    first_bond_ps=0.4,
    time_ps=2.0,
    lowest_clearance_angstrom=1.8,
    events=((0.0, paper.IN_FLIGHT), (0.4, paper.PC)),
    bonds=((7, 3, 1.95),),
    reason="both CY carbons bind the two atoms of dimer 3",
    truncated=False,
    slab_snapshot="a",
    molecule_snapshot="b",
)


@pytest.mark.parametrize("record", [SHOT, RESULT, OUTCOME])
def test_records_round_trip_exactly(record: Shot | TrajectoryResult | Outcome) -> None:
    document = json.loads(json.dumps(record.to_json()))
    assert type(record).from_json(document, paper.SCHEME) == record


def test_records_refuse_unknown_keys() -> None:
    with pytest.raises(ValueError, match="surprise"):
        Shot.from_json({**SHOT.to_json(), "surprise": 1})


def test_trajectory_streams_depend_on_seed_and_index_alone() -> None:
    first = provenance.trajectory_rng(0, 5).random(4)
    assert np.array_equal(first, provenance.trajectory_rng(0, 5).random(4))
    others = [provenance.trajectory_rng(seed, index).random(4) for seed, index in [(0, 4), (0, 6), (1, 5), (5, 0)]]
    assert all(not np.array_equal(first, other) for other in others)


def test_hash_of_the_standards_example(tmp_path: Path) -> None:
    # FIPS 180-4's example: the digest of "abc"
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    file = tmp_path / "a file"
    file.write_bytes(b"abc")
    assert provenance.sha256_file(file) == expected == provenance.sha256_text("abc")


def test_equal_documents_have_equal_hashes() -> None:
    assert provenance.sha256_json({"a": 1, "b": [2]}) == provenance.sha256_json({"b": [2], "a": 1})
    assert provenance.sha256_json({"a": 1}) != provenance.sha256_json({"a": 2})


def test_versions_name_what_decides_a_result() -> None:
    versions = provenance.versions()
    assert versions["molgun_lmp"] != "not installed"
    assert {"torch", "mace-torch", "lammps", "numpy"} <= set(versions)
