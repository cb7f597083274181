"""Movies for the page: thinned evenly, packed without loss beyond a hundredth of an Ångström, without jumps."""

import base64
import dataclasses

import numpy as np
import paper_classes as paper
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_cases import chain, movies

from molgun_lmp.analysis.report.movies import Thinned, examples, frames_for, viewer_data


@given(st.integers(1, 500), st.integers(1, 30))
def test_a_stream_is_thinned_evenly_and_its_last_is_kept(length: int, fewest: int) -> None:
    thinned = Thinned[int](fewest)
    for item in range(length):
        thinned.add(item)
    kept = thinned.items()
    assert kept[0] == 0
    assert kept[-1] == length - 1
    assert min(length, fewest) <= len(kept) <= 2 * fewest + 1
    steps = np.diff(kept)
    assert (steps[:-1] == steps[0]).all() if len(steps) > 1 else True
    assert len(steps) == 0 or 0 < steps[-1] <= steps[0]


def test_packed_frames_are_the_trajectory_about_its_molecule() -> None:
    cast, (movie, _) = movies()
    turned = np.array([[40.0, -3.0, 0.0]])  # a molecule that crossed the boundary some times
    moved = movie.positions.copy()
    moved[:, cast.n_slab :] += turned
    data = viewer_data(cast, [movie.__class__(**{**movie.__dict__, "positions": moved})])
    packed = np.frombuffer(base64.b64decode(data["movies"][0]["data"]), dtype="<i2").reshape(moved.shape)
    found = packed * data["unit"]
    np.testing.assert_allclose(found[-1, cast.n_slab :, :2].mean(axis=0), 0.0, atol=0.01)
    np.testing.assert_allclose(np.diff(found, axis=0), np.diff(moved, axis=0), atol=0.0101)  # no jump in any frame
    np.testing.assert_allclose(found[..., 2], moved[..., 2] - cast.surface_z, atol=0.0051)
    scaled = np.linalg.solve(cast.cell[:2, :2].T, found[-1, : cast.n_slab, :2].T)
    assert np.abs(scaled).max() <= 0.51
    # The same surface: each slab atom moved by the molecule's shift and whole lattice vectors.
    shift = (found[-1] - moved[-1])[: cast.n_slab, :2]
    steps = np.linalg.solve(cast.cell[:2, :2].T, (shift - shift[0]).T)
    np.testing.assert_allclose(steps, np.rint(steps), atol=0.01)


def test_molecules_of_a_chain_are_there_from_their_dose_on_and_in_the_cell() -> None:
    cast, movie = chain()
    moved = movie.positions.copy()
    moved[:, -len(cast.molecule) :] += cast.cell[0] * 2 - cast.cell[1]  # the last one has crossed boundaries
    data = viewer_data(cast, [dataclasses.replace(movie, positions=moved)])
    packed = np.frombuffer(base64.b64decode(data["movies"][0]["data"]), dtype="<i2").reshape(moved.shape)
    size = len(cast.molecule)
    there = (packed != np.iinfo(np.int16).min).all(axis=2)[:, cast.n_slab :].reshape(3, 3, size)
    assert there.all(axis=2).tolist() == [[True, False, False], [True, False, False], [True, False, True]]
    last = packed[-1, -size:] * data["unit"]
    assert np.abs(np.linalg.solve(cast.cell[:2, :2].T, last[:, :2].mean(axis=0))).max() <= 0.51
    assert data["movies"][0]["chain"] is True
    assert "chain" not in viewer_data(*movies())["movies"][0]
    assert len(data["tints"]) in (0, 3 * len(viewer_data(*movies())["tints"]))


def test_the_data_say_what_is_drawn() -> None:
    cast, shown = movies()
    data = viewer_data(cast, shown)
    elements = [element["symbol"] for element in data["elements"]]
    assert [elements[kind] for kind in data["atoms"]] == list(cast.symbols)
    assert data["across"][elements.index("C")][elements.index("Si")] == 2.47
    assert [movie["id"] for movie in data["movies"]] == ["000001", "000002"]
    assert data["movies"][0]["events"] == [[0.0, "in flight"], [1.0, "OT-CY"]]


@pytest.mark.parametrize(
    ("groups", "tinted"),
    [
        ({"CY": (0,)}, {"CY": (0,)}),
        ({"CH": (0, 2), "END": (1,)}, {"END": (1,)}),
        ({"CY": (0, 1)}, {}),
        ({"CH": (0, 2)}, {}),
    ],
)
def test_a_group_has_its_colour_where_it_hides_no_element(
    groups: dict[str, tuple[int, ...]], tinted: dict[str, tuple[int, ...]]
) -> None:
    cast, shown = movies()
    data = viewer_data(dataclasses.replace(cast, groups=groups), shown)
    assert data["tints"] == {str(cast.n_slab + atom): "#0072b2" for atoms in tinted.values() for atom in atoms}
    assert [group["name"] for group in data["groups"]] == list(tinted)


def test_every_mode_has_its_examples_before_any_has_more() -> None:
    modes = [paper.SCATTERED] * 5 + [paper.FAILED, paper.PC, paper.SCATTERED, paper.PC]
    assert examples(modes, 2) == [0, 6]
    assert examples(modes, 4) == [0, 1, 6, 8]
    assert examples(modes, 20) == list(range(9))
    assert examples([paper.FAILED, paper.FAILED], 1) == [0]
    assert examples([], 3) == []


@pytest.mark.parametrize(("number", "atoms", "frames"), [(1, 154, 60), (12, 154, 60), (12, 600, 34), (12, 10**5, 8)])
def test_the_page_stays_small(number: int, atoms: int, frames: int) -> None:
    assert frames_for(number, atoms) == frames
