"""A spinner with the time that has passed, for what says nothing while it works: a compiler, a first measurement."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def at_work(what: str, console: Console | None = None) -> Iterator[None]:
    """Show `what` is being done on standard error while the context lasts, and nothing where that is no terminal."""
    console = console or Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as shown:
        shown.add_task(what, total=None)
        yield
