"""What `molgun analyse` writes besides the table: convergence, dependence, modes at fixed times, kinetics, moments.

running.csv         every line of the table after 10, 20, 50, ... shots, with intervals and bootstrap bands
sets_of_ten.csv     the same in each set of ten consecutive shots
halves.csv          the second half of the shots held against the first, with a test; from twenty shots on
dependence.csv      every line in bins of energy, angles, place and orientation, with intervals and a test
after_contact.csv   modes at fixed times after first contact (`outcomes.after_contact_ps`)
precursor.csv       waiting, bound (by a mode that lasted) and left since first contact, as if shots were independent
lifetimes.csv       the same and the fates of each precursor, with bands over snapshots
transitions.csv     counts and rates of one mode following another
events.csv          the moments of each trajectory, and the energy that it gave away
temperatures.csv    how warm slab and molecule of each trajectory were before contact and at the end
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from molgun_lmp.analysis.kinetics.event_times import Moments, moments
from molgun_lmp.analysis.kinetics.landmark import after_contact
from molgun_lmp.analysis.kinetics.survival import (
    WAIT_ENDS,
    competing_risks,
    survival,
    visits,
    wait_of,
    waits_after_contact,
)
from molgun_lmp.analysis.kinetics.transition_rates import rates
from molgun_lmp.analysis.maps.impact import tilt_deg, to_dimer, to_top_atom
from molgun_lmp.analysis.statistics.convergence import running, sets_of
from molgun_lmp.analysis.statistics.dependence import dependence
from molgun_lmp.analysis.statistics.halves import halves
from molgun_lmp.arrays import FloatArray
from molgun_lmp.dosing_records import atoms_of
from molgun_lmp.gun.data_file import centre_of_mass_energy_ev, molecule_positions
from molgun_lmp.gun.names import DATA_NAME, END_NAME
from molgun_lmp.records import Outcome
from molgun_lmp.results.kept_work import all_of, unless_kept
from molgun_lmp.results.table_files import (
    write_after_contact,
    write_comparison,
    write_dependence,
    write_heat,
    write_moments,
    write_rates,
    write_running,
    write_sets,
    write_shares,
    write_survival,
)

if TYPE_CHECKING:
    from molgun_lmp.campaign.store.campaign_folder import Store
    from molgun_lmp.results.decided import Ended
    from molgun_lmp.surface.clean_surface import Surface

RUNNING_CSV: Final = "running.csv"
SETS_CSV: Final = "sets_of_ten.csv"
HALVES_CSV: Final = "halves.csv"
DEPENDENCE_CSV: Final = "dependence.csv"
AFTER_CONTACT_CSV: Final = "after_contact.csv"
PRECURSOR_CSV: Final = "precursor.csv"
LIFETIMES_CSV: Final = "lifetimes.csv"
TRANSITIONS_CSV: Final = "transitions.csv"
EVENTS_CSV: Final = "events.csv"
TEMPERATURES_CSV: Final = "temperatures.csv"
_ALL: Final = (
    *(RUNNING_CSV, SETS_CSV, HALVES_CSV, DEPENDENCE_CSV, AFTER_CONTACT_CSV),
    *(PRECURSOR_CSV, LIFETIMES_CSV, TRANSITIONS_CSV, EVENTS_CSV, TEMPERATURES_CSV),
)


def write_statistics(
    store: "Store", surface: "Callable[[], Surface]", ended: Sequence["Ended"], keys: Sequence[str]
) -> None:
    """Write all of them into the campaign's `analysis/`, unless they are there of the same shots. Raises `OSError`.

    `keys`: what each outcome is kept under; `surface` is asked for only where they are made. The random numbers of the
    bootstraps come from the campaign's seed: the same trajectories give the same files.
    """
    of = all_of(store, ended, keys, __name__)
    unless_kept(store.analysis, _ALL, of, lambda: _write(store, surface(), ended))


def _write(store: "Store", surface: "Surface", ended: Sequence["Ended"]) -> None:
    folder, config, scheme = store.analysis, store.config(), store.scheme
    rng = np.random.default_rng(config.seed)
    outcomes = [one.outcome for one in ended]
    prefix = complete_prefix(outcomes)
    write_running(running(prefix, rng), folder / RUNNING_CSV)
    write_sets(sets_of(prefix), folder / SETS_CSV)
    (folder / HALVES_CSV).unlink(missing_ok=True)
    if (compared := halves(scheme, prefix)) is not None:
        write_comparison(compared, folder / HALVES_CSV)
    write_dependence(dependence(drawn_variables(store, surface, ended), outcomes), folder / DEPENDENCE_CSV)
    stops = [one.result.stop for one in ended]
    planned_ps = config.dynamics.duration_ps
    tables = after_contact(scheme, outcomes, stops, config.outcomes.after_contact_ps, planned_ps=planned_ps)
    write_after_contact(tables, folder / AFTER_CONTACT_CSV)
    write_survival(survival([w for w in map(wait_of, outcomes) if w is not None]), folder / PRECURSOR_CSV)
    curves = {"after contact": competing_risks(waits_after_contact(outcomes), rng, possible=WAIT_ENDS)}
    curves |= {mode.label: competing_risks(visits(outcomes, mode), rng) for mode in scheme.precursors}
    write_shares(curves, folder / LIFETIMES_CSV)
    write_rates(rates(outcomes), folder / TRANSITIONS_CSV)
    write_moments(scheme, [_moments(store, one) for one in ended], folder / EVENTS_CSV)
    write_heat(outcomes, folder / TEMPERATURES_CSV)


def complete_prefix(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The shots 0, 1, 2, ... up to the first that has not ended: those that ended by now are not a fair sample, since
    explosions and departures end early. `outcomes` are in the order of their shots."""
    return [outcome for index, outcome in enumerate(outcomes) if int(outcome.trajectory_id) == index]


