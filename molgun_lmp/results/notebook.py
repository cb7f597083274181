"""A campaign's results in Python, for notebooks: tables, trajectories, figures, the same as the commands give."""

import csv
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.errors import CampaignError, InputFileError
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.results.analyse import OUTCOMES_CSV, TABLE_CSV, VARIANTS_CSV, Analysis, analyse
from molgun_lmp.results.ended import frames_of, planned_masses_u
from molgun_lmp.results.grid import GRID_CSV
from molgun_lmp.results.kept_minima import BINDING_CSV, QUENCH_CSV
from molgun_lmp.results.scattering import SCATTERED_CSV, SCATTERING_CSV
from molgun_lmp.results.table_files import TRUST_CSV

if TYPE_CHECKING:
    import pandas
    from ase import Atoms

    from molgun_lmp.analysis.dosing.answers import Dosing
    from molgun_lmp.analysis.statistics.summary import Summary
    from molgun_lmp.results.dosing import DoseTable

_NAMES = frozenset({"trajectory", "trajectory_id", "slab_snapshot", "molecule_snapshot", "slab_run", "molecule_run"})
"""Columns of names that may look like numbers."""


def load_campaign(folder: str | Path, *, scheme: str | None = None) -> "Results":
    """The results of a campaign folder; nothing is read of its trajectories before it is asked for.

    `scheme`: the outcome scheme to decide by, a name or a file, in place of the campaign's own. Raises `CampaignError`
    for a folder that is no campaign, `ConfigError` for a scheme that is none.
    """
    return Results(store=Store.open(Path(folder)).decided_by(scheme))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Results:
    """A campaign's results, read once and kept. To see what has ended meanwhile, load the campaign again."""

    store: Store

    @property
    def path(self) -> Path:
        """The campaign folder."""
        return self.store.root

    @functools.cached_property
    def analysis(self) -> Analysis:
        """Every outcome with its shot and result, and the table, as records; written to `analysis/` as well.

        Raises as `molgun analyse` does.
        """
        return analyse(self.store)

    @functools.cached_property
    def outcomes(self) -> "pandas.DataFrame":
        """One line per ended trajectory, indexed by its id, with the columns of `outcomes.csv`.

        `mode` is a category of all modes in their order, and so is `minimum`, the class of the minimum below the end,
        where `molgun analyse --quench` was asked. Lengths are in Å, times in ps, energies in eV.
        """
        return _with_modes(self.store.scheme, self._table(OUTCOMES_CSV).set_index("trajectory"), "mode", "minimum")

    @property
    def summary(self) -> "Summary":
        """Every mode's count, fraction and intervals, and the sticking."""
        return self.analysis.summary

    @functools.cached_property
    def table(self) -> "pandas.DataFrame":
        """The summary as a table: each mode, what is bound, and what sticks, with the columns of `table.csv`."""
        return self._table(TABLE_CSV).set_index("mode")

    @functools.cached_property
    def variants(self) -> "pandas.DataFrame":
        """How the bound molecules sit and what the broken ones became, within their classes, indexed by `mode`; the
        columns of `variants.csv`."""
        return self._table(VARIANTS_CSV).set_index("mode")

    @functools.cached_property
    def grid(self) -> "pandas.DataFrame":
        """Sticking at each point of the gun's grid, indexed by energy (eV) and polar angle (degrees), with the columns
        of `grid.csv`. Raises `CampaignError` where the gun has no grid."""
        if self.analysis.grid is None:
            raise CampaignError(f"{self.path} fires one energy and angle, or a law's: its file has no gun.grid.")
        return self._table(GRID_CSV).set_index(["energy_ev", "polar_deg"])

    @functools.cached_property
    def dosing(self) -> "Dosing":
        """What chains of doses say, as records; `sentences()` are the short answers. Raises `CampaignError` for a
        campaign without chains."""
        if self.analysis.dosing is None:
            raise CampaignError(f"{self.path} fires its shots one by one: its file has no section `dose`.")
        return self.analysis.dosing

    def doses(self, table: "DoseTable" = "doses") -> "pandas.DataFrame":
        """A table of a campaign of chains: `doses` (one line per shot), `dose_molecules`, `dose_changes`,
        `dose_coverage`, `uptake`, `uptake_fit`, `dose_sites`, `dose_neighbours` or `dose_tendency`, with the columns of
        that CSV file. Raises as `dosing`."""
        _ = self.dosing
        return self._read(self.store.analysis / f"{table}.csv")

    @functools.cached_property
    def scattered(self) -> "pandas.DataFrame":
        """One line per particle that left the surface, indexed by its trajectory, with the columns of `scattered.csv`:
        energies in eV, angles in degrees, times in ps, angular momenta in ħ; missing where it was not in free flight.
        """
        return _with_modes(self.store.scheme, self._table(SCATTERED_CSV).set_index("trajectory"), "mode")

    @functools.cached_property
    def scattering(self) -> "pandas.DataFrame":
        """Means over these, with 95 % intervals over snapshots, indexed by `what` and `quantity`; the columns of
        `scattering.csv`."""
        return self._table(SCATTERING_CSV).set_index(["what", "quantity"])

    @functools.cached_property
    def minima(self) -> "pandas.DataFrame":
        """The minimum below each end, indexed by its trajectory, with the columns of `quench.csv`.

        Energies are in eV: of the whole, of its slab and its molecule alone, and the binding energy, their difference.

        Raises `CampaignError` where `molgun analyse --quench` was not asked yet.
        """
        return _with_modes(self.store.scheme, self._asked(QUENCH_CSV).set_index("trajectory_id"), "mode", "mode_at_end")

    @functools.cached_property
    def binding(self) -> "pandas.DataFrame":
        """Binding energies by mode of the minimum, in eV, with the columns of `binding.csv`. Raises as `minima`."""
        return self._asked(BINDING_CSV).set_index("mode")

    @functools.cached_property
    def trust(self) -> "pandas.DataFrame":
        """How far each trajectory went from the training data, indexed by its id, with the columns of `trust.csv`.

        Raises `CampaignError` where `molgun trust` was not asked yet.
        """
        file = self.store.analysis / TRUST_CSV
        if not file.is_file():
            raise CampaignError(f"{file} is not there: `molgun trust {self.path} --model ...` writes it.")
        return self._read(file).set_index("trajectory_id")

    def trajectory(self, identifier: int | str) -> "list[Atoms]":
        """The stored frames of one trajectory, slab first, unwrapped, with `info["time_ps"]`, and with velocities where
        they were stored.

        Raises `CampaignError` for one that was not planned or has not ended, `InputFileError` for a damaged dump.
        """
        return list(self.frames(identifier))

    def frames(self, identifier: int | str) -> "Iterator[Atoms]":
        """The stored frames of one trajectory as `trajectory` gives them, one at a time."""
        folder, timestep_ps = self._folder(identifier), self.store.config().dynamics.timestep_fs / 1000.0
        result = folder.result()
        if result is None:
            raise CampaignError(
                f"trajectory {folder.id} has not ended: `molgun run {self.store.root} --only {folder.id}` fires it."
            )
        masses = planned_masses_u(folder) if self.store.config().system.molecule.isotopes else None
        for frame in frames_of(folder, result):
            atoms = frame.atoms()
            if masses is not None:
                velocities = atoms.get_velocities()
                atoms.set_masses(masses)
                if frame.velocities is not None:
                    atoms.set_velocities(velocities)  # ASE keeps momenta
            atoms.positions = frame.unwrapped
            atoms.info.update(trajectory=folder.id, step=frame.step, time_ps=frame.step * timestep_ps)
            yield atoms

    def report(self) -> Path:
        """Draw the figures, write the page, and give its path. Raises as `molgun report` does."""
        from molgun_lmp.results.report import report  # noqa: PLC0415

        return report(self.store, self.analysis)

    def _folder(self, identifier: int | str) -> TrajectoryFolder:
        return self.store.select([str(identifier)])[0]

    def _asked(self, name: str) -> "pandas.DataFrame":
        _ = self.analysis  # which leaves out what was fired again since
        if not (self.store.analysis / name).is_file():
            raise CampaignError(
                f"no end of {self.path} was minimised, so that there is no binding energy: `molgun analyse {self.path} "
                "--quench` does it."
            )
        return self._read(self.store.analysis / name)

    def _table(self, name: str) -> "pandas.DataFrame":
        _ = self.analysis  # which writes the file
        return self._read(self.store.analysis / name)

    @staticmethod
    def _read(file: Path) -> "pandas.DataFrame":
        import pandas  # noqa: PLC0415

        try:
            with file.open(newline="", encoding="utf-8") as handle:
                header, *rows = csv.reader(handle)
        except (OSError, ValueError) as error:
            raise InputFileError(f"cannot read {file}: {error}. Analyse the campaign again.") from error
        return pandas.DataFrame(
            {
                title: column if title in _NAMES else _values(column)
                for title, column in zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True)
            }
        )

    def __repr__(self) -> str:
        manifest = self.store.manifest
        return (
            f"<campaign {manifest.name}: {manifest.trajectories} trajectories, {manifest.level_of_theory}, {self.path}>"
        )

    def _repr_html_(self) -> str:
        """In a notebook: its name and its table."""
        from markupsafe import escape  # noqa: PLC0415

        shown: Any = self.table[["count", "shots", "fraction", "cluster_low", "cluster_high"]]
        return f"<p>{escape(repr(self))}</p>{shown.to_html(float_format='{:.3f}'.format)}"


def _with_modes(scheme: OutcomeScheme, table: "pandas.DataFrame", *columns: str) -> "pandas.DataFrame":
    """The table with these columns as categories of all modes in their order; missing where there is none."""
    import pandas  # noqa: PLC0415

    known = [mode.label for mode in scheme.modes]
    for column in columns:
        table[column] = pandas.Categorical([text if text in known else None for text in table[column]], known)
    return table


def _values(column: Sequence[str]) -> list[Any]:
    """A column of a file as what all its texts are, exactly: flags, whole numbers, numbers (NaN if empty), or texts."""
    if set(column) <= {"True", "False"}:
        return [text == "True" for text in column]
    for kind in (int, float):
        try:
            return [kind(text) if text or kind is int else float("nan") for text in column]
        except ValueError:
            continue
    return list(column)
