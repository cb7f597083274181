"""How hot the snapshots of a pool are, and whether thermal structures can be so: wrong units show here first."""

import dataclasses

import numpy as np
from scipy.special import chdtri

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.equilibration_output import kinetic_temperature_k
from molgun_lmp.gun.setup import Setup
from molgun_lmp.surface.frozen import moves_as_a_whole

_COLDEST_K, _HOTTEST_K = 1.0, 5000.0
_FAR = 5.0
"""Between the pool and its protocol: what a pool from elsewhere may be off, and no wrong unit is so near."""
_BY_CHANCE = 1e-6
_SIGMAS = 3.0
_ALIKE = 0.05
"""Of the temperature: a difference that does not matter, whatever chance allows."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PoolTemperature:
    """`part`: slab or molecule; `snapshots_k` (S,): the kinetic temperature of each snapshot's mobile atoms, which have
    `freedom` degrees of it each; `ids`: the snapshots' names."""

    part: str
    ids: tuple[str, ...]
    snapshots_k: FloatArray
    freedom: int

    @property
    def mean_k(self) -> float:
        """Over all snapshots."""
        return float(self.snapshots_k.mean())

    def other_than(self, protocol_k: float) -> str:
        """A warning where the pool is not at the temperature of its protocol, though so many snapshots should be."""
        chance = _SIGMAS * protocol_k * float(np.sqrt(2.0 / (self.freedom * len(self.ids))))
        if abs(self.mean_k - protocol_k) <= chance + _ALIKE * protocol_k:
            return ""
        return (
            f"WARNING: the {self.part} pool is at {self.mean_k:.0f} K, and the campaign says {protocol_k:g} K "
            f"(system.equilibration.temperature_k), which so many snapshots are within {chance:.0f} K of. Shots start "
            "as warm as their snapshots: equilibrate again, or say the temperature that is meant."
        )

    def sentence(self) -> str:
        """`slab 92 to 104 K (mean 98 K)`."""
        low, high = float(self.snapshots_k.min()), float(self.snapshots_k.max())
        return f"{self.part} {low:.0f} to {high:.0f} K (mean {self.mean_k:.0f} K)"


def pool_temperatures(setup: Setup) -> tuple[PoolTemperature, ...]:
    """Of the slab and of the molecule, whose centre of mass is at rest; an atom alone has none."""
    mobile, masses = ~setup.slab.frozen, setup.slab.masses_u
    held = 3 if moves_as_a_whole(setup.slab.frozen) else 0
    found = (
        _temperature("slab", setup.slab.ids, setup.slab.velocities[:, mobile], masses[mobile], constrained=held),
        _temperature("molecule", setup.molecule.ids, setup.molecule.velocities, setup.molecule.masses_u, constrained=3),
    )
    return tuple(one for one in found if one.freedom > 0)


def require_thermal(pools: tuple[PoolTemperature, ...], protocol_k: float) -> None:
    """Raises `InputFileError` for a pool, or a snapshot, that no equilibration at `protocol_k` leaves.

    What the few degrees of freedom of a small molecule may show by chance (chi-squared) is no reason.
    """
    for pool in pools:
        why = _why_not(pool.mean_k, pool.freedom * len(pool.ids), protocol_k)
        if why:
            raise _not_thermal(
                f"the {pool.part} pool has a kinetic temperature of {pool.mean_k:.3g} K, {why}", protocol_k
            )
        for name, temperature_k in zip(pool.ids, pool.snapshots_k.tolist(), strict=True):
            low, high = _range(pool.freedom, pool.mean_k)
            if (temperature_k < _COLDEST_K and temperature_k < low) or (
                temperature_k > _HOTTEST_K and temperature_k > high
            ):
                raise _not_thermal(
                    f"snapshot {name} of the {pool.part} pool has a kinetic temperature of {temperature_k:.3g} K, and "
                    f"all of them {pool.mean_k:.3g} K on average",
                    protocol_k,
                )


def _temperature(
    part: str, ids: tuple[str, ...], velocities: FloatArray, masses: FloatArray, constrained: int
) -> PoolTemperature:
    return PoolTemperature(
        part=part,
        ids=ids,
        snapshots_k=np.array([kinetic_temperature_k(snapshot, masses, constrained) for snapshot in velocities]),
        freedom=3 * len(masses) - constrained,
    )


def _why_not(mean_k: float, freedom: int, protocol_k: float) -> str:
    if not _COLDEST_K <= mean_k <= _HOTTEST_K:
        return f"outside {_COLDEST_K:g} to {_HOTTEST_K:g} K"
    low, high = _range(freedom, protocol_k)
    return "" if low / _FAR <= mean_k <= high * _FAR else f"far from the {protocol_k:g} K of its protocol"


def _range(freedom: int, temperature_k: float) -> tuple[float, float]:
    """What the kinetic temperature of so many degrees of freedom is, but for one case in a million on either side."""
    low, high = chdtri(freedom, (1.0 - _BY_CHANCE, _BY_CHANCE)) / freedom
    return temperature_k * float(low), temperature_k * float(high)


def _not_thermal(what: str, protocol_k: float) -> InputFileError:
    return InputFileError(
        f"{what}. Its velocities may be in other units than the file says: LAMMPS files are taken as metal where they "
        "name none (ITEM: UNITS, or `units = real` in a data file's first line), POSCAR as Å/fs. A pool of another "
        f"temperature is taken when the campaign says so: system.equilibration.temperature_k (now {protocol_k:g})."
    )
