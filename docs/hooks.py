"""What the site has besides the pages of this folder: README.md as its first page, and the reference.

The reference of files is made of the models that read them, that of commands of their help: nothing is written twice.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from molgun_lmp.campaign.cluster.write import ClusterSite
from molgun_lmp.cli.app import app
from molgun_lmp.config import Campaign, Section
from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.config.file_kinds import kind_of
from molgun_lmp.config.scheme_file import SchemeFile
from molgun_lmp.engine.targets import LammpsTarget
from molgun_lmp.learning.settings import LoopConfig
from molgun_lmp.training.distillation.settings import DistillationConfig
from molgun_lmp.training.labelling.cp2k.settings import Cp2kSettings
from molgun_lmp.training.labelling.settings import LabellingConfig
from molgun_lmp.training.settings import TrainingConfig

REPOSITORY: Final = Path(__file__).parents[1]
FILES: Final[Mapping[str, tuple[str, type[Section], str]]] = {
    "reference/campaign.md": ("Campaign file", Campaign, "`molgun plan FILE`."),
    "reference/training.md": ("Training file", TrainingConfig, "`molgun train FILE`."),
    "reference/label.md": ("Label file", LabellingConfig, "`molgun label FILE FRAMES`."),
    "reference/cp2k.md": (
        "CP2K's options",
        Cp2kSettings,
        "`molgun label` as `options` of `calculator: molgun_lmp.training.labelling.cp2k.calculator:Cp2k`.",
    ),
    "reference/scheme.md": ("Scheme file", SchemeFile, "`molgun schemes FILE` and `outcomes.scheme` of a campaign."),
    "reference/distillation.md": (
        "Distillation settings",
        DistillationConfig,
        "`molgun distill MODEL_FOLDER CAMPAIGN.yaml --settings FILE`.",
    ),
    "reference/loop.md": ("Loop file", LoopConfig, "`molgun learn FILE`."),
    "reference/foreign-files.md": ("Foreign files", ForeignFiles, "`molgun analyse FILES --config FILE`."),
    "reference/site.md": ("Cluster site file", ClusterSite, "`molgun cluster CAMPAIGN --site FILE`."),
    "reference/target.md": ("Target file", LammpsTarget, "`molgun cluster CAMPAIGN --target FILE`."),
}
_RICH: Final = re.compile(r"\[/?(?:bold|dim|italic)?\]")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {name: "\n".join(_file_page(*about)) for name, about in FILES.items()}
    pages |= {"index.md": _home(), "reference/commands.md": "\n".join(_commands_page())}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Links out of this folder have no page in the site: their text stays."""
    del page, config, files
    return re.sub(r"\[([^\]]+)\]\(\.\./(?!reference/)(?:[A-Z]+\.md|molgun_lmp/[^)]+)\)", r"\1", markdown)


def _home() -> str:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")
    return re.sub(r"\[([^\]]+)\]\([A-Z]+\.md\)", r"\1", text)


def _file_page(title: str, model: type[Section], command: str) -> Iterator[str]:
    schema = model.model_json_schema()
    sections = schema.get("$defs", {})
    listed = f"`molgun schema {kind_of(model)}` prints the JSON schema."
    yield from (f"# {title}", "", f"YAML, read by {command} A key that is not here is refused. {listed}", "")
    yield from _section(schema, sections)
    for name in _reached(schema, sections):
        yield from (f"## {name}", "")
        yield from _section(sections[name], sections)


def _reached(schema: Mapping[str, Any], sections: Mapping[str, Any]) -> list[str]:
    """The names of all sections in the order in which a reader meets them."""
    found: list[str] = []

    def visit(node: Any) -> None:
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name in sections and name not in found and "properties" in sections[name]:
                found.append(name)
                visit(sections[name])
            for value in node.values():
                visit(value)
        elif isinstance(node, list):
            for value in node:
                visit(value)

    visit({key: value for key, value in schema.items() if key != "$defs"})
    return found


def _section(schema: Mapping[str, Any], sections: Mapping[str, Any]) -> Iterator[str]:
    yield from (schema.get("description", ""), "")
    needed = set(schema.get("required", ()))
    yield from ("| key | value | default | means |", "|---|---|---|---|")
    for key, about in schema.get("properties", {}).items():
        default = "**needed**" if key in needed else f"`{_yaml(about.get('default'))}`"
        if isinstance(about.get("default"), dict):
            default = "as there"
        meaning = " ".join(str(about.get("description") or _of_section(about, sections)).split())
        yield f"| `{key}` | {_type(about, sections)} | {default} | {_cell(meaning)} |"
    yield ""


def _of_section(about: Mapping[str, Any], sections: Mapping[str, Any]) -> str:
    """What the one section says of itself that a key holds; empty for other keys."""
    return str(sections.get(str(about.get("$ref", "")).rpartition("/")[2], {}).get("description", ""))


def _type(about: Mapping[str, Any], sections: Mapping[str, Any]) -> str:
    if "$ref" in about:
        name = about["$ref"].rpartition("/")[2]
        section = sections[name]
        return f"[{name}](#{name.lower()})" if "properties" in section else _type(section, sections)
    for several in ("anyOf", "oneOf"):
        if several in about:
            return " or ".join(dict.fromkeys(_type(one, sections) for one in about[several]))
    if "const" in about:
        return f"`{about['const']}`"
    if "enum" in about:
        return ", ".join(f"`{value}`" for value in about["enum"])
    return _plain_type(about, sections)


def _plain_type(about: Mapping[str, Any], sections: Mapping[str, Any]) -> str:
    kind = about.get("type", "any")
    if kind == "array":
        inner = about.get("items") or {"anyOf": about.get("prefixItems", [{}])}
        return f"list of {_type(inner, sections)}"
    if kind == "object":
        inner = about.get("additionalProperties")
        return f"names with {_type(inner, sections)}" if isinstance(inner, dict) else "names with values"
    limits = [
        f"{sign} {about[name]:g}"
        for name, sign in (
            *(("minimum", "≥"), ("exclusiveMinimum", ">")),
            *(("maximum", "≤"), ("exclusiveMaximum", "<")),
        )
        if name in about
    ]
    return " ".join([{"null": "nothing", "string": "text", "integer": "whole number"}.get(kind, kind), *limits])


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    return (
        str(value)
        if not isinstance(value, dict)
        else "{" + ", ".join(f"{k}: {_yaml(v)}" for k, v in value.items()) + "}"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _commands_page() -> Iterator[str]:
    group = typer.main.get_command(app)
    context = click.Context(group, info_name="molgun")
    yield from ("# Commands", "", "As `molgun COMMAND --help` says it.", "")
    for name in group.list_commands(context):  # type: ignore[attr-defined]
        _, command, _ = group.resolve_command(context, [name])  # type: ignore[attr-defined]
        own = click.Context(command, info_name=name, parent=context)
        usage = " ".join(command.collect_usage_pieces(own))
        yield from (f"## {name}", "", _RICH.sub("", command.help or ""), "", f"`molgun {name} {usage}`", "")
        yield from ("| argument | default | means |", "|---|---|---|")
        for parameter in command.get_params(own):
            flags = ", ".join(f"`{flag}`" for flag in (*parameter.opts, *parameter.secondary_opts))
            argument = (
                flags if parameter.param_type_name == "option" else f"`{parameter.metavar or parameter.name.upper()}`"
            )
            shown = "" if parameter.required or parameter.default in (None, False, ()) else f"`{parameter.default}`"
            yield f"| {argument} | {shown} | {_cell(_RICH.sub('', getattr(parameter, 'help', None) or ''))} |"
        yield ""
