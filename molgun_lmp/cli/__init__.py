"""The command line: arguments in, exceptions out as exit codes. One module for each family of commands."""

from molgun_lmp.cli.app import main

__all__ = ["main"]
