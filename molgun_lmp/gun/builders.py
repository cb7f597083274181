"""The structures that equilibration starts from: a buckled Si(001) slab, a plain surface, a molecule by its name or
SMILES string, or any file that ASE reads."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import ase.build
import numpy as np
from ase import Atoms
from ase.collections import g2
from ase.data import atomic_numbers

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import NamedStart, Si001Start, SmilesStart, StructureFile, SurfaceStart
from molgun_lmp.errors import ConfigError, GeometryError
from molgun_lmp.gun.cell import BOTTOM_Z_ANGSTROM
from molgun_lmp.gun.smiles import build_smiles
from molgun_lmp.readers.structure import read_structure

DIMER_LENGTH_ANGSTROM: Final = 2.30
DIMER_TILT_DEG: Final = 17.5
BACK_BOND_STRETCH: Final = 1.022
SI_H_ANGSTROM: Final = 1.48
VACUUM_ANGSTROM: Final = 20.0
_GRAPHENE_ANGSTROM: Final = 2.46

# Lateral offset of successive layers in units of the surface cell, from the top down: two bonds along x, two along y.
_OFFSETS: Final = ((0.5, 0.0), (0.0, 0.0), (0.0, 0.5), (0.5, 0.5))


def build_slab(start: Si001Start | SurfaceStart | StructureFile, resolve: Callable[[Path], Path]) -> Atoms:
    """The slab that a campaign file asks for; `resolve` turns a path of that file into an absolute one."""
    match start:
        case StructureFile():
            return read_structure(resolve(start.path))
        case Si001Start():
            return build_si001(start)
        case SurfaceStart():
            return build_surface(start)


def build_molecule(start: StructureFile | SmilesStart | NamedStart, resolve: Callable[[Path], Path]) -> Atoms:
    """The molecule that a campaign file asks for; `resolve` turns a path of that file into an absolute one."""
    match start:
        case StructureFile():
            return read_structure(resolve(start.path))
        case SmilesStart():
            return build_smiles(start)
        case NamedStart():
            return build_named(start.name)


def build_named(name: str) -> Atoms:
    """An atom, or a molecule that ASE knows by its formula. Raises `ConfigError` for another name."""
    if atomic_numbers.get(name, 0) > 0:
        return Atoms(name, positions=[[0.0, 0.0, 0.0]])
    if name not in g2.names:
        near = difflib.get_close_matches(name, [*g2.names], n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "."
        raise ConfigError(
            f"system.molecule.start: {name!r} is no chemical symbol, and no molecule that ASE knows by that name{hint} "
            "Any other molecule starts from a file or a SMILES string."
        )
    return Atoms(g2[name].get_chemical_symbols(), positions=g2[name].positions)


def build_surface(start: SurfaceStart) -> Atoms:
    """A slab of a plain surface: lowest atom at z = 1 Å, 20 Å of vacuum above, periodic along x, y and z.

    Raises `GeometryError` for a surface that ASE cannot build, such as one of an element whose lattice constant it
    does not know, and for one that LAMMPS takes in no cell.
    """
    size = (*start.size, start.layers)
    constants = {"a": start.lattice_constant_angstrom}
    if start.kind == "hcp0001":
        constants["c"] = start.c_angstrom
    try:
        if start.kind == "graphene":
            a = start.lattice_constant_angstrom or _GRAPHENE_ANGSTROM
            slab = ase.build.graphene(f"{start.element}2", size=(*start.size, 1), a=a)
        else:
            slab = getattr(ase.build, start.kind)(start.element, size=size, **constants)
    except (ValueError, KeyError) as error:
        raise GeometryError(
            f"system.slab.start: no {start.kind} surface of {start.element} with {start.size[0]} x {start.size[1]} "
            f"cells and {start.layers} layers: {error}. Give lattice_constant_angstrom where ASE knows none, or a file."
        ) from error
    positions = slab.positions - [0.0, 0.0, slab.positions[:, 2].min() - BOTTOM_Z_ANGSTROM]
    cell = slab.cell[:].copy()
    cell[2] = [0.0, 0.0, positions[:, 2].max() + VACUUM_ANGSTROM]
    return Atoms(slab.get_chemical_symbols(), positions=positions, cell=cell, pbc=True)


def build_si001(start: Si001Start) -> Atoms:
    """A Si(001) slab: buckled dimers on top, the lowest layer saturated with two H per Si.

    Dimers lie along y, their rows along x. Arrays: `layer` (0 for the top, the H below counts as one layer more) and
    `dimer` (0, 1, ... or -1). Lowest atom at z = 1 Å, 20 Å of vacuum above, periodic along x, y and z.

    Dimers are 2.30 Å long and tilted by 17.5°. Back bonds 2 % longer than the bulk's (the second layer is left where
    the bulk has it) fix the heights of both ends. Raises `GeometryError` for a size that the reconstruction does not
    fit on.
    """
    along, across = start.size
    period_across = 2 if start.reconstruction == "p(2x2)" else 4
    if along % 2 or across % period_across:
        raise GeometryError(
            f"a {start.reconstruction} reconstruction does not fit on a {along}x{across} Si(001) cell: the first "
            f"number must be even and the second a multiple of {period_across}. Change system.slab.start.size."
        )
    a = start.lattice_constant_angstrom
    side, spacing = a / np.sqrt(2.0), a / 4.0
    i, j = (index.ravel() for index in np.meshgrid(np.arange(along), np.arange(across), indexing="xy"))
    layers = []
    for depth in range(start.layers - 1, -1, -1):
        dx, dy = _OFFSETS[depth % 4]
        height = np.full(len(i), -depth * spacing)
        layers.append(np.column_stack(((i + dx) * side, (j + dy) * side, height)))
    antiphase = j // 2 if start.reconstruction == "c(4x2)" else 0 * j
    layers[-1] = _dimerised(layers[-1], second_of_pair=j % 2 == 1, up=(i + j + antiphase) % 2 == 0, a=a)
    hydrogen = _saturation(layers[0], side, along_y=start.layers % 2 == 0)

    positions = np.vstack([*layers, hydrogen])
    positions[:, 2] += BOTTOM_Z_ANGSTROM - positions[:, 2].min()
    per_layer = along * across
    slab = Atoms(
        symbols=["Si"] * (per_layer * start.layers) + ["H"] * len(hydrogen),
        positions=positions,
        cell=[along * side, across * side, positions[:, 2].max() + VACUUM_ANGSTROM],
        pbc=True,
    )
    depth_of = np.repeat(np.arange(start.layers - 1, -1, -1), per_layer)
    slab.new_array("layer", np.concatenate((depth_of, np.full(len(hydrogen), start.layers))))
    dimer = np.full(len(slab), -1)
    dimer[slab.arrays["layer"] == 0] = (j // 2) * along + i
    slab.new_array("dimer", dimer)
    return slab


def _dimerised(top: FloatArray, second_of_pair: BoolArray, up: BoolArray, a: float) -> FloatArray:
    """The bulk-like top layer (n, 3) with its pairs drawn together along y, one end up and one down."""
    side = a / np.sqrt(2.0)
    tilt = np.radians(DIMER_TILT_DEG)
    approach = side - DIMER_LENGTH_ANGSTROM * np.cos(tilt)  # by how much both ends together move along y
    rise = DIMER_LENGTH_ANGSTROM * np.sin(tilt)
    # Seen along the row, both ends lie on one circle around their second-layer atoms, of which (approach, rise) is a
    # chord.
    radius = np.sqrt((BACK_BOND_STRETCH * a * np.sqrt(3.0) / 4.0) ** 2 - (side / 2.0) ** 2)
    chord = np.hypot(approach, rise)
    from_centre = np.sqrt(radius**2 - chord**2 / 4.0) / chord
    shift_up = approach / 2.0 - from_centre * rise
    height_up = rise / 2.0 + from_centre * approach
    shift = np.where(up, shift_up, approach - shift_up)
    moved = top.copy()
    moved[:, 1] += np.where(second_of_pair, -shift, shift)
    moved[:, 2] = -a / 4.0 + np.where(up, height_up, height_up - rise)
    return moved


def _saturation(lowest: FloatArray, side: float, along_y: bool) -> FloatArray:
    """Two H below each atom of the lowest layer, in the directions of its two broken bonds, as (2n, 3) Å."""
    outward = SI_H_ANGSTROM * np.sqrt(2.0 / 3.0)  # the tetrahedral bond: sin and cos of 54.7 degrees
    below = SI_H_ANGSTROM / np.sqrt(3.0)
    sideways = np.array([0.0, outward, 0.0]) if along_y else np.array([outward, 0.0, 0.0])
    down = np.array([0.0, 0.0, -below])
    pairs: FloatArray = np.stack((lowest + sideways + down, lowest - sideways + down), axis=1).reshape(-1, 3)
    return pairs
