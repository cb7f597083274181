"""The examples that ship with the package. One may use files of another, so that no model is shipped twice."""

import dataclasses
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

import molgun_lmp
from molgun_lmp.atomic_files import folder_whole
from molgun_lmp.config.loading import load_yaml
from molgun_lmp.config.section import Section
from molgun_lmp.errors import CampaignError, ConfigError

_INDEX_NAME: Final = "example.yaml"
_FOLDER: Final = Path(molgun_lmp.__file__).parent / "examples"


class _Index(Section):
    """The file `example.yaml` of an example; it is not copied."""

    summary: str
    files_of: dict[str, tuple[str, ...]] = {}  # noqa: RUF012  # frozen
    """Other example -> its files and folders that this one uses."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example:
    """One example: where it lies, and the files of others that it uses."""

    name: str
    summary: str
    files_of: Mapping[str, tuple[str, ...]]

    def files(self) -> list[tuple[Path, Path]]:
        """(where in the copy, where it comes from). Raises `ConfigError` where the package lacks one."""
        found = dict(_files(_FOLDER / self.name, _FOLDER / self.name))
        for other, names in self.files_of.items():
            for name in names:
                source = _FOLDER / other / name
                if not source.exists():
                    raise ConfigError(f"the package lacks {source}. Install it again.")
                found |= dict(_files(_FOLDER / other, source))
        return sorted(found.items())


def examples() -> list[Example]:
    """All examples by name. Raises `ConfigError` for a package that is not whole."""
    return [_example(index.parent) for index in sorted(_FOLDER.glob(f"*/{_INDEX_NAME}"))]


def copy_example(name: str, folder: Path) -> list[Path]:
    """Copy an example into a new folder; the files that were made, relative to it.

    Raises `ConfigError` for an unknown example, `CampaignError` for a folder that exists or cannot be written.
    """
    known = {example.name: example for example in examples()}
    if name not in known:
        raise ConfigError(f"there is no example {name!r}; there are {', '.join(known)}.")
    files = known[name].files()
    if folder.exists():
        raise CampaignError(f"{folder} exists already: name a new folder, and nothing of yours is overwritten.")
    try:
        with folder_whole(folder) as work:
            for target, source in files:
                (work / target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, work / target)
    except OSError as error:
        raise CampaignError(f"cannot write {folder}: {error}. Name a folder where you may write.") from error
    return [target for target, _ in files]


def _example(folder: Path) -> Example:
    try:
        index = _Index.model_validate(load_yaml(folder / _INDEX_NAME))
    except ValidationError as error:
        raise ConfigError(f"{folder / _INDEX_NAME}: {error}. Install the package again.") from error
    return Example(name=folder.name, summary=index.summary, files_of=index.files_of)


def _files(root: Path, start: Path) -> Iterator[tuple[Path, Path]]:
    for file in sorted(start.rglob("*")) if start.is_dir() else [start]:
        if file.is_file() and file.name != _INDEX_NAME and "__pycache__" not in file.parts:
            yield file.relative_to(root), file
