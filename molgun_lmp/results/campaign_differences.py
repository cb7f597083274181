"""What differs between campaigns besides their outcomes, and whether they are of one system."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from molgun_lmp.analysis.report.paper import is_paper_system
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.integrity import leaves
from molgun_lmp.campaign.store.planned_start import planned_start
from molgun_lmp.errors import InputFileError
from molgun_lmp.geometry import formula_of
from molgun_lmp.results.ended import clean_surface

_SAME_AREA: Final = 0.05
"""Of itself: lattice constants of two models differ by less, two faces of one crystal with as many atoms by more."""
_SECTIONS: Final = {
    "gun": {"preset"},
    "dynamics": {"dump_every_steps", "thermo_every_steps", "checkpoint_every_steps"},
    "stop": {"check_every_steps"},
    "outcomes": {"scheme"},
    "dose": {"chains"},
}
"""Sections of the campaign file whose values are compared, without what changes no outcome or is said by its name."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CampaignFacts:
    """`molecule` and `slab`: formulas, the molecule's empty where no shot was planned; `area` Å² of the cell's surface;
    `conditions`: what was fired how, such as {"engine": "symmetrix float32", "gun.kick.energy_ev": "0.5"}."""

    molecule: str
    slab: str
    area: float
    conditions: Mapping[str, str]
    paper_system: bool = False
    """Whether molecule and surface are the reference paper's."""

    @classmethod
    def of(cls, store: Store) -> "CampaignFacts":
        """Of a planned campaign. Raises `CampaignError`, `ConfigError`."""
        config, slab = store.config(), store.clean_slab
        first = next(iter(store.trajectories()), None)
        n_slab, molecule, paper_system = store.manifest.n_slab, "", False
        if first is not None:
            symbols = planned_start(first, clean_surface(store)).symbols
            molecule = formula_of(symbols[n_slab:])
            paper_system = is_paper_system(symbols, n_slab, config.system.molecule.groups)
        conditions = {
            "isotopes": _shown(config.system.molecule.isotopes or None),
            "model": store.manifest.model,
            "dispersion": "none" if config.model.dispersion is None else config.model.dispersion.functional,
            "engine": str(store.manifest.engine),
            "temperature of the pools / K": _shown(config.system.equilibration.temperature_k),
            "scheme": store.scheme.name,
        }
        for section, left_out in _SECTIONS.items():
            of_file = getattr(config, section)
            values = {} if of_file is None else of_file.model_dump(mode="json", exclude=left_out)
            conditions |= {f"{section}.{key}": _shown(value) for key, value in leaves(values) if value is not None}
        return cls(
            molecule=molecule,
            slab=formula_of(slab.get_chemical_symbols()),
            area=float(np.linalg.norm(np.cross(slab.cell[0], slab.cell[1]))),
            conditions=conditions,
            paper_system=paper_system,
        )

    def is_same_surface(self, other: "CampaignFacts") -> bool:
        """Whether both slabs have the same atoms over the same area, as far as lattice constants differ."""
        return self.slab == other.slab and abs(self.area / other.area - 1.0) < _SAME_AREA

    def rows(self) -> Mapping[str, str]:
        """All of it in words, what makes the system first."""
        return {
            "molecule": self.molecule or "no shot was planned",
            "surface": f"{self.slab}, {self.area:.4g} Å²",
            **self.conditions,
        }


def require_one_system(named: Sequence[tuple[str, CampaignFacts]]) -> None:
    """Raises `InputFileError` where campaigns are of another molecule or surface than the first."""
    for name, facts in named[1:]:
        reference, first = named[0]
        wrong = [
            f"{what}, {ours} and {theirs}"
            for what, ours, theirs, same in (
                (
                    "molecules",
                    first.molecule,
                    facts.molecule,
                    not facts.molecule or first.molecule in {"", facts.molecule},
                ),
                ("surfaces", first.rows()["surface"], facts.rows()["surface"], first.is_same_surface(facts)),
            )
            if not same
        ]
        if wrong:
            raise InputFileError(
                f"{reference} and {name} have different {'; and different '.join(wrong)}: p values between different "
                "systems say nothing about a model or a beam. Compare campaigns of one system, or ask for it with "
                "--different-systems."
            )


def differences(named: Sequence[tuple[str, CampaignFacts]]) -> dict[str, dict[str, str]]:
    """What is not the same in all: what -> campaign -> its value; empty where all are alike."""
    every = {name: facts.rows() for name, facts in named}
    keys = dict.fromkeys(key for rows in every.values() for key in rows)
    found = {key: {name: rows.get(key, "none") for name, rows in every.items()} for key in keys}
    return {key: values for key, values in found.items() if len(set(values.values())) > 1}


def _shown(value: object) -> str:
    """As a line has it: `0.5`, `[0.5, 1]`, `none`."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)
