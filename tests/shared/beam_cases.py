"""The law of a supersonic beam, summed up plainly."""

from collections.abc import Callable

import numpy as np

from molgun_lmp.arrays import FloatArray


def beam_share(stream: float, width: float, *, power: int) -> Callable[[FloatArray], FloatArray]:
    """The share of a beam below a speed; `power` of v is 3 for what crosses a plane, 2 for what is in a volume."""
    speeds = np.linspace(0.0, stream + 8 * width, 200_001)
    summed = np.cumsum(speeds**power * np.exp(-(((speeds - stream) / width) ** 2)))
    return lambda values: np.interp(values, speeds, summed / summed[-1])
