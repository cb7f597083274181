"""The campaign file: one strict, frozen model of everything that decides a result.

Units are in the key's name (`_angstrom`, `_ps`, `_fs`, `_ev`, `_k`, `_deg`). An unknown key is an error at every level.
"""

from molgun_lmp.config.campaign import Campaign, Dispersion, Engine, Model, Multistep
from molgun_lmp.config.dose import Dose
from molgun_lmp.config.dynamics import Bath, Dynamics, SettledRule, StopRules, Thermostat
from molgun_lmp.config.grid import EnergyAngleGrid, GridPoint
from molgun_lmp.config.gun import (
    Clearance,
    ConeDirection,
    Direction,
    FixedDirection,
    FixedEnergyKick,
    FluxKick,
    Gun,
    Height,
    IndependentComponents,
    Kick,
    NormalDirection,
    PointPlace,
    SupersonicKick,
    ThermalAllAtomsKick,
    ThermalComKick,
    UniformPlace,
)
from molgun_lmp.config.loading import LoadedCampaign, dump_yaml, load_campaign, load_section, load_yaml
from molgun_lmp.config.outcomes import OutcomeCriteria
from molgun_lmp.config.section import Section
from molgun_lmp.config.system import (
    DiatomicStates,
    Equilibration,
    HarmonicStates,
    Molecule,
    NamedStart,
    Si001Start,
    Slab,
    SmilesStart,
    StructureFile,
    SurfaceStart,
    System,
)

__all__ = [
    "Bath",
    "Campaign",
    "Clearance",
    "ConeDirection",
    "DiatomicStates",
    "Direction",
    "Dispersion",
    "Dose",
    "Dynamics",
    "EnergyAngleGrid",
    "Engine",
    "Equilibration",
    "FixedDirection",
    "FixedEnergyKick",
    "FluxKick",
    "GridPoint",
    "Gun",
    "HarmonicStates",
    "Height",
    "IndependentComponents",
    "Kick",
    "LoadedCampaign",
    "Model",
    "Molecule",
    "Multistep",
    "NamedStart",
    "NormalDirection",
    "OutcomeCriteria",
    "PointPlace",
    "Section",
    "SettledRule",
    "Si001Start",
    "Slab",
    "SmilesStart",
    "StopRules",
    "StructureFile",
    "SupersonicKick",
    "SurfaceStart",
    "System",
    "ThermalAllAtomsKick",
    "ThermalComKick",
    "Thermostat",
    "UniformPlace",
    "dump_yaml",
    "load_campaign",
    "load_section",
    "load_yaml",
]
