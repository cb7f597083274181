"""Which slab atoms never move, and which ones a bath holds: the same sets in equilibration and in dynamics."""

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import BoolArray
from molgun_lmp.errors import ConfigError
from molgun_lmp.surface.clean_surface import Surface


def frozen_mask(slab: Atoms, surface: Surface, frozen_layers: int) -> BoolArray:
    """(N,) True for the lowest `frozen_layers` layers and everything below them (the saturating hydrogen).

    `surface` is that of `slab`. Raises `ConfigError` where no layer would be left to move.
    """
    if frozen_layers == 0:
        return np.zeros(len(slab), dtype=np.bool_)
    if frozen_layers >= surface.n_layers:
        raise ConfigError(
            f"system.slab.frozen_layers is {frozen_layers}, but the slab has {surface.n_layers} layers: "
            "at least the top layer must move."
        )
    return _at_or_below(slab, surface.layer >= surface.n_layers - frozen_layers)


def bath_mask(slab: Atoms, surface: Surface, frozen_layers: int, bath_layers: int) -> BoolArray:
    """(N,) True for the deepest `bath_layers` mobile layers and the mobile hydrogen below them.

    `surface` is that of `slab`. Raises `ConfigError` where the top layer would be among them: the molecule must not be
    thermostatted through it.
    """
    lowest = frozen_layers + bath_layers
    if lowest >= surface.n_layers:
        raise ConfigError(
            f"dynamics.bath.layers is {bath_layers} above {frozen_layers} frozen layer(s), but the slab has "
            f"{surface.n_layers} layers: the top layer must stay free of the bath."
        )
    mask = _at_or_below(slab, surface.layer >= surface.n_layers - lowest)
    return mask & ~frozen_mask(slab, surface, frozen_layers)


def _at_or_below(slab: Atoms, layers: BoolArray) -> BoolArray:
    hydrogen = np.asarray(slab.numbers) == 1
    mask: BoolArray = layers | (hydrogen & (slab.positions[:, 2] < slab.positions[layers, 2].max()))
    return mask


def require_same_frozen(recorded: BoolArray | None, asked: BoolArray, pool: str, frozen_layers: int) -> None:
    """Raise `ConfigError` where the pool at `pool` was made with another set of frozen atoms than is asked for."""
    if recorded is None or np.array_equal(recorded, asked):
        return
    raise ConfigError(
        f"{pool} was equilibrated with {int(recorded.sum())} frozen atoms, system.slab.frozen_layers = {frozen_layers} "
        f"freezes {int(asked.sum())} ({int((recorded != asked).sum())} atoms differ): the dynamics must hold the atoms "
        "that equilibration held. Change frozen_layers, or equilibrate again."
    )


def moves_as_a_whole(frozen: BoolArray) -> bool:
    """Whether nothing of a structure is frozen, (N,) bool, so that its centre of mass has to be held at rest."""
    return not frozen.any()
