"""What is seen of a training while it runs."""

import io
import json
import logging

import pytest
from rich.console import Console

from molgun_lmp.training.trainer.display import training_display
from molgun_lmp.training.trainer.metrics import History


def history(epochs: int, batches: int = 0) -> History:
    found = History()
    errors = {"mae_e_per_atom": 0.003, "rmse_e_per_atom": 0.004, "mae_f": 0.05, "rmse_f": 0.06}
    step = {"mode": "opt", "loss": 2.5, "time": 100.0}
    for epoch in range(epochs):
        found.feed([json.dumps(step), json.dumps({"mode": "eval", "epoch": epoch, "loss": 1.25, "time": 20, **errors})])
    found.feed([json.dumps(step)] * batches)
    return found


def test_each_new_epoch_is_a_line_with_losses_and_the_time_left(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), training_display(10, 4, None, history(1)) as show:
        show(history(1))
        show(history(2))
        show(history(2))
    (line,) = [record.message for record in caplog.records]
    assert line.startswith("epoch 2/10: loss training 2.5, validation 1.25, force MAE 50.0 meV/Å")
    assert line.endswith("120 s, 16 min left")


def test_a_terminal_shows_the_epoch_at_work_and_a_file_nothing() -> None:
    for is_terminal in (True, False):
        screen = io.StringIO()
        console = Console(file=screen, force_terminal=is_terminal, width=200)
        with training_display(10, 4, console, history(0)) as show:
            show(history(2, batches=2))
            show(history(2, batches=4))
        assert ("epoch 3/10" in screen.getvalue()) is is_terminal
        assert ("epoch 3/10, validating" in screen.getvalue()) is is_terminal
        assert ("validation 1.25" in screen.getvalue()) is is_terminal
