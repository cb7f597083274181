"""Real shots whose law is known: sites far apart that each hold one atom, so that uptake is Langmuir's (docs/dosing/).

A taken site is blocked, and nothing else is: sites are twice as far from each other as atoms feel each other, so that
neighbours exclude nothing and random sequential adsorption is Langmuir's law of four sites.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from dosing_cases import fire_here
from potential_cases import thermal_pool
from scipy import stats

from molgun_lmp.analysis.dosing.answers import Dosing
from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.config import load_campaign
from molgun_lmp.dosing_records import Hold
from molgun_lmp.gun.data_file import read_data
from molgun_lmp.records import Outcome
from molgun_lmp.results.analyse import analyse
from molgun_lmp.surface.clean_surface import find_surface

pytestmark = pytest.mark.engine

SHOWN = Path(__file__).parents[2] / "docs" / "dosing"
CHAINS, DOSES, SITES = 8, 18, 4


@pytest.fixture(scope="module")
def fired(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The campaign that the page shows, of fewer chains."""
    folder = tmp_path_factory.mktemp("law")
    for name in ("blocking.yaml", "sites.xyz"):
        shutil.copy(SHOWN / name, folder)
    (folder / "pools").mkdir()
    slab = read(folder / "sites.xyz")
    frozen = slab.positions[:, 2] < slab.positions[:, 2].mean()
    thermal_pool(folder / "pools" / "slab.extxyz", slab, frozen, snapshots=CHAINS, temperature_k=100.0)
    thermal_pool(folder / "pools" / "oxygen.extxyz", Atoms("O", positions=[[0.0, 0.0, 0.0]]), snapshots=1)
    loaded = load_campaign(folder / "blocking.yaml", [f"dose.chains={CHAINS}", f"dose.molecules={DOSES}"])
    store = write(check(loaded), folder / "blocking")
    assert fire_here(store) == CHAINS * DOSES
    return store


@pytest.fixture(scope="module")
def analysed(fired: Store) -> tuple[Dosing, tuple[Outcome, ...]]:
    analysis = analyse(fired)
    assert analysis.dosing is not None
    return analysis.dosing, analysis.outcomes


def test_an_atom_sticks_where_it_comes_down_on_a_free_site_and_nowhere_else(
    fired: Store, analysed: tuple[Dosing, tuple[Outcome, ...]]
) -> None:
    """Shot by shot, from where each was aimed and what stood there: 1.2 to 2.5 Å from a site, or from none within 4 Å;
    what comes down right on the platinum may bounce once more."""
    outcomes = {one.trajectory_id: one for one in analysed[1]}
    clean = fired.clean_slab
    lattice = find_surface(clean).lattice
    sites = np.flatnonzero(np.array(clean.get_chemical_symbols()) == "Pt")
    assert len(sites) == SITES

    def apart(one: FloatArray, other: FloatArray) -> FloatArray:
        flat = np.array([1.0, 1.0, 0.0])
        return lattice.distances(one * flat, other * flat)

    free, taken, elsewhere = list[bool](), list[bool](), list[bool]()
    for folder in fired.trajectories():
        positions = read_data((folder.path / "data.lmp").read_text()).positions
        standing = positions[fired.manifest.n_slab : -1]
        own = apart(standing, positions[sites])
        assert len(set(own.argmin(axis=1).tolist())) == len(standing) <= SITES, "each on a site of its own"
        assert (own.min(axis=1) < 1.2).all()
        aimed = apart(positions[-1:], positions[sites])[0]
        company = outcomes[folder.id].company
        assert company is not None
        stuck = company.newcomer.hold is Hold.SURFACE
        if aimed.min() > 4.0:
            elsewhere.append(stuck)
        elif 1.2 < aimed.min() < 2.5:
            (taken if aimed.argmin() in own.argmin(axis=1) else free).append(stuck)
    assert len(free) >= 8 and np.mean(free) > 0.6
    assert len(taken) >= 8 and np.mean(taken) < 0.15
    assert len(elsewhere) >= 20 and np.mean(elsewhere) < 0.05


def test_its_uptake_is_langmuirs(analysed: tuple[Dosing, tuple[Outcome, ...]]) -> None:
    """S = S0 (1 - n / 4): the one unknown is S0, of which the maximum-likelihood estimate is all that is used."""
    dosing, _ = analysed
    doses = dosing.doses
    assert dosing.places.top_atoms == 36 and doses.before.max() == SITES
    sticking = doses.taken_up.sum() / (1 - doses.before / SITES).sum()
    assert 0.15 < sticking < 0.6
    for line in dosing.sticking:
        assert line.simultaneous_low <= sticking * (1 - line.molecules / SITES) <= line.simultaneous_high
    full = dosing.sticking[-1]
    assert full.fewest == SITES and full.count == 0
    for point in dosing.uptake[6::6]:
        exact = SITES * (1 - (1 - sticking / SITES) ** point.doses)
        assert point.molecules_low <= exact <= point.molecules_high
    ends = next(one for one in dosing.fits if (one.law, one.parameter) == ("Langmuir", "saturation_molecules"))
    assert ends.value == pytest.approx(SITES, abs=1.0)
    assert ends.deviance < stats.chi2.ppf(0.999, ends.freedom)


def test_which_site_is_next_is_chance(analysed: tuple[Dosing, tuple[Outcome, ...]]) -> None:
    dosing, _ = analysed
    told = [one for one in dosing.tendencies if one.blocked == "closest"]
    assert len(told) == 2 and all(one.p > 0.01 for one in told)
