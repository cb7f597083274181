"""What should be known of a campaign that doses a surface."""

from typing import Final

from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.config import Campaign
from molgun_lmp.gun.cell import room_for_adsorbates
from molgun_lmp.gun.setup import Setup

_FEW_DAMPINGS: Final = 5.0
_MANY_SHOTS: Final = 20.0


def dose_notes(config: Campaign, setup: Setup) -> list[str]:
    """In sentences; none for a campaign whose shots are each by themselves."""
    dose = config.dose
    if dose is None:
        return []
    room = room_for_adsorbates(dose, setup.molecule.radius, config.outcomes.contact_angstrom)
    stays = "bound to it" if dose.keep == "bound" else "bound to it or in contact with it"
    chains = f"{dose.chains} {'chain' if dose.chains == 1 else 'chains'}"
    said = [
        f"Dosing: {chains} of {dose.molecules} molecules. What is {stays} at the end of a shot stays for "
        f"the next one, thermalised for {dose.between_ps:g} ps at {config.system.equilibration.temperature_k:g} K; the "
        f"cell keeps {room:.1f} Å above the slab for it "
        "(system.cell_height_angstrom keeps more). Shots of one chain depend on each other: intervals are over chains."
    ]
    dampings = dose.between_ps / config.system.equilibration.damping_ps
    if dampings < _FEW_DAMPINGS:
        said.append(
            f"WARNING: dose.between_ps is {dampings:.2g} times system.equilibration.damping_ps "
            f"({config.system.equilibration.damping_ps:g} ps): one dose's heat is still there when the next comes. "
            "25 times is enough for the temperature."
        )
    between = dose.between_ps * 1000.0 / config.dynamics.timestep_fs
    if between > _MANY_SHOTS * config.dynamics.steps:
        said.append(
            f"WARNING: the {between:,.0f} steps between two doses (dose.between_ps, in ps) are "
            f"{between / config.dynamics.steps:,.0f} times those of a shot, and are most of what the campaign costs."
        )
    limits = BondLimits.of(setup.molecule.symbols, setup.slab.symbols, config.outcomes)
    if dose.keep == "bound" and (limits.surface < 0.0).all():
        said.append(
            "WARNING: this molecule makes no bonds with the slab, so that nothing stays and every dose meets a clean "
            "surface: set dose.keep to bound_and_physisorbed, or give outcomes.pair_limits_angstrom."
        )
    return said
