"""Ten seconds of a campaign's own decks, in as many workers as will fire it here: what a step costs on this machine.

`python -m molgun_lmp.campaign.launch.calibrate FOLDER NUMBER SECONDS` is one such worker; it answers with one line of
JSON.
"""

import contextlib
import dataclasses
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from molgun_lmp.campaign.plan.plan import Plan, write
from molgun_lmp.campaign.plan.projection import Calibration
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.opening import open_work
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.asked_models import asker
from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.engine.gpus import Gpu, gpu_environment, workers_here
from molgun_lmp.engine.registry import ENGINES, gpus_of
from molgun_lmp.engine.session import DeckRun, run_deck
from molgun_lmp.errors import EngineError
from molgun_lmp.gun.names import DATA_NAME, DUMP_NAME, INPUT_NAME, LOG_NAME
from molgun_lmp.processes import thread_environment

CALIBRATION_S: Final = 10.0
WORTH_STEPS: Final = 10_000
"""Fewer steps, of all trajectories together, are fired in about the time that a calibration takes."""

_FEW_STEPS: Final = 3
_PATIENCE_S: Final = 120.0
"""A step that takes longer than this ends the calibration without an answer."""


def calibrate(plan: Plan, *, workers: int | None = None, seconds: float = CALIBRATION_S) -> Calibration:
    """Fire a planned campaign's first shots for some seconds, in a folder that is gone afterwards.

    The engine is loaded, and built where it has to be, before the seconds begin. Raises `EngineError` where a worker
    cannot be started, or its trajectory fails.
    """
    config = plan.loaded.config
    at_once = config.trajectories if config.dose is None else config.dose.chains
    most = math.ceil(at_once / plan.engine.together)
    gpus = gpus_of(plan.engine.kind)
    number = workers or max(1, min(most, workers_here(plan.engine.threads, gpus)))
    shots = min(config.trajectories, max(1, plan.engine.together))
    few = config.model_copy(update={"trajectories": shots, "dose": None})  # those of a chain come one after the other
    with tempfile.TemporaryDirectory(prefix="molgun-calibration-") as aside:
        folder = Path(aside).resolve() / "campaign"
        store = write(dataclasses.replace(plan, loaded=dataclasses.replace(plan.loaded, config=few)), folder)
        planned = sum(file.stat().st_size for file in store.select(())[0].path.iterdir())
        with _workers(folder, number, seconds, plan.engine.threads, gpus) as running:
            answers = [_answer(process) for process in running]
    return Calibration(
        workers=number,
        step_s=sum(answer["step_s"] for answer in answers) / number,
        core_s=sum(answer["core_s"] for answer in answers) / number,
        start_s=max(answer["start_s"] for answer in answers),
        planned_bytes=planned,
        frame_bytes=answers[0]["frame_bytes"],
        line_bytes=answers[0]["line_bytes"],
    )


