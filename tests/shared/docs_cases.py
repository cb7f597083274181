"""What pages of docs/ hold: their blocks, and what docs/reference/tables.md says of the files of a campaign."""

import re
from pathlib import Path
from typing import Final

REFERENCE: Final = Path(__file__).parents[2] / "docs" / "reference"


def blocks(page: Path) -> list[tuple[str, str]]:
    """The blocks of a page, each with the kind that its fence names, which may be none."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def described(file: str) -> list[str]:
    """The columns in the section of that file; of a name with a star, all that it stands for are one."""
    sections = re.split(r"^## ", (REFERENCE / "tables.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    (section,) = (part for part in sections if part.startswith(f"{file}\n"))
    return [row[0] for row in re.findall(r"^\| (\S+) \| (.+) \|$", section, flags=re.MULTILINE) if row[0] != "column"]
