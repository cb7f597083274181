"""The cell is high enough for every shot, and what does not fit is refused with the numbers needed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from molgun_lmp.config import Campaign, Clearance, Height
from molgun_lmp.errors import ConfigError, GeometryError
from molgun_lmp.gun.cell import Extents, campaign_cell, choose_height, heights_above_bottom, needed_height
from molgun_lmp.gun.initial_conditions import draw
from molgun_lmp.gun.pools import Pool, read_pool, write_pool
from molgun_lmp.gun.setup import Setup, prepare

CampaignOf = Callable[[Mapping[str, Any]], Campaign]
SetupOf = Callable[[Mapping[str, Any]], Setup]
EXTENTS = Extents(slab_thickness=8.0, molecule_radius=4.5)


def test_the_needed_height_by_hand() -> None:
    paper = Height(kind="height", angstrom=20.0)
    assert needed_height(EXTENTS, paper, False, 6.0) == 8.0 + (20.0 + 4.5) + 6.0 + 2.0
    # Without free flight the departing molecule decides: 6.5 Å of clearance and its own 9 Å.
    assert needed_height(EXTENTS, paper, True, 6.0) == 8.0 + (6.5 + 9.0) + 6.0 + 2.0
    assert needed_height(EXTENTS, Height(kind="height", angstrom=5.0), False, 6.0) == 8.0 + (6.5 + 9.0) + 6.0 + 2.0
    assert needed_height(EXTENTS, Clearance(kind="clearance", angstrom=10.0), False, 6.0) == 8.0 + 19.0 + 6.0 + 2.0


def test_a_cell_that_is_too_low_is_refused() -> None:
    assert choose_height(None, 40.51) == pytest.approx(40.6)
    assert choose_height(50.0, 40.51) == 50.0
    with pytest.raises(GeometryError, match=r"is 34, but 40\.51 Å are needed"):
        choose_height(34.0, 40.51)


def test_the_paper_s_start_does_not_fit_into_34_angstrom(setup_of: SetupOf, campaign_of: CampaignOf) -> None:
    gun = {"preset": "paper-ml"}
    assert setup_of({"gun": gun}).cell[2, 2] > 39.0
    low = campaign_of({}).system.model_dump() | {"cell_height_angstrom": 34.0}
    with pytest.raises(GeometryError, match=r"system\.cell_height_angstrom is 34"):
        setup_of({"gun": gun, "system": low})


def test_no_atom_starts_in_reach_of_the_slab_s_image(setup_of: SetupOf) -> None:
    for gun in ({"preset": "paper-ml"}, {"start": {"kind": "clearance", "angstrom": 9.0}}, {"skip_free_flight": True}):
        setup = setup_of({"gun": gun})
        for index in range(20):
            condition = draw(index, setup)
            heights = condition.positions[:, 2]
            image_bottom = heights[: condition.n_slab].min() + setup.cell[2, 2]
            assert image_bottom - heights.max() >= setup.cutoff_angstrom + 2.0 - 1e-9


def test_tilted_cells_become_what_lammps_accepts() -> None:
    cell = campaign_cell(np.array([[10.0, 0, 0], [18.0, 9.0, 0], [1.0, 2.0, 30.0]]), 40.0)
    assert cell == pytest.approx(np.array([[10.0, 0, 0], [-2.0, 9.0, 0], [0, 0, 40.0]]))
    with pytest.raises(GeometryError, match="is turned"):
        campaign_cell(np.array([[0, 10.0, 0], [10.0, 0, 0], [0, 0, 30.0]]), 40.0)


def test_a_slab_wrapped_through_the_boundary_is_put_together() -> None:
    heights = np.array([0.2, 1.5, 3.0, 29.0])
    assert heights_above_bottom(heights, 30.0) == pytest.approx([1.2, 2.5, 4.0, 0.0])
    assert heights_above_bottom(np.array([7.0]), 30.0) == pytest.approx([0.0])


def test_overlapping_atoms_are_refused(setup_of: SetupOf) -> None:
    setup = setup_of({"gun": {"start": {"kind": "height", "angstrom": 2.0}}})
    with pytest.raises(GeometryError, match=r"trajectory 000000: molecule atom \d+ \([CH]\) starts .* from slab atom"):
        draw(0, setup)


def test_a_molecule_wider_than_the_cell_is_refused(campaign_of: CampaignOf, slab_pool: Pool, tmp_path: Path) -> None:
    for length in (13.5, 40.0):  # 1.97 Å from its image; through it
        rod = Atoms("H2", positions=[[0, 0, 0], [length, 0, 0]])
        rod.set_velocities([[0, 0.1, 0], [0, -0.1, 0]])
        write_pool(tmp_path / "rod.extxyz", [rod], None)
        gun = {"orientation": "as_drawn", "start": {"kind": "clearance", "angstrom": 5.0}}
        setup = prepare(campaign_of({"gun": gun}), slab_pool, read_pool(tmp_path / "rod.extxyz", "molecule"), 5.0)
        with pytest.raises(GeometryError, match="too wide for the cell"):
            draw(0, setup)


def test_pools_that_do_not_fit_the_campaign(
    campaign_of: CampaignOf, slab_pool: Pool, molecule_pool: Pool, tmp_path: Path
) -> None:
    write_pool(tmp_path / "two.extxyz", molecule_pool.snapshots[:2], None)
    two = read_pool(tmp_path / "two.extxyz", "molecule")
    with pytest.raises(ConfigError, match="holds 6 snapshots and"):
        prepare(campaign_of({"gun": {"pairing": "paired"}}), slab_pool, two, 5.0)
    system = campaign_of({}).system.model_dump()
    system["slab"]["frozen_layers"] = 2
    with pytest.raises(ConfigError, match="frozen_layers = 2"):
        prepare(campaign_of({"system": system}), slab_pool, molecule_pool, 5.0)
