"""What should be known of a campaign's thermostats, or of their lack."""

from typing import Final

from molgun_lmp.config import Dynamics, SettledRule
from molgun_lmp.units import BOLTZMANN_EV_PER_K

_ADSORPTION_EV: Final = 3.0


def dynamics_notes(dynamics: Dynamics, mobile: int) -> list[str]:
    """In sentences, for so many mobile atoms."""
    said = []
    thermostat = dynamics.acting_thermostat
    if thermostat is not None and thermostat.molecule:
        said.append(
            "WARNING: dynamics.thermostat.molecule is true: the thermostat acts on the beam, too. It brakes or heats "
            "the molecule in flight, so that the energy of the kick is not the energy that arrives "
            "(`energy_at_contact_ev` in outcomes.csv), and Langevin noise may stop it before. The reference paper's "
            "AIMD is run so."
        )
    elif thermostat is not None:
        said.append(
            "NVT: the thermostat holds the slab's mobile atoms; the molecule moves under NVE. "
            "`dynamics.thermostat.molecule: true` couples it, too."
        )
    if dynamics.ensemble == "nve" and dynamics.bath is None:
        warming = _ADSORPTION_EV / (3 * mobile * BOLTZMANN_EV_PER_K)
        said.append(
            f"NVE: an adsorption that frees {_ADSORPTION_EV:g} eV warms these {mobile} mobile atoms by about "
            f"{warming:.0f} K; `dynamics.bath` takes heat out through the deep layers."
        )
    return said


def settled_notes(rule: SettledRule | None) -> list[str]:
    """What ending settled shots early means; empty where nothing does."""
    if rule is None:
        return []
    return [
        f"stop.settled: a shot whose molecule was bound in one class for {rule.after_ps:g} ps, on average not more "
        f"than {rule.excess_k:g} K warmer than the slab, is ended, but for {100 * rule.audit_share:g} % of them, which "
        "run on and correct the fractions at the end and at times after contact. What a cluster's LAMMPS runs alone "
        "(`molgun cluster`) goes to its planned end, and counts in full."
    ]
