"""Decks: one short golden text read by a person, and assertions of what every deck must mean."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from scipy import stats

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import Campaign
from molgun_lmp.errors import ConfigError, GeometryError
from molgun_lmp.gun.data_file import data_file, read_data
from molgun_lmp.gun.deck import lammps_seed, stop_values, trajectory_deck
from molgun_lmp.gun.equilibration_deck import equilibration_deck, equilibration_types
from molgun_lmp.gun.initial_conditions import draw
from molgun_lmp.gun.names import STOP_OF_FIX
from molgun_lmp.gun.noise import SEEDS
from molgun_lmp.gun.setup import Setup
from molgun_lmp.isotopes import AtomTypes
from molgun_lmp.provenance import trajectory_rng
from molgun_lmp.records import Stop
from molgun_lmp.rendering import id_ranges, render
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY

CampaignOf = Callable[[Mapping[str, Any]], Campaign]
SetupOf = Callable[[Mapping[str, Any]], Setup]

# Everything of the first deck but its comments.
GOLDEN = """\
variable dir index .
variable root index ../../..
variable resume index no
units metal
atom_style atomic
atom_modify map yes sort 0 0
newton on
boundary p p p
box tilt large
if "${resume} == yes" then "read_restart ${dir}/resume.restart" else "read_data ${dir}/data.lmp"
group slab id 1:128
group molecule id 129:154
group frozen empty
group frozen id 1:16 97:128
group mobile subtract all frozen
include ${root}/engine.in
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
timestep 0.0005
compute mobile_temp mobile temp
compute_modify mobile_temp extra/dof 0
fix integrate mobile nve
compute height all property/atom zu
compute highest all reduce max c_height
compute slab_highest slab reduce max c_height
compute slab_lowest slab reduce min c_height
compute molecule_lowest molecule reduce min c_height
variable departed equal "(c_molecule_lowest-c_slab_highest > 5.5) && (vcm(molecule,z) > 0.0)"
fix halt_departed all halt 20 v_departed == 1 error continue message yes
variable image_gap equal c_slab_lowest+lz-c_highest
fix halt_fragment all halt 20 v_image_gap < 5.0 error continue message yes
variable mobile_temperature equal c_mobile_temp
fix halt_hot all halt 20 v_mobile_temperature > 5000.0 error continue message yes
thermo 40
thermo_style custom step time temp pe ke etotal
thermo_modify temp mobile_temp format float %.12g flush yes
dump traj all custom 40 ${dir}/traj.dump id type element x y z ix iy iz vx vy vz
dump_modify traj element H C Si sort id pbc yes format float %.9g
if "${resume} == yes" then "dump_modify traj append yes"
restart 1000 ${dir}/restart.a ${dir}/restart.b
run 20000 upto
undump traj
if "$(step%40) != 0" then &
  "write_dump all custom ${dir}/traj.dump id type element x y z ix iy iz vx vy vz modify append yes element H C Si \
sort id pbc yes format float %.9g"
write_data ${dir}/end.data nocoeff
"""


def _commands(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if line.strip() and not line.startswith("#"))


def _deck(setup: Setup, index: int = 0) -> str:
    return trajectory_deck(draw(index, setup), setup).input_text


def test_the_default_deck(setup_of: SetupOf) -> None:
    assert _commands(_deck(setup_of({}))) == GOLDEN


def test_the_deck_says_what_was_drawn(setup_of: SetupOf) -> None:
    condition = draw(17, setup_of({}))
    deck = trajectory_deck(condition, setup_of({}))
    head = "".join(line for line in deck.input_text.splitlines(keepends=True)[:8] if line.startswith("#"))
    assert deck.trajectory_id == "000017"
    for text in ("campaign example", "trajectory 000017", "seed 24", condition.shot.slab_snapshot):
        assert text in head
    assert f"{condition.shot.kick_energy_ev:.4f} eV" in head
    assert "trajectory 000017" in deck.data_text.splitlines()[0]


def test_types_masses_and_elements_are_in_one_order(setup_of: SetupOf) -> None:
    setup = setup_of({})
    deck = trajectory_deck(draw(0, setup), setup)
    assert setup.elements == ("H", "C", "Si")
    assert "1 1.008 # H\n2 12.011 # C\n3 28.085 # Si\n" in deck.data_text
    assert deck.input_text.count("element H C Si ") == 2
    assert re.search(r"^1 3 ", deck.data_text, re.MULTILINE)  # the first slab atom is Si


def test_another_reader_finds_the_same_atoms_in_a_tilted_cell(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cell = np.array([[10.0, 0.0, 0.0], [-2.5, 9.0, 0.0], [0.0, 0.0, 30.0]])
    positions, velocities = rng.uniform(0.0, 9.0, (3, 3)), rng.normal(size=(3, 3))
    symbols = ("Si", "H", "C")
    text = data_file(
        "tilted",
        symbols=symbols,
        positions=positions,
        cell=cell,
        types=AtomTypes.standard(("H", "C", "Si")),
        velocities=velocities,
    )
    (tmp_path / "a.data").write_text(text)
    atoms = ase.io.read(tmp_path / "a.data", format="lammps-data", units="metal")
    assert tuple(atoms.get_chemical_symbols()) == symbols
    assert atoms.cell[:] == pytest.approx(cell)
    assert atoms.positions == pytest.approx(positions)
    assert atoms.get_velocities() * ANGSTROM_PER_PS_PER_ASE_VELOCITY == pytest.approx(velocities)


def test_the_same_deck_every_time(setup_of: SetupOf) -> None:
    one, other = (trajectory_deck(draw(5, setup), setup) for setup in (setup_of({}), setup_of({})))
    assert one == other


def test_thermostats_and_the_bath(setup_of: SetupOf) -> None:
    langevin = {"kind": "langevin", "temperature_k": 250.0, "damping_ps": 0.1}
    nose_hoover = _deck(setup_of({"dynamics": {"ensemble": "nvt"}}))
    assert _commands(
        "group mobile_slab subtract mobile molecule\n"
        "compute slab_temp mobile_slab temp\n"
        "compute_modify slab_temp extra/dof 0\n"
        "fix integrate_molecule molecule nve\n"
        "fix integrate mobile_slab nvt temp 300.0 300.0 0.1\n"
        "fix_modify integrate temp slab_temp\n"
    ) in _commands(nose_hoover)
    stochastic = [_deck(setup_of({"dynamics": {"ensemble": "nvt", "thermostat": langevin}}), i) for i in range(2)]
    assert all("\nfix integrate mobile nve\n" in t for t in stochastic)
    assert all("\nfix thermostat mobile_slab langevin 250.0 250.0 0.1 " in t for t in stochastic)
    bath = [_deck(setup_of({"dynamics": {"bath": {"layers": 2}}}), index) for index in range(2)]
    assert all("group bath id 17:48\nfix thermostat bath langevin 300.0 300.0 0.5 " in text for text in bath)
    for text in (nose_hoover, *stochastic, *bath):
        assert "thermo_style custom step time temp pe ke etotal econserve\n" in text, "what is conserved with them"
    for text in (*stochastic, *bath):
        assert " $(v_noise_seed:%.0f) tally yes\n" in text
    seeds = [
        re.findall(r"^variable noise_seed equal 1\+\(\((\d+)-1\+step", t, re.MULTILINE) for t in (*stochastic, *bath)
    ]
    assert seeds[0] == seeds[2] != seeds[1] == seeds[3]  # of (campaign seed, index) alone
    assert [len(one) for one in seeds] == [1, 1, 1, 1]
    assert seeds[0] == [str(lammps_seed(trajectory_rng(24, 0).spawn(5)[4]))]
    assert "noise_seed" not in nose_hoover
    assert "suffix" not in nose_hoover


def test_the_molecule_is_coupled_only_where_it_is_said(setup_of: SetupOf) -> None:
    """As in the reference paper's AIMD; in flight a thermostat may turn it round, which is no departure."""
    for kind, line in (
        ("nose_hoover", "fix integrate mobile nvt temp 300.0 300.0 0.1\nfix_modify integrate temp mobile_temp\n"),
        ("langevin", "fix thermostat mobile langevin 300.0 300.0 0.1 "),
    ):
        setup = setup_of({"dynamics": {"ensemble": "nvt", "thermostat": {"kind": kind, "molecule": True}}})
        text = _commands(_deck(setup, 3))
        assert line in text
        assert "mobile_slab" not in text
        start = draw(3, setup).shot.com_start[2]
        assert f" && (xcm(molecule,z) > {start:.6f}) && (vcm(molecule,z) > 0.0)" in text
    assert "xcm" not in _deck(setup_of({"dynamics": {"ensemble": "nvt"}}))


