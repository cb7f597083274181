"""Every kind of file that is read as a strict section: what `molgun schema` calls it, and the section."""

import importlib
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from molgun_lmp.config.section import Section

FileKind: TypeAlias = Literal[
    "campaign", "training", "label", "loop", "distillation", "cp2k", "scheme", "foreign-files", "site", "target"
]

FILE_KINDS: Final[Mapping[FileKind, str]] = {
    "campaign": "molgun_lmp.config.campaign:Campaign",
    "training": "molgun_lmp.training.settings:TrainingConfig",
    "label": "molgun_lmp.training.labelling.settings:LabellingConfig",
    "loop": "molgun_lmp.learning.settings:LoopConfig",
    "distillation": "molgun_lmp.training.distillation.settings:DistillationConfig",
    "cp2k": "molgun_lmp.training.labelling.cp2k.settings:Cp2kSettings",
    "scheme": "molgun_lmp.config.scheme_file:SchemeFile",
    "foreign-files": "molgun_lmp.config.external:ForeignFiles",
    "site": "molgun_lmp.campaign.cluster.write:ClusterSite",
    "target": "molgun_lmp.engine.targets:LammpsTarget",
}
"""By their names: a section lies with those who use it, and nobody waits for those of others to load."""


def section_of(file_kind: FileKind) -> type[Section]:
    """The section that files of a kind are read as."""
    module, _, name = FILE_KINDS[file_kind].partition(":")
    found: type[Section] = getattr(importlib.import_module(module), name)
    return found


def kind_of(section: type[Section]) -> FileKind | None:
    """What `molgun schema` calls the files that a section is the whole of; None for a part of one."""
    path = f"{section.__module__}:{section.__qualname__}"
    return next((kind for kind, place in FILE_KINDS.items() if place == path), None)
