"""What a terminal shows while a compiler or a measurement is at work."""

import io

from rich.console import Console

from molgun_lmp.at_work import at_work


def test_a_terminal_shows_what_is_done_and_for_how_long_and_a_file_nothing() -> None:
    for is_terminal in (True, False):
        screen = io.StringIO()
        with at_work("compiling", Console(file=screen, force_terminal=is_terminal, width=80)):
            pass
        shown = screen.getvalue()
        assert ("compiling" in shown and "0:00:0" in shown) is is_terminal
        assert is_terminal or not shown