def test_random_forces_are_of_the_plain_style_on_every_build(
    setup_of: SetupOf, si001: Atoms, campaign_of: CampaignOf
) -> None:
    """That of KOKKOS has another generator, whose stream depends on the threads."""
    random: list[dict[str, Any]] = [{"ensemble": "nvt", "thermostat": {"kind": "langevin"}}, {"bath": {}}]
    decks = [_deck(setup_of({"dynamics": dynamics})) for dynamics in random]
    equilibration = equilibration_deck(
        "slab", 0, si001, campaign=campaign_of({}), types=AtomTypes.standard(("H", "Si")), cutoff_angstrom=5.0
    )
    for text in (*decks, equilibration.input_text):
        commands = _commands(text).splitlines()
        (at,) = (place for place, line in enumerate(commands) if " langevin " in line)
        assert "suffix on" not in commands, "an error where no suffix was given"
        after = [line.split() for line in commands[commands.index("suffix off") + 1 :]]
        styles = {words[3] for words in after if words[0] in {"fix", "compute", "dump"}}
        assert commands.index("suffix off") < at
        assert styles <= {"langevin", "halt", "property/atom", "reduce", "custom"}, "the others may be accelerated"
        assert not {words[0] for words in after} & {"pair_style", "include", "run_style", "min_style"}


