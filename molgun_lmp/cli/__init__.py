"""The command line: arguments in, exceptions out as exit codes. One module for each command, listed in `app`.

What commands share: `arguments` and `model_arguments` (options of several commands), `output` (answers, progress,
JSON), `analyse_tables` and `analyse_files` (what `analyse` prints, of campaigns and of other files), `until` (`run
--until`).
"""

from molgun_lmp.cli.app import main

__all__ = ["main"]