@contextlib.contextmanager
def _workers(
    folder: Path, number: int, seconds: float, threads: int, gpus: tuple[Gpu, ...]
) -> Iterator[list["subprocess.Popen[str]"]]:
    command = [sys.executable, "-W", "ignore", "-m", "molgun_lmp.campaign.launch.calibrate", str(folder)]
    running = [
        subprocess.Popen(
            [*command, str(1 + worker), str(seconds)],
            env={**os.environ, **thread_environment(threads), **gpu_environment(1 + worker, gpus)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for worker in range(number)
    ]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.communicate()


def _answer(process: "subprocess.Popen[str]") -> dict[str, Any]:
    output, errors = process.communicate()
    lines = output.splitlines()
    if process.returncode != 0 or not lines:
        said = errors.strip().splitlines()[-1:] or [f"it ended with exit status {process.returncode}"]
        raise EngineError(f"a worker of the calibration failed: {said[0]}")
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def main(arguments: list[str]) -> None:
    """One worker of a calibration."""
    started = time.monotonic()
    folder, number, seconds = Path(arguments[0]), int(arguments[1]), float(arguments[2])
    work = open_work(folder)
    ask = asker(work)
    os.chdir(work.root)
    clocks = [_Clock(seconds) for _ in work.folders]
    errors: list[str] = []

    def fire(folder: TrajectoryFolder, clock: _Clock) -> None:
        with ask(folder.id) as asked:
            error = _fire(work, folder.run_folder(number), folder, asked, clock)
        if error is not None:
            errors.append(error)

    threads = [threading.Thread(target=fire, args=pair) for pair in zip(work.folders, clocks, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors or not all(clock.rate for clock in clocks):
        raise SystemExit(errors[0] if errors else f"no {_FEW_STEPS} steps were done in {_PATIENCE_S:.0f} s")
    run = work.folders[0].run_folder(number)
    print(
        json.dumps({
            "step_s": 1.0 / sum(clock.rate for clock in clocks),
            "core_s": _core_s(clocks),
            "start_s": min(clock.began for clock in clocks) - started,
            **_sizes(run),
        })
    )  # fmt: skip


def _core_s(clocks: Sequence["_Clock"]) -> float:
    """Core time of one step: of the process, from the first step that was seen to the last, over all steps."""
    first, last = (clock.core_s[0] for clock in clocks), (clock.core_s[1] for clock in clocks)
    return (max(last) - min(first)) / sum(clock.last - clock.first for clock in clocks)


class _Clock:
    """Steps per second between the first step that is seen and the last one; `interrupt` is set once it knows."""

    def __init__(self, seconds: float) -> None:
        self.interrupt = threading.Event()
        self.began = 0.0
        self.core_s = (0.0, 0.0)
        """Core time of the whole process at the first and the last step that were seen."""
        self.last = 0
        self._seconds = seconds
        self._made = time.monotonic()
        self._core_before = time.process_time()
        self.first = 0
        self._ended = 0.0

    def __call__(self, step: int) -> None:
        now, core = time.monotonic(), time.process_time()
        if step > self.last:
            if not self.began:
                self.began, self.first, self.core_s = now, step, (core, core)
            self.last, self._ended, self.core_s = step, now, (self.core_s[0], core)
        enough = self.began and now - self.began > self._seconds and self.last - self.first >= _FEW_STEPS
        if enough or now - (self.began or self._made) > self._seconds + _PATIENCE_S:
            self.interrupt.set()

    def end(self, done: DeckRun) -> None:
        """The deck came to its end; where that was too soon for two looks, all of it counts."""
        self(done.steps)
        if not self.rate:
            self.began, self.first = self._ended - done.wall_s, 0
            self.core_s = (self._core_before, self.core_s[1])

    @property
    def rate(self) -> float:
        """Steps per second; 0 where none were seen."""
        return (self.last - self.first) / (self._ended - self.began) if self._ended > self.began else 0.0


def _fire(work: Work, run: Path, folder: TrajectoryFolder, model: ForceModel | None, clock: _Clock) -> str | None:
    """Run a deck until its clock knows enough; what went wrong, in words."""
    run.mkdir()
    for name in (INPUT_NAME, DATA_NAME):
        shutil.copyfile(folder.path / name, run / name)
    done = run_deck(
        run / INPUT_NAME,
        variables={"dir": str(run.relative_to(work.root)), "root": "."},
        force_model=model,
        interrupt=clock.interrupt,
        log_path=run / LOG_NAME,
        on_progress=clock,
        plugin=ENGINES[work.engine.kind].needs_plugin,
    )
    if not done.interrupted:
        clock.end(done)
    return done.error


def _sizes(run: Path) -> dict[str, int]:
    dump = (run / DUMP_NAME).read_bytes()
    log = (run / LOG_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    numbers = [line for line in log if line[:12].strip().isdigit()]
    return {
        "frame_bytes": len(dump) // max(1, dump.count(b"ITEM: TIMESTEP")),
        "line_bytes": 1 + max((len(line) for line in numbers), default=79),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
