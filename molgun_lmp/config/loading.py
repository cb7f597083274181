"""Campaign file in, validated `Campaign` out; overrides from the command line; the resolved copy."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from molgun_lmp.config.campaign import Campaign
from molgun_lmp.config.file_kinds import kind_of
from molgun_lmp.config.key_hints import unknown_key
from molgun_lmp.config.section import Section
from molgun_lmp.errors import ConfigError

SectionT = TypeVar("SectionT", bound=Section)

_CAMPAIGN_FILE: Final = "a campaign file; `molgun init` writes an example"


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's safe loader (no tags that build objects), which also refuses a key that stands twice in one mapping."""


def _unique_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float | bool) or key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} stands twice or is not a plain value", key_node.start_mark
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoadedCampaign:
    """A validated campaign file and the folder that its relative paths start from."""

    config: Campaign
    file: Path

    def path(self, relative: Path) -> Path:
        """A path of the campaign file as an absolute path."""
        return (self.file.parent / relative.expanduser()).resolve()


def load_campaign(file: Path, overrides: Sequence[str] = ()) -> LoadedCampaign:
    """Read, override and validate a campaign file.

    `overrides` are `dotted.key=value` texts, the value in YAML (`gun.kick.kind=flux`). Raises `ConfigError` for a file
    that cannot be read, a key that does not exist (with the nearest one that does), and a value out of range.
    """
    return LoadedCampaign(config=load_section(file, Campaign, overrides), file=file.resolve())


def load_section(
    file: Path, model: type[SectionT], overrides: Sequence[str] = (), *, what: str = _CAMPAIGN_FILE
) -> SectionT:
    """Read, override and validate a YAML file of any strict model, `what` as in `load_yaml`.

    Raises `ConfigError` as `load_campaign` does.
    """
    return load_section_or_defaults(file, model, overrides, what=what)


def load_section_or_defaults(
    file: Path | None, model: type[SectionT], overrides: Sequence[str] = (), *, what: str
) -> SectionT:
    """The same where every key has a default, so that no file need be given."""
    document = {} if file is None else load_yaml(file, what)
    for override in overrides:
        apply_override(document, override)
    return validated(document, model, where="--set" if file is None else str(file))


def validated(document: Mapping[str, Any], model: type[SectionT], *, where: str) -> SectionT:
    """A document as a section of any strict model. Raises `ConfigError`, which says what is wrong `where`."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ConfigError(_explain(error, where, model)) from error


def load_yaml(file: Path, what: str = _CAMPAIGN_FILE) -> dict[str, Any]:
    """A YAML file whose top level is a mapping; `what` is to be named where it cannot be read. Raises `ConfigError`."""
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {file}. Name {what}.") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{file} is a folder. Name {what}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}. Name {what}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is not plain YAML: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{file}: expected a mapping of sections at the top, found {type(document).__name__}")
    return document


def dump_yaml(section: BaseModel) -> str:
    """The complete section as YAML; `load_yaml` and validation give the same section back."""
    text: str = yaml.safe_dump(section.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)
    return text


def apply_override(document: dict[str, Any], override: str) -> None:
    """Change a document in place by one `dotted.key=value`. Raises `ConfigError` for what is none."""
    key, separator, text = override.partition("=")
    parts = key.strip().split(".")
    if not separator or not all(parts):
        raise ConfigError(f"--set {override!r}: expected dotted.key=value, such as gun.kick.kind=flux")
    try:
        value = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override!r}: the value is not plain YAML: {error}") from error
    section: Any = document
    for part in parts[:-1]:
        if section.get(part) is None:
            section[part] = {}
        section = section[part]
        if not isinstance(section, dict):
            raise ConfigError(f"--set {override!r}: {part!r} is a value, not a section")
    section[parts[-1]] = value


def _explain(error: ValidationError, where_read: str, model: type[Section]) -> str:
    lines = [f"{where_read}: {error.error_count()} problem(s)"]
    schema = model.model_json_schema()
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"]) or "top level"
        what = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            what = unknown_key(problem["loc"], schema, kind_of(model))
        elif problem["type"] not in {"missing", "value_error"}:
            what += f" (found {problem['input']!r})"
        lines.append(f"  {where}: {what}")
    return "\n".join(lines)
