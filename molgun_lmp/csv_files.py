"""Tables as CSV: every file of this package is written here, so that all are read in the same way."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from molgun_lmp.atomic_files import replace_file


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A line of column names and one for each row: numbers unrounded, an empty field for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """Write `header` and `rows` as a CSV file (see `csv_text`); returns its path. Raises `OSError`."""
    replace_file(path, csv_text(header, rows).encode())
    return path
