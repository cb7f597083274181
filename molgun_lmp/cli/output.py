"""Where the commands write: answers to standard output, progress and logs to standard error."""

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Final, TypeAlias

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Answer with one JSON document on standard output and nothing else there.")
]
Overrides: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a value of the file, such as gun.kick.kind=flux. Repeatable."
    ),
]


_WIDE: Final = 160


def answers() -> Console:
    """Standard output, for people; in a file or pipe tables are as wide as they need."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)


def progress_console() -> Console:
    """Standard error, for progress and remarks."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def log_to_stderr(*, debug: bool) -> None:
    """Send the package's log to standard error."""
    handler = RichHandler(console=progress_console(), show_time=False, show_path=debug, show_level=True, markup=False)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler], force=True)
    logging.getLogger("molgun_lmp").setLevel(logging.DEBUG if debug else logging.INFO)


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for `total` quick things; silent when standard error is no terminal."""
    console = progress_console()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task(what, total=total)
    with bar:
        yield lambda done: bar.update(task, completed=done)
