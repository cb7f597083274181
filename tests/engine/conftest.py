"""Tiny untrained models in every deployed format, and the compiled pair style."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from engine_cases import TinyModel

from molgun_lmp.engine.plugin_build import ensure_plugin


@pytest.fixture(scope="session")
def plugin() -> Path:
    """The folder of the pair style, compiled for this environment at first use."""
    return ensure_plugin()


@pytest.fixture(scope="session")
def tiny_mace(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """Two interactions and l_max 3, so that symmetrix holds it too; weights from a fixed seed."""
    import torch
    from mace import modules  # before e3nn, which loads only in an environment that mace prepares

    folder = tmp_path_factory.mktemp("tiny-mace")
    with _float64(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from e3nn import o3
        from e3nn.util import jit
        from mace.calculators import LAMMPS_MACE

        torch.manual_seed(24)
        model = modules.ScaleShiftMACE(
            r_max=4.0,
            num_bessel=6,
            num_polynomial_cutoff=5,
            max_ell=3,
            interaction_cls=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
            interaction_cls_first=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
            num_interactions=2,
            num_elements=3,
            hidden_irreps=o3.Irreps("16x0e"),
            MLP_irreps=o3.Irreps("8x0e"),
            atomic_energies=np.array([-13.6, -1029.5, -7870.25]),
            avg_num_neighbors=8.0,
            atomic_numbers=[1, 6, 14],
            correlation=3,
            gate=torch.nn.functional.silu,
            radial_MLP=[16, 16],
            atomic_inter_scale=0.5,
            atomic_inter_shift=-2.0,
        )
        file = folder / "tiny.model"
        torch.save(model, file)
        deployed = {}
        for dtype, cast in (("float64", model.double), ("float32", model.float)):
            deployed[dtype] = folder / f"tiny-{dtype}.pt"
            torch.set_default_dtype(getattr(torch, dtype))
            jit.compile(LAMMPS_MACE(cast())).save(str(deployed[dtype]))
    return TinyModel(model=file, deployed=deployed)


@pytest.fixture(scope="session")
def tiny_symmetrix(tiny_mace: TinyModel) -> Path:
    """The same model in symmetrix's format."""
    extract = pytest.importorskip("symmetrix.extract_mace_data").extract_mace_data
    target = tiny_mace.model.with_suffix(".symmetrix.json")
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.write_text(json.dumps(extract(str(tiny_mace.model), num_spline_points=1024)))
    finally:
        logging.root.setLevel(before)
    return target


@contextlib.contextmanager
def _float64() -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
