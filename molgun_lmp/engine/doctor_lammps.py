"""`molgun doctor --lmp`: what one LAMMPS has, and which targets it can run, of a campaign where one is given."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from molgun_lmp.config import Dispersion
from molgun_lmp.engine.doctor import Finding
from molgun_lmp.engine.lammps_build import LammpsBuild
from molgun_lmp.engine.multistep import NOT_SENT
from molgun_lmp.engine.target_needs import target_obstacle, with_include
from molgun_lmp.engine.targets import LammpsTarget, check_model, load_target, target_names
from molgun_lmp.errors import ConfigError, ModelError
from molgun_lmp.model_formats import MODEL_FORMATS, Dtype
from molgun_lmp.models.card import ModelCard

_PACKAGES: Final = ("PLUGIN", "ML-MACE", "ML-IAP", "PYTHON", "KOKKOS")
"""Those that targets need."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CampaignNeeds:
    """What of a campaign decides where it can be sent."""

    card: ModelCard
    dtype: Dtype
    elements: Sequence[str]
    dispersion: Dispersion | None
    deck: str
    """The text of one deck: ensemble, thermostat and stop rules are in it."""
    include: str
    """Its engine.in."""
    multistep: bool = False
    """Whether an inner model acts at most steps."""


def lammps_findings(program: str, build: LammpsBuild) -> list[Finding]:
    """What it has."""
    kokkos = f", KOKKOS with {' and '.join(build.backends)}" if build.backends else ""
    has = [name for name in _PACKAGES if name in build.packages]
    lacks = [name for name in _PACKAGES if name not in build.packages]
    return [
        Finding(name="lammps", status="ok", found=build.version, follows=program),
        Finding(
            name="packages",
            status="ok",
            found=f"{len(build.packages)}, of those that matter here {', '.join(has) or 'none'}{kokkos}",
            follows=f"not {', '.join(lacks)}" if lacks else "",
        ),
        Finding(name="mpi", status="ok" if build.mpi else "warn", found=build.mpi or "it does not say", follows=""),
    ]


def target_findings(build: LammpsBuild, campaign: CampaignNeeds | None = None) -> list[Finding]:
    """One for each target of this package: yes, or no with why and what to do."""
    return [_answer(name, load_target(name), build, campaign) for name in target_names()]


def _answer(name: str, target: LammpsTarget, build: LammpsBuild, campaign: CampaignNeeds | None) -> Finding:
    obstacle = _unsendable(target, campaign) or target_obstacle(
        target if campaign is None else with_include(target, campaign.include),
        build,
        dispersion=None if campaign is None else campaign.dispersion,
        deck="" if campaign is None else campaign.deck,
    )
    if obstacle is not None:
        return Finding(name=f"target {name}", status="missing", found="no", follows=f"because {obstacle}")
    return Finding(name=f"target {name}", status="ok", found="yes", follows=" ".join(_conditions(target)))


def _unsendable(target: LammpsTarget, campaign: CampaignNeeds | None) -> str | None:
    if campaign is None:
        return None
    if campaign.multistep:
        return NOT_SENT
    try:
        check_model(target, campaign.card, campaign.dtype, campaign.elements, campaign.dispersion)
    except (ConfigError, ModelError) as error:
        return str(error)
    return None


def _conditions(target: LammpsTarget) -> list[str]:
    said = list(target.notes)
    if target.model is not None and (ends := MODEL_FORMATS[target.model].ends):
        said.append(f"{target.model}: {ends}.")
    return said
