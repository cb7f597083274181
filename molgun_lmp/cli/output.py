"""Where the commands write: answers to standard output, progress and logs to standard error."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO, TypeAlias, cast

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from molgun_lmp.models.error_reports import Errors

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
_STDOUT: Final = 1
_STDERR: Final = 2
_JSON_TARGET: Final[list[TextIO]] = []
"""Where JSON goes while everything else is kept away from standard output."""


def answers() -> Console:
    """Standard output, for people; in a file or pipe tables are as wide as they need."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)


def progress_console() -> Console:
    """Standard error, for progress and remarks; where nobody reads it any more it falls silent, the work goes on."""
    return Console(file=cast("TextIO", _StandardError()), highlight=False, soft_wrap=True)


class _StandardError:
    """Standard error as it is at the time, into nothing once its reader has gone, such as `2>&1 | head`: what is shown
    of a campaign must not end it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def write(self, text: str) -> int:
        with _silent_without_reader():
            return sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with _silent_without_reader():
            sys.stderr.flush()


@contextmanager
def _silent_without_reader() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # what is left in the buffer goes there as well, and what other writers say
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())
        os.close(nowhere)


def options_given(**options: object) -> str:
    """The options with a value, as they are written: `--time-step, --like`; empty for none."""
    return ", ".join(f"--{name.replace('_', '-')}" for name, value in options.items() if value)


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    target = _JSON_TARGET[-1] if _JSON_TARGET else sys.stdout
    target.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    target.flush()


@contextmanager
def json_alone() -> Iterator[None]:
    """While it lasts only `print_json` reaches standard output; what libraries print there goes to standard error.

    Libraries of C and child processes write to the file descriptor, so that is turned as well, where it is Python's.
    """
    with ExitStack() as stack:
        target: TextIO = sys.stdout
        if target is sys.__stdout__ and target.fileno() == _STDOUT:
            target.flush()
            kept = os.dup(_STDOUT)
            target = stack.enter_context(os.fdopen(kept, "w", encoding="utf-8"))
            stack.callback(os.dup2, kept, _STDOUT)
            os.dup2(_STDERR, _STDOUT)
        stack.enter_context(redirect_stdout(sys.stderr))
        _JSON_TARGET.append(target)
        stack.callback(_JSON_TARGET.pop)
        yield


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


def _mev(errors: "Errors", digits: int) -> tuple[str, str]:
    return f"{1000 * errors.mae:.{digits}f}", f"{1000 * errors.rmse:.{digits}f}"
