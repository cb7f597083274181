"""How a cluster folder's first deck is asked for the forces of its frame, and with which command."""

from pathlib import Path
from typing import Any

import pytest

from molgun_lmp.campaign.cluster.check import ClusterCheck, command_with
from molgun_lmp.campaign.worker.first_frame import as_it_stands
from molgun_lmp.engine.targets import LammpsTarget
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.initial_conditions import draw


@pytest.mark.parametrize(
    "dynamics",
    [{"bath": {"layers": 1}}, {"ensemble": "nvt"}, {"ensemble": "nvt", "thermostat": {"kind": "langevin"}}],
)
def test_no_fix_acts_on_the_frame_that_is_compared(dynamics: dict[str, Any], setup_of: Any) -> None:
    setup = setup_of({"dynamics": dynamics})
    text = as_it_stands(trajectory_deck(draw(0, setup), setup).input_text)
    words = [line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert {"fix", "compute", "timestep", "restart"}.isdisjoint(words)
    assert {"include", "neigh_modify", "dump"} <= set(words)
    assert text.endswith("run 0\n")


@pytest.mark.parametrize(
    ("launch", "command"),
    [
        ("lmp", "/opt/lmp_new"),
        ("lmp_mpi -k on g 1 -sf kk", "/opt/lmp_new -k on g 1 -sf kk"),
        ("srun -n 1 lmp -nocite", "srun -n 1 /opt/lmp_new -nocite"),
        ("env LAMMPS_PLUGIN_PATH=/plug/lammps lmp", "env LAMMPS_PLUGIN_PATH=/plug/lammps /opt/lmp_new"),
        ("apptainer exec lammps.sif lmp", "apptainer exec lammps.sif /opt/lmp_new"),
        ("./starts-it.sh", "/opt/lmp_new"),
    ],
)
def test_the_lammps_that_is_tried_takes_the_place_of_the_target_s(launch: str, command: str) -> None:
    target = LammpsTarget(summary="mine", include="pair_style zero 5.0\n", launch=launch)
    assert command_with(target, "/opt/lmp_new") == command.split()


def test_a_launch_that_hides_its_lammps_is_refused() -> None:
    target = LammpsTarget(summary="mine", include="pair_style zero 5.0\n", launch="srun ./starts-it.sh")
    with pytest.raises(ConfigError, match=r"no word of `srun \./starts-it\.sh` is called lmp"):
        command_with(target, str(Path("/opt/lmp_new")))


@pytest.mark.parametrize("wrong", [{"energy_ev_per_atom": 2e-5}, {"force_ev_per_angstrom": float("nan")}])
def test_what_is_beyond_the_limits_or_no_number_does_not_pass(wrong: dict[str, float]) -> None:
    right: dict[str, Any] = {
        "lammps": "22 Jul 2025",
        "trajectory": "000000",
        "reference": "mace itself",
        "steps": 5,
        "energy_ev_per_atom": 1e-6,
        "force_ev_per_angstrom": 1e-4,
        "energy_limit_ev_per_atom": 1e-5,
        "force_limit_ev_per_angstrom": 1e-3,
        "largest_force_ev_per_angstrom": 2.0,
    }
    assert ClusterCheck(**right).passed
    assert not ClusterCheck(**{**right, **wrong}).passed