def test_a_deck_is_the_template_filled_in(setup_of: SetupOf) -> None:
    """What a campaign's decks share is filled in once: by hand it must come out the same."""
    setup = setup_of({"dynamics": {"bath": {"layers": 2}}})
    for index in (0, 7):
        shot = draw(index, setup).shot
        text = _deck(setup, index)
        head = [line.removeprefix("#   ") for line in text.splitlines()[1:6]]
        values = {
            "campaign": setup.campaign.name,
            "trajectory": f"{index:06d}",
            "shot": head,
            **{"data": "data.lmp", "dump": "traj.dump", "end": "end.data", "resume": "resume.restart"},
            "restarts": ("restart.a", "restart.b"),
            "n_slab": 128,
            "standing": "",
            "n_atoms": 154,
            "frozen": id_ranges(setup.frozen),
            "bath_ids": id_ranges(setup.bath),
            "elements": "H C Si",
            "masses": (),
            "timestep_ps": 0.0005,
            "dynamics": setup.campaign.dynamics,
            "thermostat": None,
            "seed": lammps_seed(trajectory_rng(24, index).spawn(5)[4]),
            "seeds": SEEDS,
            "start_z": f"{shot.com_start[2]:.6f}",
            "stop": stop_values(setup.campaign.stop, setup.cutoff_angstrom),
        }
        assert text == render("trajectory.in.j2", values)
        assert shot.slab_snapshot in head[0]


def test_lines_that_are_kept_are_those_that_are_written_anew(setup_of: SetupOf) -> None:
    setup = setup_of({})
    for index in range(12):  # of six snapshots
        one = draw(index, setup)
        text = data_file(
            f"molgun_lmp: campaign example, trajectory {index:06d}, metal units",
            symbols=one.symbols,
            positions=one.positions,
            cell=one.cell,
            types=setup.types,
            velocities=one.velocities,
        )
        assert trajectory_deck(one, setup).data_text == text


