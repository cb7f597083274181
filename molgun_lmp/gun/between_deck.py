"""The deck that thermalises a covered surface between two molecules of a chain of doses."""

import dataclasses
import math
from typing import Final

from molgun_lmp.adsorbates import standing_in_words
from molgun_lmp.config import Campaign
from molgun_lmp.gun.covered import CoveredSurface
from molgun_lmp.gun.data_file import data_file, read_data
from molgun_lmp.gun.deck import lammps_seed
from molgun_lmp.gun.initial_conditions import stream
from molgun_lmp.gun.names import trajectory_id
from molgun_lmp.gun.noise import SEEDS
from molgun_lmp.gun.setup import Setup
from molgun_lmp.records import Deck
from molgun_lmp.rendering import id_ranges, render
from molgun_lmp.surface.frozen import moves_as_a_whole
from molgun_lmp.units import FS_PER_PS

_PART_STEPS: Final = 1000
"""Where trajectories have no checkpoints, whose interval it is otherwise."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """Of a thermalisation: `number` parts of `steps` steps each."""

    number: int
    steps: int

    @classmethod
    def of(cls, campaign: Campaign) -> "Parts":
        """As long as the campaign says, rounded up to whole parts. Raises `ValueError` for one without doses."""
        if campaign.dose is None:
            raise ValueError("only chains of doses are thermalised in between")
        dynamics = campaign.dynamics
        steps = max(1, round(campaign.dose.between_ps * FS_PER_PS / dynamics.timestep_fs))
        number = math.ceil(steps / (dynamics.checkpoint_every_steps or _PART_STEPS))
        return cls(number=number, steps=math.ceil(steps / number))


def between_deck(index: int, setup: Setup) -> Deck:
    """The deck that thermalises the surface before trajectory `index`, in a folder four levels below `engine.in`.

    Part n, a variable of the deck, reads what part n - 1 has left. Its noise is a function of (campaign seed, index,
    part). Raises `ValueError` for a campaign without doses.
    """
    campaign, slab = setup.campaign, setup.slab
    parts, name = Parts.of(campaign), trajectory_id(index)
    assert campaign.dose is not None  # by the above
    chain, dose = campaign.dose.place(index)
    settings = campaign.system.equilibration
    values = {
        "campaign": campaign.name,
        "trajectory": name,
        "chain": chain,
        "dose": dose,
        "standing": standing_in_words(slab.adsorbates),
        "temperature_k": settings.temperature_k,
        "damping_ps": settings.damping_ps,
        "parts": parts.number,
        "steps": parts.steps,
        "timestep_ps": campaign.dynamics.timestep_fs / FS_PER_PS,
        "frozen": id_ranges(slab.frozen),
        "free": moves_as_a_whole(slab.frozen),
        "masses": setup.types.masses_u if campaign.system.molecule.isotopes else (),
        "seed": lammps_seed(stream(campaign, index, "between")),
        "seeds": SEEDS,
        "max_temperature_k": campaign.stop.max_temperature_k,
        "check_every": campaign.stop.check_every_steps,
        "thermo_every": campaign.dynamics.thermo_every_steps,
    }
    return Deck(
        trajectory_id=name,
        input_text=render("between.in.j2", values),
        data_text=data_file(
            f"molgun_lmp: campaign {campaign.name}, the surface before trajectory {name}, metal units",
            symbols=slab.symbols,
            positions=slab.positions[0],
            cell=setup.cell,
            types=setup.types,
            masses_u=slab.masses_u,
            velocities=slab.velocities[0],
        ),
    )


def thermalised(text: str, before: CoveredSurface) -> CoveredSurface:
    """What stood in `before`, as the text of the last structure of its thermalisation has it.

    Raises `ValueError` for a text that is no structure of these atoms.
    """
    data = read_data(text)
    if data.velocities is None or len(data.positions) != len(before.symbols):
        raise ValueError(f"it does not hold {len(before.symbols)} atoms with velocities")
    return dataclasses.replace(before, positions=data.unwrapped, velocities=data.velocities)
