"""The examples under potentials of the literature: their starts are equilibrated to pools by a few steps' stand-in,
planned by the commands' own functions, and fired."""

from pathlib import Path

import numpy as np
import pytest
from fired_decks import fire_trajectories
from potential_cases import thermal_pool

from molgun_lmp.campaign.launch.equilibrated_pool import pool_file
from molgun_lmp.campaign.plan.examples import copy_example
from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.config import load_campaign
from molgun_lmp.gun.builders import build_molecule, build_slab
from molgun_lmp.gun.equilibration_deck import equilibration_frozen
from molgun_lmp.records import Outcome, Stop
from molgun_lmp.results.analyse import analyse

pytestmark = pytest.mark.engine

SMALLER = {"ar-cu111": "[4, 4]", "h2-ni111": "[3, 3]", "h-graphene": "[4, 4]"}


def outcomes_of(folder: Path, example: str) -> list[Outcome]:
    """Of a shot at a smaller slab, long enough to meet it."""
    copy_example(example, folder)
    steps = {"ar-cu111": 700, "h2-ni111": 1600, "h-graphene": 2400}[example]
    overrides = ["trajectories=1", f"dynamics.steps={steps}", f"system.slab.start.size={SMALLER[example]}"]
    loaded = load_campaign(folder / "campaign.yaml", overrides)
    system = loaded.config.system
    assert system.slab.start is not None
    assert system.molecule.start is not None
    slab = build_slab(system.slab.start, loaded.path)
    (folder / "pools").mkdir()
    thermal_pool(pool_file(loaded, "slab"), slab, equilibration_frozen("slab", slab, loaded.config))
    thermal_pool(pool_file(loaded, "molecule"), build_molecule(system.molecule.start, loaded.path))
    store = write(check(loaded), folder / "shots")
    for result in fire_trajectories(store):
        assert result.stop in {Stop.COMPLETED, Stop.DEPARTED}
        assert result.energy.flagged is False
    return [one.outcome for one in analyse(store).ended]


@pytest.mark.parametrize("example", SMALLER)
def test_an_example_is_planned_and_fired(example: str, tmp_path: Path) -> None:
    outcomes = outcomes_of(tmp_path / "example", example)
    assert len(outcomes) == 1
    assert all(outcome.contact for outcome in outcomes)
    if example == "ar-cu111":
        for outcome in outcomes:
            assert outcome.atom
            assert outcome.heat is not None
            assert outcome.heat.translation_end_ev is not None
            assert 0.05 < outcome.heat.translation_end_ev < 0.5, "some of the 0.5 eV were given to the metal"
            assert outcome.heat.translation_before_ev == pytest.approx(0.5, abs=0.08)
    assert np.isfinite([outcome.time_ps for outcome in outcomes]).all()
