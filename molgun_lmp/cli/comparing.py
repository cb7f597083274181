"""What `molgun compare` prints: the differences, what the forces are of, and what each campaign cost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from molgun_lmp.cli.output import answers

if TYPE_CHECKING:
    from molgun_lmp.analysis.comparison import Comparison
    from molgun_lmp.campaign.comparing import Side


def print_sides(sides: "Sequence[Side]", comparison: "Comparison") -> None:
    """Two tables, and between them each side's level of theory with a warning where they are not one."""
    from rich.table import Table  # noqa: PLC0415

    from molgun_lmp.analysis.costs import HEADER, PAPER  # noqa: PLC0415
    from molgun_lmp.analysis.levels import UNSTATED  # noqa: PLC0415
    from molgun_lmp.campaign.comparing import cost_lines, difference_cells, sides_warning  # noqa: PLC0415

    out = answers()
    table = Table("", *comparison.names, "difference", "95 %", "95 %, all lines", "p", "p (Holm)", box=None)
    for cells in difference_cells(comparison):
        table.add_row(*cells)
    out.print(table)
    for side in sides:
        out.print(f"{side.name}: forces of {side.level_of_theory or UNSTATED}", markup=False)
    warning = sides_warning(sides)
    if warning:
        out.print(f"Warning: {warning}", markup=False)
    out.print(
        f"Differences are per cent of shots, less {comparison.names[0]}. A difference is beyond chance where its "
        "interval over all lines leaves out 0.",
        markup=False,
    )
    table = Table(*HEADER, box=None)
    for cost in (*cost_lines(sides), *PAPER):
        table.add_row(*cost.cells())
    out.print(table)
