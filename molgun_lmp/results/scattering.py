"""What came back from the surface: the table of particles, and the means over them.

scattered.csv    one line per particle that left: energies, angles, rotation, vibration, times (docs/scattering.md)
scattering.csv   means over the particles of each kind, with intervals over snapshots
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import ConfigDict

from molgun_lmp.analysis.scattering.diatomic import Curve
from molgun_lmp.analysis.scattering.means import Mean, means
from molgun_lmp.analysis.scattering.scattered import Scattered, curves_of, scattered
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters
from molgun_lmp.analysis.statistics.estimates import clusters_of
from molgun_lmp.arrays import BoolArray
from molgun_lmp.csv_files import write_csv
from molgun_lmp.records import JsonRecord

if TYPE_CHECKING:
    from molgun_lmp.config import Campaign
    from molgun_lmp.results.decided import Ended

SCATTERED_CSV: Final = "scattered.csv"
SCATTERING_CSV: Final = "scattering.csv"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Particles(JsonRecord):
    """All particles that left, and the curves of diatomics that their numbers rest on."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    rows: tuple[Scattered, ...]
    curves: tuple[Curve, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CameBack:
    """All particles that left, the means over them, and the curves of diatomics that their numbers rest on."""

    rows: tuple[Scattered, ...]
    clusters: Clusters
    """The snapshots of each row's shot."""
    means: tuple[Mean, ...]
    curves: tuple[Curve, ...]

    def to_json(self) -> dict[str, Any]:
        """Means and curves; the particles stand in scattered.csv."""
        return {
            "particles": len(self.rows),
            "means": [dataclasses.asdict(one) for one in self.means],
            "curves": [dataclasses.asdict(one) for one in self.curves],
        }


def particles(config: "Campaign", ended: Sequence["Ended"]) -> Particles:
    """What left in the trajectories that have ended."""
    curves = curves_of([one.outcome for one in ended])
    thermostat = config.dynamics.acting_thermostat
    held = thermostat is not None and thermostat.molecule
    rows = scattered([(one.outcome, one.shot) for one in ended], curves, held=held)
    return Particles(rows=rows, curves=tuple(curves.values()))


def came_back(config: "Campaign", ended: Sequence["Ended"], left: Particles | None = None) -> CameBack:
    """What left, with the means over it; `left` where it is known already."""
    left = left or particles(config, ended)
    outcomes = {one.folder.id: one.outcome for one in ended}
    clusters = clusters_of([outcomes[row.trajectory] for row in left.rows])
    found = means(left.rows, clusters, _points(config, left.rows))
    return CameBack(rows=left.rows, clusters=clusters, means=found, curves=left.curves)


def _points(config: "Campaign", rows: Sequence[Scattered]) -> dict[str, BoolArray] | None:
    """Which rows are of each point of the gun's grid; None where it has none."""
    gun = config.gun
    if gun.grid is None:
        return None
    numbers = np.array([gun.aimed(int(row.trajectory))[0] for row in rows], dtype=np.int64)
    return {str(point): numbers == number for number, point in enumerate(gun.points)}


def write_scattering(found: CameBack, folder: Path) -> None:
    """Write both tables, numbers unrounded, the headers alone where nothing came back. Raises `OSError`."""
    names = [field.name for field in dataclasses.fields(Scattered)]
    write_csv(folder / SCATTERED_CSV, names, map(dataclasses.astuple, found.rows))
    names = [field.name for field in dataclasses.fields(Mean)]
    write_csv(folder / SCATTERING_CSV, names, map(dataclasses.astuple, found.means))