def drawn_variables(store: "Store", surface: "Surface", ended: Sequence["Ended"]) -> dict[str, FloatArray]:
    """Name -> (N,) what was drawn for each shot, that an outcome may depend on; units are in the names.

    `impact_...` is where the straight line of the centre of mass meets the surface plane; `tilt_NAME_deg` the
    orientation at the start by the named group, 0 where it is underneath the molecule.
    """
    if not ended:
        return {}
    shots = [one.shot for one in ended]
    aimed_at = np.array([shot.impact_xy_angstrom for shot in shots])
    slab = np.asarray(store.clean_slab.positions)
    found = {
        "kick_energy_ev": np.array([shot.kick_energy_ev for shot in shots]),
        "polar_deg": np.array([shot.polar_deg for shot in shots]),
        "azimuth_deg": np.array([shot.azimuth_deg for shot in shots]),
        "impact_to_top_atom_angstrom": to_top_atom(aimed_at, surface, slab),
    }
    if len(surface.dimers):
        along_axis, along_row = to_dimer(aimed_at, surface, slab)
        found |= {"impact_along_dimer_angstrom": along_axis, "impact_along_row_angstrom": along_row}
    groups = store.config().system.molecule.groups
    starts = [molecule_positions(one.folder.path / DATA_NAME, _before(store, one)) for one in ended] if groups else []
    return found | {
        f"tilt_{name}_deg": np.array([tilt_deg(start, pair) for start in starts]) for name, pair in groups.items()
    }


def _moments(store: "Store", one: "Ended") -> Moments:
    end: Path = one.folder.run_folder(one.result.attempt) / END_NAME
    return moments(
        store.scheme,
        one.outcome,
        translation_before_ev=one.shot.kick_energy_ev,
        translation_after_ev=centre_of_mass_energy_ev(end, _before(store, one)),
    )


def _before(store: "Store", one: "Ended") -> int:
    """How many atoms lie before the newcomer's."""
    return store.manifest.n_slab + atoms_of(one.shot.adsorbates)
