"""Several tests at once: Holm's correction."""

from collections.abc import Sequence


def holm(values: Sequence[float | None]) -> list[float | None]:
    """P values adjusted for their number, in the order given; None stays None and is not counted.

    Source: Holm, Scand. J. Stat. 6, 65 (1979).
    """
    known = [(value, index) for index, value in enumerate(values) if value is not None]
    adjusted: list[float | None] = [None] * len(values)
    largest = 0.0
    for rank, (value, index) in enumerate(sorted(known)):
        largest = max(largest, min(1.0, (len(known) - rank) * value))
        adjusted[index] = largest
    return adjusted
