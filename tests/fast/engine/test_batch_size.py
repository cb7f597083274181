"""How many trajectories at once: as long as it pays and there is memory."""

from collections.abc import Callable

import pytest

from molgun_lmp.engine.batch_size import best_together


def device(launch_s: float, each_s: float, each_bytes: int) -> tuple[list[int], Callable[[int], tuple[float, int]]]:
    """A device that needs `launch_s` for a call and `each_s` for each structure in it."""
    tried: list[int] = []

    def measure(together: int) -> tuple[float, int]:
        tried.append(together)
        return launch_s + each_s * together, each_bytes * together

    return tried, measure


@pytest.mark.parametrize(
    ("launch_s", "most", "limit_bytes", "best"),
    [
        (0.0, 64, None, 1),  # a core: nothing is gained
        (1.0, 64, None, 64),  # a device that waits for its launches
        (0.01, 64, None, 16),  # gains end where the launches are a small part
        (1.0, 10, None, 8),
        (1.0, 64, 40, 4),  # 10 bytes each
        (1.0, 1, None, 1),
        (1.0, 64, 5, 1),  # one has to fit, whatever is measured
    ],
)
def test_as_many_as_pay_and_fit(launch_s: float, most: int, limit_bytes: int | None, best: int) -> None:
    tried, measure = device(launch_s, 0.01, 10)
    assert best_together(measure, most=most, limit_bytes=limit_bytes) == best
    if limit_bytes is not None:
        assert all(together == 1 or 10 * together <= limit_bytes for together in tried)
