"""Figures of what came back hold what was measured, whatever varies and whatever is missing."""

import csv
import dataclasses
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from paper_classes import SCATTERED

from molgun_lmp.analysis.figures.scattering import _groups, draw_energy_loss, draw_exit_directions
from molgun_lmp.analysis.scattering.scattered import Scattered
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters
from molgun_lmp.plotting.figure_files import FigureFiles


def rows(number: int, *, energies: bool, angles: bool) -> tuple[list[Scattered], Clusters]:
    """Molecules that left; the last one was not in free flight, and the one before is a fragment."""
    rng = np.random.default_rng(number)
    empty: dict[str, Any] = dict.fromkeys([field.name for field in dataclasses.fields(Scattered)])
    found = []
    for index in range(number):
        energy = rng.uniform(0.1, 1.0) if energies else 0.5
        lost = energy * rng.uniform(0.1, 0.6)
        fields = empty | {
            "trajectory": f"{index:06d}",
            "mode": SCATTERED,
            "particle": 0,
            "formula": "CO" if index != number - 2 else "C",
            "atoms": 2,
            "of_slab": 0,
            "intact": index != number - 2,
            "frames": 3,
            "incidence_ev": energy,
            "incidence_polar_deg": rng.uniform(0, 60) if angles else 0.0,
            "incidence_azimuth_deg": rng.uniform(0, 360),
            "polar_deg": rng.uniform(0, 80),
            "azimuth_deg": rng.uniform(0, 360),
            "translation_lost_ev": lost if index != number - 2 else None,
            "to_surface_ev": 0.8 * lost if index % 2 else None,
            "vibration_by": "",
            "note": "",
        }
        if index == number - 1:
            fields |= {"frames": 0, "polar_deg": None, "azimuth_deg": None, "translation_lost_ev": None}
        found.append(Scattered(**fields))
    return found, Clusters.of([index % 7 for index in range(number)], range(number))


def numbers(figure: FigureFiles) -> list[dict[str, str]]:
    for file in (figure.svg, figure.png):
        assert file.stat().st_size > 5000
    assert len(list(ElementTree.fromstring(figure.svg.read_bytes()).iter())) > 50
    with figure.csv.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("angles", [False, True])
def test_directions_are_drawn_around_the_beam_where_it_is_slanted(tmp_path: Path, angles: bool) -> None:
    found, _ = rows(30, energies=False, angles=angles)
    figure = draw_exit_directions(found, tmp_path)
    drawn = numbers(figure)
    assert [float(row["polar_deg"]) for row in drawn] == [one.polar_deg for one in found[:-1]]
    for row, one in zip(drawn, found[:-1], strict=True):
        assert one.azimuth_deg is not None
        expected = (one.azimuth_deg - one.incidence_azimuth_deg) % 360 if angles else one.azimuth_deg
        assert float(row["azimuth_drawn_deg"]) == pytest.approx(expected)
    assert ("from where the beam goes" in figure.caption) is angles
    assert "Not drawn: 1 " in figure.caption


@pytest.mark.parametrize("varies", [False, True])
def test_energy_losses_are_drawn_against_what_varies(tmp_path: Path, varies: bool) -> None:
    found, clusters = rows(42, energies=varies, angles=varies)
    figure = draw_energy_loss(found, clusters, tmp_path)
    drawn = numbers(figure)
    assert [float(row["translation_lost_ev"]) for row in drawn] == [one.translation_lost_ev for one in found[:-2]]
    assert ("Dots with bars" in figure.caption) is varies
    lost = np.mean([one.translation_lost_ev for one in found[:-2] if one.translation_lost_ev is not None])
    assert f"Mean {lost:.3g} (" in figure.caption


def test_values_of_a_grid_are_not_mixed_into_bins() -> None:
    points = np.repeat([0.1, 0.4, 1.2], 20)
    mixed = np.random.default_rng(1).permutation(points * (1 + 1e-9 * np.arange(60)))
    assert [np.round(mixed[inside], 6).tolist() for inside in _groups(mixed)] == [[x] * 20 for x in (0.1, 0.4, 1.2)]
    spread = np.linspace(0.0, 1.0, 60)
    bins = _groups(spread)
    assert [int(inside.sum()) for inside in bins] == [12] * 5 and np.sum(bins, axis=0).tolist() == [1] * 60
    assert [inside.tolist() for inside in _groups(np.array([0.5]))] == [[True]]


def test_a_single_molecule_is_enough(tmp_path: Path) -> None:
    found, clusters = rows(3, energies=True, angles=True)
    assert len(numbers(draw_energy_loss(found[:1], clusters.take(np.array([True, False, False])), tmp_path))) == 1
