"""Initial condition in, LAMMPS deck out: pure functions of the drawn shot, the campaign and templates/."""

import functools
import re
from typing import Any, Final

import numpy as np

from molgun_lmp.adsorbates import standing_in_words
from molgun_lmp.config import StopRules
from molgun_lmp.gun.cell import contact_clearance
from molgun_lmp.gun.data_file import data_file
from molgun_lmp.gun.initial_conditions import stream
from molgun_lmp.gun.names import DATA_NAME, DUMP_NAME, END_NAME, RESTART_NAMES, RESUME_NAME, trajectory_id
from molgun_lmp.gun.noise import SEEDS
from molgun_lmp.gun.setup import Setup
from molgun_lmp.records import Deck, InitialCondition, Shot
from molgun_lmp.rendering import deck_value, id_ranges, render
from molgun_lmp.units import FS_PER_PS

# What stands where each deck has its own; no name of a campaign, element or file holds a parenthesis.
_TRAJECTORY: Final = "(trajectory)"
_SHOT: Final = tuple(f"(shot {line})" for line in range(5))
_SEED: Final = "(seed)"
_START_Z: Final = "(start z)"
_GAPS: Final = re.compile("(" + "|".join(map(re.escape, (_TRAJECTORY, *_SHOT, _SEED, _START_Z))) + ")")


def trajectory_deck(condition: InitialCondition, setup: Setup) -> Deck:
    """The deck of one trajectory, to be run in a folder three levels below the one that holds `engine.in`.

    It reads `data.lmp` and writes `traj.dump` and `end.data` beside itself; `-var dir` and `-var root` say otherwise.
    `condition` was drawn from `setup`. Raises `ConfigError` for a value that has no place in a deck.
    """
    campaign, shot = setup.campaign, condition.shot
    name = trajectory_id(shot.index)
    pieces = _pieces(setup)
    own: dict[str, str | int] = {_TRAJECTORY: name, **dict(zip(_SHOT, _shot_lines(shot), strict=True))}
    own[_START_Z] = f"{shot.com_start[2]:.6f}"
    if _SEED in pieces:
        own[_SEED] = lammps_seed(stream(campaign, shot.index, "thermostat"))
    title = f"molgun_lmp: campaign {campaign.name}, trajectory {name}, metal units"
    return Deck(
        trajectory_id=name,
        input_text="".join([deck_value(own[piece]) if piece in own else piece for piece in pieces]),
        data_text=data_file(
            title,
            symbols=condition.symbols,
            positions=condition.positions,
            cell=condition.cell,
            types=setup.types,
            masses_u=setup.masses_u,
            velocities=condition.velocities,
            n_shared=condition.n_slab,
        ),
    )


@functools.lru_cache(maxsize=1)
def _pieces(setup: Setup) -> tuple[str, ...]:
    """The template filled in with all that a campaign's decks share, cut at what each has for itself.

    To fill it in anew for each deck would take several times as long as the rest of its text.
    """
    campaign = setup.campaign
    values = {
        "campaign": campaign.name,
        "trajectory": _TRAJECTORY,
        "shot": _SHOT,
        "data": DATA_NAME,
        "dump": DUMP_NAME,
        "end": END_NAME,
        "restarts": RESTART_NAMES,
        "resume": RESUME_NAME,
        "n_slab": len(setup.slab.symbols),
        "standing": standing_in_words(setup.slab.adsorbates) if setup.slab.adsorbates else "",
        "n_atoms": len(setup.symbols),
        "frozen": id_ranges(setup.frozen),
        "bath_ids": id_ranges(setup.bath),
        "elements": " ".join(setup.elements),
        "masses": setup.types.masses_u if campaign.system.molecule.isotopes else (),
        "timestep_ps": campaign.dynamics.timestep_fs / FS_PER_PS,
        "dynamics": campaign.dynamics,
        "thermostat": campaign.dynamics.acting_thermostat,
        "start_z": _START_Z,
        "seed": _SEED,
        "seeds": SEEDS,
        "stop": stop_values(campaign.stop, setup.cutoff_angstrom),
    }
    return tuple(re.split(_GAPS, render("trajectory.in.j2", values)))


def lammps_seed(rng: np.random.Generator) -> int:
    """A seed that every LAMMPS command accepts."""
    return int(rng.integers(1, SEEDS + 1))


def stop_values(stop: StopRules, cutoff_angstrom: float) -> dict[str, Any]:
    """What the template needs to write the stop rules."""
    return {
        "departed": stop.departed,
        "clearance": contact_clearance(cutoff_angstrom),
        "cutoff": cutoff_angstrom,
        "max_temperature_k": stop.max_temperature_k,
        "every": stop.check_every_steps,
    }


def _shot_lines(shot: Shot) -> list[str]:
    vx, vy, vz = shot.kick_velocity
    return [
        f"slab snapshot {shot.slab_snapshot}, molecule snapshot {shot.molecule_snapshot}, seed {shot.campaign_seed}",
        f"kick {shot.kick_kind}: {shot.kick_energy_ev:.4f} eV, {shot.polar_deg:.2f} deg from the normal, "
        f"azimuth {shot.azimuth_deg:.2f} deg",
        f"velocity ({vx:.4f}, {vy:.4f}, {vz:.4f}) A per ps",
        f"centre of mass {shot.com_height_angstrom:.3f} A above the surface plane, clearance "
        f"{shot.clearance_angstrom:.3f} A, free flight left out {shot.skipped_flight_ps:.4f} ps",
        f"aimed at x {shot.impact_xy_angstrom[0]:.3f}, y {shot.impact_xy_angstrom[1]:.3f} A",
    ]