def test_stop_rules_can_be_switched_off(setup_of: SetupOf) -> None:
    text = _deck(setup_of({"stop": {"departed": False, "max_temperature_k": None}}))
    assert "halt" not in text
    assert "compute height" not in text
    assert set(re.findall(r"fix (halt_\w+)", _deck(setup_of({})))) == set(STOP_OF_FIX)
    assert set(STOP_OF_FIX.values()) == set(Stop) - {Stop.COMPLETED, Stop.SETTLED}


def test_intervals_and_length_are_the_campaign_s(setup_of: SetupOf) -> None:
    dynamics = {"timestep_fs": 0.25, "steps": 77, "dump_every_steps": 11, "thermo_every_steps": 7}
    text = _deck(setup_of({"dynamics": dynamics, "stop": {"check_every_steps": 3}}))
    for command in ("timestep 0.00025", "run 77", "dump traj all custom 11 ", "thermo 7", "halt_hot all halt 3 "):
        assert re.search(f"^(fix )?{re.escape(command)}", text, re.MULTILINE), command


@pytest.mark.parametrize("value", ["a\nshell rm -rf x", "${HOME}", "$(1+1)", "x &", "x # y", "a;b", "`ls`", '"', "'"])
def test_nothing_that_lammps_would_expand_reaches_a_deck(value: str, setup_of: SetupOf) -> None:
    setup = setup_of({})
    values = {"campaign": value, "trajectory": "000000", "shot": []}
    with pytest.raises(ConfigError, match="cannot stand in a LAMMPS deck"):
        render("trajectory.in.j2", values)
    assert "shell" not in _deck(setup)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, None, [1]])
def test_only_finite_numbers_reach_a_deck(value: object) -> None:
    with pytest.raises(ConfigError, match="cannot stand in a LAMMPS deck"):
        render("trajectory.in.j2", {"campaign": value, "trajectory": "000000", "shot": []})


def test_id_ranges_are_short_lines() -> None:
    assert id_ranges(np.zeros(5, dtype=np.bool_)) == []
    assert id_ranges(np.array([True, True, False, True])) == ["1:2 4"]
    lines = id_ranges(np.arange(60) % 2 == 0)
    assert [len(line.split()) for line in lines] == [12, 12, 6]
    assert " ".join(lines).split() == [str(number) for number in range(1, 60, 2)]


def test_equilibration_of_the_slab(campaign_of: CampaignOf, si001: Atoms, ecco: Atoms) -> None:
    types = equilibration_types(si001, ecco, campaign_of({}))
    assert types.elements == ("H", "C", "Si")
    deck = equilibration_deck("slab", 2, si001, campaign=campaign_of({}), types=types, cutoff_angstrom=5.0)
    text = _commands(deck.input_text)
    assert deck.trajectory_id == "slab-02"
    for command in (
        "group frozen id 1:16 97:128\n",
        "fix hold frozen setforce 0.0 0.0 0.0\n",
        "compute_modify mobile_temp extra/dof 0\n",
        "run 80000\n",  # 40 ps
        "dump snapshots all custom 2000 ",  # 1 ps
        "format float %.15g\n",
    ):
        assert command in text, command
    assert re.search(r"^velocity mobile create 300.0 \d+ mom no rot no dist gaussian temp mobile_temp$", text, re.M)
    assert re.search(r"^fix thermostat mobile langevin 300.0 300.0 0.2 \d+$", text, re.M)
    assert "momentum" not in text
    assert "Velocities" not in deck.data_text


def test_equilibration_of_the_molecule(campaign_of: CampaignOf, ecco: Atoms) -> None:
    deck = equilibration_deck(
        "molecule", 0, ecco, campaign=campaign_of({}), types=AtomTypes.standard(("H", "C")), cutoff_angstrom=5.0
    )
    text = _commands(deck.input_text)
    assert "fix rest mobile momentum 1 linear 1 1 1\n" in text  # the centre of mass at rest, rotation free
    assert "compute_modify mobile_temp extra/dof 3\n" in text
    sides = [float(side) for side in re.findall(r"^0\.0 (\S+) [xyz]lo", deck.data_text, re.M)]
    assert len(set(sides)) == 1  # a cube in which no image is felt
    assert sides[0] >= ecco.get_all_distances().max() + 5.0


