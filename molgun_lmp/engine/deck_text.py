"""Cut a deck's text where its first run begins, so that a callback can be attached in between."""

from typing import Final

_RUNS: Final = frozenset({"run", "minimize"})


def split_at_first_run(text: str) -> tuple[str, str]:
    """The commands before the first `run` or `minimize`, and the rest from there on ("" where there is none).

    Continued lines (`&`) and blocks in triple quotes stay whole. Runs inside `if`, `include` or loops are not seen:
    a deck with a force model keeps its runs at the top level.
    """
    lines = text.splitlines(keepends=True)
    inside_quotes = continued = False
    for number, line in enumerate(lines):
        words = line.split()
        if not inside_quotes and not continued and words and words[0] in _RUNS:
            return "".join(lines[:number]), "".join(lines[number:])
        if line.count('"""') % 2 == 1:
            inside_quotes = not inside_quotes
        continued = line.rstrip().endswith("&")
    return text, ""
