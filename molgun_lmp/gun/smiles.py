"""A molecule from a SMILES string, and the SMILES string of a molecule: RDKit, an optional extra.

A string without marks of stereochemistry stands for several molecules, and each of them has conformers: what is built
is the isomer that was asked for, in the lowest conformer that was found.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from ase import Atoms
from ase.units import kcal, mol

from molgun_lmp.config import SmilesStart
from molgun_lmp.errors import ConfigError

ANY_ISOMER: Final = "any"
_MOST_ISOMERS: Final = 32
_TRIES: Final = 30
"""To find out whether an isomer has a geometry at all: of a bicycle many have none, and RDKit tries for half a minute.
"""
_SAME_EV: Final = 1e-4
_MAXIMAL_ITERATIONS: Final = 5000


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Conformers:
    """The conformers of one isomer: `energies_ev` relative to nothing, None where no force field has parameters."""

    smiles: str
    molecule: Any
    numbers: tuple[int, ...]
    energies_ev: tuple[float, ...] | None


def build_smiles(start: SmilesStart) -> Atoms:
    """The lowest conformer of a molecule: distance geometry, each relaxed with MMFF94 where that has parameters.

    Its `info` holds `smiles`, the canonical isomeric SMILES string, and `chosen`, of how many conformers and isomers it
    is the lowest and how far the others lie. Raises `ConfigError` without RDKit, for a string that RDKit cannot read or
    embed, and where the string leaves open which isomer is meant and `start.isomer` does not say.
    """
    try:
        from rdkit import Chem  # noqa: PLC0415 (an optional extra)
    except ImportError as error:
        raise ConfigError(
            "system.molecule.start.kind is `smiles`, which needs RDKit: install the extra with "
            "pip install 'molgun_lmp[smiles]', or give the structure as a file."
        ) from error
    parsed = Chem.MolFromSmiles(start.smiles)
    if parsed is None or parsed.GetNumAtoms() == 0:
        raise ConfigError(f"system.molecule.start.smiles: RDKit cannot read {start.smiles!r}. Check the string.")
    isomers = _isomers(parsed, start.seed)
    if not isomers:
        raise ConfigError(
            f"system.molecule.start.smiles: RDKit finds no geometry for {start.smiles!r} from seed {start.seed}. "
            "Try another seed, or give the structure as a file."
        )
    found = [_relaxed(isomers[name], name, start) for name in _asked(list(isomers), start)]
    best = min(found, key=lambda one: min(one.energies_ev) if one.energies_ev else 0.0)
    number = best.numbers[int(np.argmin(best.energies_ev))] if best.energies_ev else best.numbers[0]
    return Atoms(
        symbols=[atom.GetSymbol() for atom in best.molecule.GetAtoms()],
        positions=best.molecule.GetConformer(number).GetPositions(),
        info={"smiles": best.smiles, "chosen": _sentence(best, found)},
    )


def smiles_of(molecule: Atoms) -> str | None:
    """The canonical isomeric SMILES string of a neutral molecule, from its positions alone.

    None where RDKit is not installed, or finds no bonds that every atom's valence allows.
    """
    try:
        from rdkit import Chem, rdBase  # noqa: PLC0415 (an optional extra)
        from rdkit.Chem import rdDetermineBonds  # noqa: PLC0415
    except ImportError:
        return None
    editable = Chem.RWMol()
    conformer = Chem.Conformer(len(molecule))
    for number, (symbol, position) in enumerate(zip(molecule.symbols, molecule.positions.tolist(), strict=True)):
        editable.AddAtom(Chem.Atom(symbol))
        conformer.SetAtomPosition(number, position)
    editable.AddConformer(conformer)
    quiet = rdBase.BlockLogs()
    try:
        rdDetermineBonds.DetermineBonds(editable, charge=0, maxIterations=_MAXIMAL_ITERATIONS)
        Chem.AssignStereochemistryFrom3D(editable)
        return str(Chem.MolToSmiles(Chem.RemoveHs(editable)))
    except (ValueError, RuntimeError):  # a radical, a metal, a charge
        return None
    finally:
        del quiet


def _isomers(parsed: Any, seed: int) -> dict[str, Any]:
    """Canonical SMILES -> molecule with hydrogen, of each isomer that the string leaves open and can exist."""
    from rdkit import Chem  # noqa: PLC0415
    from rdkit.Chem.EnumerateStereoisomers import (  # noqa: PLC0415
        EnumerateStereoisomers,
        StereoEnumerationOptions,
    )

    unmarked = [
        place for place in Chem.FindPotentialStereo(parsed) if place.specified == Chem.StereoSpecified.Unspecified
    ]
    enumerate_isomers: Any = EnumerateStereoisomers
    options_of: Any = StereoEnumerationOptions  # without types
    options = options_of(unique=True, onlyUnassigned=True, maxIsomers=_MOST_ISOMERS)
    candidates = list(enumerate_isomers(parsed, options)) if unmarked else [parsed]
    possible = {}
    for candidate in candidates:
        molecule = Chem.AddHs(candidate)
        tries = _TRIES if len(candidates) > 1 else 0
        if _embed(molecule, 1, seed, tries):
            possible[str(Chem.MolToSmiles(candidate))] = molecule
    return possible


def _asked(isomers: list[str], start: SmilesStart) -> list[str]:
    """Those of the isomers that the campaign file means."""
    from rdkit import Chem  # noqa: PLC0415

    listed = ", ".join(isomers)
    if start.isomer == ANY_ISOMER:
        return isomers
    if start.isomer is None:
        if len(isomers) > 1:
            raise ConfigError(
                f"system.molecule.start.smiles: {start.smiles!r} leaves open which isomer is meant: {listed}. Give one "
                f"of these as system.molecule.start.isomer (or as the string itself), or `{ANY_ISOMER}` for the lowest "
                "of them all."
            )
        return isomers
    named = Chem.MolFromSmiles(start.isomer)
    canonical = None if named is None else str(Chem.MolToSmiles(named))
    if canonical not in isomers:
        raise ConfigError(
            f"system.molecule.start.isomer: {start.isomer!r} is none of the isomers of {start.smiles!r}, which are "
            f"{listed}. Give one of them, or `{ANY_ISOMER}`."
        )
    return [canonical]


def _embed(molecule: Any, count: int, seed: int, tries: int = 0) -> list[int]:
    """Conformers by distance geometry, their numbers; `tries` 0: as often as RDKit wants."""
    from rdkit.Chem import rdDistGeom  # noqa: PLC0415

    def some(number: int, *, random: bool, more: bool) -> list[int]:
        found = rdDistGeom.EmbedMultipleConfs(
            molecule,
            numConfs=number,
            maxAttempts=tries,
            randomSeed=seed + 1,  # it multiplies the seed with a conformer's number: with 0 all are the same
            clearConfs=not more,
            useRandomCoords=random,
            # RDKit's "basic knowledge" holds that triple bonds are straight, and finds no geometry for a cyclooctyne.
            useBasicKnowledge=False,
        )
        return [int(one) for one in found]

    # From random coordinates strained rings are found, and chains never stretched out; from distances the reverse.
    strained = some((count + 1) // 2, random=True, more=False)
    return [*strained, *some(count // 2, random=False, more=True)] if count > 1 else strained


def _relaxed(molecule: Any, smiles: str, start: SmilesStart) -> _Conformers:
    """Conformers of one isomer, relaxed with MMFF94; those that became another isomer on the way are left out."""
    from rdkit import Chem  # noqa: PLC0415
    from rdkit.Chem import rdForceFieldHelpers  # noqa: PLC0415

    numbers = _embed(molecule, start.conformers, start.seed)
    energies: Sequence[float] | None = None
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
        relaxed = rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(molecule, maxIters=2000)
        energies = [float(energy) * kcal / mol for _, energy in relaxed]
    kept = []
    for place, number in enumerate(numbers):
        seen = Chem.Mol(molecule)
        Chem.AssignStereochemistryFrom3D(seen, confId=number, replaceExistingTags=True)
        if Chem.MolToSmiles(Chem.RemoveHs(seen)) == Chem.MolToSmiles(Chem.RemoveHs(molecule)):
            kept.append(place)
    if not kept:
        raise ConfigError(
            f"system.molecule.start.smiles: no conformer of {smiles} stays that isomer when it is relaxed. Give the "
            "structure as a file."
        )
    return _Conformers(
        smiles=smiles,
        molecule=molecule,
        numbers=tuple(numbers[place] for place in kept),
        energies_ev=None if energies is None else tuple(energies[place] for place in kept),
    )


def _sentence(best: _Conformers, found: Sequence[_Conformers]) -> str:
    if best.energies_ev is None:
        return f"one of {len(best.numbers)} conformers, none relaxed: MMFF94 has no parameters for it"
    lowest = min(best.energies_ev)
    above = sorted(energy - lowest for energy in best.energies_ev if energy - lowest > _SAME_EV)
    others = f", the others up to {above[-1]:.3f} eV above" if above else ", all the same"
    isomers = "; ".join(
        f"{one.smiles} {min(one.energies_ev) - lowest:.3f} eV above"
        for one in found
        if one is not best and one.energies_ev
    )
    return f"the lowest of {len(best.numbers)} conformers by MMFF94{others}{f'; {isomers}' if isomers else ''}"
