"""Waiting for what a test needs: for the event itself, never for a time in which it ought to have come."""

import time
from collections.abc import Callable
from typing import Any, Final

PATIENCE_S: Final = 3600.0
"""Nothing that a test waits for takes this long, on a slow and busy machine either: after it, it never comes."""


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """What the condition gives, as soon as that is true. Raises `AssertionError` where it never comes true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s in vain for {what}"
        time.sleep(0.02)
    return found
