"""A MACE of one interaction in the words of symmetrix.

Symmetrix 0.1.1 knows one interaction only from models whose scalar features pass one more product of two and
a nonlinear readout. Mace's own have a linear readout in their place. In symmetrix's file that is a product and
a nonlinear readout of zeros, with the linear readout where a model of two interactions has that of its first;
parity says whether it is the same.
"""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np

from molgun_lmp.models.mace_file import default_dtype
from molgun_lmp.models.mace_library import load_mace


def with_idle_product(model: Any) -> io.BytesIO:
    """A loaded model of one interaction as the checkpoint that symmetrix's extraction takes; `model` is changed."""
    load_mace()
    import torch  # noqa: PLC0415
    from e3nn import o3  # noqa: PLC0415
    from mace.modules.blocks import NonLinearReadoutBlock  # noqa: PLC0415

    channels, elements = _channels(model), len(model.atomic_numbers)
    with default_dtype("float64"), torch.no_grad():
        scalars = o3.Irreps(f"{channels}x0e")
        product = torch.nn.Module()
        product.use_sc = False
        product.linear = o3.Linear(scalars, scalars)
        weights = torch.zeros(elements, 1, channels)
        contraction = SimpleNamespace(correlation=2, weights=[weights], weights_max=weights)
        product.symmetric_contractions = SimpleNamespace(irreps_in=scalars, contractions=[contraction])
        readout = NonLinearReadoutBlock(scalars, o3.Irreps("1x0e"), torch.nn.functional.silu)
        for parameter in (*product.parameters(), *readout.parameters()):
            parameter.zero_()
        model.readout_products = torch.nn.ModuleList([product])
        model.readout_reshapes = torch.nn.ModuleList([torch.nn.Identity()])
        model.readouts = torch.nn.ModuleList([readout])
        checkpoint = io.BytesIO()
        torch.save(model, checkpoint)
    checkpoint.seek(0)
    return checkpoint


def linear_readout(model: Any) -> list[float]:
    """The weights of a loaded model's only readout, as symmetrix's `readout_1_weights`: those of e3nn's `Linear` are
    divided by the root of the number of its inputs, and the model scales the energy."""
    weights = model.readouts[0].linear.weight.detach().double().numpy()
    found: list[float] = (weights / np.sqrt(_channels(model)) * float(model.scale_shift.scale)).tolist()
    return found


def _channels(model: Any) -> int:
    return int(model.node_embedding.linear.irreps_out.count("0e"))
