"""Rounding is let pass, and what a broken device does is not."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from molgun_lmp.engine.force_models import Evaluation
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.agreement import beyond_rounding

ATOMS, PAIRS = 154, 60
DTYPES: tuple[Dtype, ...] = ("float32", "float64")


def summed(terms: "np.ndarray[Any, np.dtype[Any]]", order: "np.ndarray[Any, np.dtype[Any]]") -> Evaluation:
    """Energies and forces of atoms as sums of pair terms in one order, one after the other, in their own precision."""
    energies, forces = np.zeros(ATOMS, terms.dtype), np.zeros((ATOMS, 3), terms.dtype)
    for pair in order:
        energies += terms[:, pair, 0]
        forces += terms[:, pair, 1:]
    return Evaluation(energy_ev=float(energies.astype(float).sum()), forces=forces.astype(float))


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_in_any_order_agree(dtype: Dtype) -> None:
    """Terms ten times as large as what they sum to, as in a slab at rest."""
    rng = np.random.default_rng(0)
    for scale in (1e-3, 1.0, 10.0):
        terms = (scale * rng.normal(0.0, 1.0, (ATOMS, PAIRS, 4))).astype(dtype)
        first = summed(terms, np.arange(PAIRS))
        for _ in range(20):
            assert beyond_rounding(first, summed(terms, rng.permutation(PAIRS)), dtype) is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_bit_that_falls_over_is_seen(dtype: Dtype) -> None:
    """Any of the upper bits of the largest force, its sign or its exponent."""
    rng = np.random.default_rng(1)
    forces = rng.normal(0.0, 2.0, (ATOMS, 3)).astype(dtype)
    right = Evaluation(energy_ev=-6130.0, forces=forces.astype(float))
    largest = int(np.abs(forces).argmax())
    bits, whole = (32, np.uint32) if dtype == "float32" else (64, np.uint64)
    mantissa = np.finfo(dtype).nmant
    for bit in range(mantissa - 8, bits):
        broken = forces.copy()
        broken.reshape(-1).view(whole)[largest] ^= whole(1) << whole(bit)
        found = beyond_rounding(right, Evaluation(energy_ev=-6130.0, forces=broken.astype(float)), dtype)
        assert found is not None, bit


def test_what_is_no_number_agrees_with_nothing() -> None:
    right = Evaluation(energy_ev=-1.0, forces=np.ones((2, 3)))
    broken = dataclasses.replace(right, forces=np.full((2, 3), np.nan))
    for one, other in ((right, broken), (broken, right), (broken, broken)):
        assert "not numbers" in (beyond_rounding(one, other, "float32") or "")
    assert "not numbers" in (beyond_rounding(right, dataclasses.replace(right, energy_ev=np.inf), "float64") or "")
    fewer = dataclasses.replace(right, forces=np.ones((1, 3)))
    assert beyond_rounding(right, fewer, "float32") == "forces of 2 atoms and of 1"


def test_an_energy_alone_is_seen() -> None:
    right = Evaluation(energy_ev=-6130.0, forces=np.zeros((ATOMS, 3)))
    found = beyond_rounding(right, dataclasses.replace(right, energy_ev=-6129.0), "float32")
    assert found is not None
    assert found.startswith("the energy differs by 6.5e-03 eV/atom")