def test_equilibration_of_a_slab_that_is_held_nowhere_keeps_it_in_place(campaign_of: CampaignOf, si001: Atoms) -> None:
    system = campaign_of({}).system.model_dump()
    system["slab"]["frozen_layers"] = 0
    campaign = campaign_of({"system": system})
    deck = equilibration_deck(
        "slab", 0, si001, campaign=campaign, types=AtomTypes.standard(("H", "Si")), cutoff_angstrom=5.0
    )
    text = _commands(deck.input_text)
    assert "fix rest mobile momentum 1 linear 1 1 1\n" in text
    assert "compute_modify mobile_temp extra/dof 3\n" in text
    assert re.search(r"^velocity mobile create 300.0 \d+ mom yes rot no", text, re.M)


def test_each_equilibration_of_the_molecule_starts_turned_at_random(
    campaign_of: CampaignOf, ecco: Atoms, si001: Atoms
) -> None:
    def started(seed: int, run: int) -> FloatArray:
        campaign = campaign_of({"seed": seed})
        deck = equilibration_deck(
            "molecule", run, ecco, campaign=campaign, types=AtomTypes.standard(("H", "C")), cutoff_angstrom=5.0
        )
        return read_data(deck.data_text).positions

    starts = {(seed, run): started(seed, run) for seed in (0, 24) for run in range(40)}
    assert np.array_equal(started(24, 3), starts[24, 3]), "a function of seed and run alone"
    rigid = ecco.get_all_distances()
    for positions in starts.values():
        assert Atoms("C26", positions=positions).get_all_distances() == pytest.approx(rigid, abs=1e-6)
    axis = np.array([positions[0] - positions[7] for positions in starts.values()])
    axis /= np.linalg.norm(axis, axis=1)[:, None]
    assert len(np.unique(axis.round(6), axis=0)) == 80
    for component in axis.T:  # of an isotropic axis each is uniform in [-1, 1]
        assert stats.kstest((component + 1) / 2, "uniform").pvalue > 1e-3
    slabs = [
        equilibration_deck(
            "slab", run, si001, campaign=campaign_of({}), types=AtomTypes.standard(("H", "Si")), cutoff_angstrom=5.0
        )
        for run in range(2)
    ]
    assert slabs[0].data_text == slabs[1].data_text, "a surface keeps its place"


def test_every_equilibration_has_its_own_seeds(campaign_of: CampaignOf, si001: Atoms, ecco: Atoms) -> None:
    types = equilibration_types(si001, ecco, campaign_of({}))
    seeds = []
    for campaign_seed in (0, 1):
        campaign = campaign_of({"seed": campaign_seed})
        for atoms, part in ((si001, "slab"), (ecco, "molecule")):
            for run in range(3):
                text = equilibration_deck(
                    "slab" if part == "slab" else "molecule",
                    run,
                    atoms,
                    campaign=campaign,
                    types=types,
                    cutoff_angstrom=5.0,
                ).input_text
                seeds += re.findall(r"create 300.0 (\d+)", text) + re.findall(r"langevin .* (\d+)$", text, re.M)
    assert len(seeds) == len(set(seeds)) == 24
    assert all(0 < int(seed) < 2**31 for seed in seeds)


def test_equilibrating_an_element_of_no_type_is_refused(campaign_of: CampaignOf, si001: Atoms) -> None:
    with pytest.raises(GeometryError, match=r"holds \['Si'\]"):
        equilibration_deck(
            "slab", 0, si001, campaign=campaign_of({}), types=AtomTypes.standard(("H", "C")), cutoff_angstrom=5.0
        )


def test_templates_are_where_they_are_looked_for() -> None:
    from molgun_lmp.shipped_templates import templates_folder

    assert {"trajectory.in.j2", "equilibrate.in.j2"} <= {path.name for path in Path(templates_folder()).iterdir()}
