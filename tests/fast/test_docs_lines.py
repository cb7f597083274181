"""Commands that the pages show and no test runs, since they take hours: the words exist, and what they set is valid."""

import re
import shlex
from pathlib import Path
from typing import Any, Final

import pytest
import typer.main
from docs_cases import blocks

import molgun_lmp
from molgun_lmp.cli.app import app
from molgun_lmp.config import load_campaign
from molgun_lmp.config.loading import load_section_or_defaults
from molgun_lmp.training.distillation.settings import DistillationConfig

REPOSITORY: Final = Path(__file__).parents[2]
PAGES: Final = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
EXAMPLES: Final = Path(molgun_lmp.__file__).parent / "examples"


def commands(page: Path) -> list[list[str]]:
    """The words of every `molgun` command in a page's blocks, one after the other."""
    parts = [
        part
        for kind, block in blocks(page)
        if kind in {"", "bash", "console"}
        for line in block.replace("\\\n", " ").splitlines()
        for part in re.split(r"&&|\||;", line.split(" # ")[0].removeprefix("$ "))
    ]
    found = (re.fullmatch(r"\s*(?:mpirun -n \d+ )?molgun ([a-z].*?)(?: >.*| &)?", part) for part in parts)
    return [shlex.split(words[1]) for words in found if words]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_that_is_shown_is_one(page: Path) -> None:
    group: Any = typer.main.get_command(app)
    example = "ecco-si001"
    for words in commands(page):
        if words[0].startswith("-"):
            continue
        name, command, rest = group.resolve_command(None, words)
        context = command.make_context(name, list(rest), resilient_parsing=True)
        if words[0] == "init":
            named = context.params.get("example")
            example = named or (words[1] if (EXAMPLES / words[1]).is_dir() else example)
        elif changed := context.params.get("overrides"):
            if words[0] in {"plan", "equilibrate"} and words[1].endswith("campaign.yaml"):
                load_campaign(EXAMPLES / example / "campaign.yaml", changed)
            elif words[0] == "distill":
                load_section_or_defaults(None, DistillationConfig, changed, what="settings of a distillation")
