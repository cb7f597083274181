"""A deck's run: force models through fix external, and every way in which a run can end."""

import dataclasses
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from engine_cases import ELEMENTS, external, head, run_text, structures, write_data
from waiting import PATIENCE_S

from molgun_lmp.engine import session
from molgun_lmp.engine.force_models import Evaluation, ForceModelInput
from molgun_lmp.engine.session import DeckRun, StillTime, check_deck_value
from molgun_lmp.errors import EngineError
from molgun_lmp.records import Cause

pytestmark = pytest.mark.engine

STRUCTURES = structures()
SLAB = STRUCTURES["molecule on slab"]
STIFFNESS = 0.5
"""eV/Å^2 of the springs below."""
NVE = (
    "timestep 0.0005\nvelocity all create 300 1\nfix nve all nve\nthermo 10\nthermo_style custom step temp pe etotal\n"
    "thermo_modify format float %.15g\n"
)


@dataclasses.dataclass
class Springs:
    """Every atom tied to where it was first seen; `sabotage` may change an answer or raise, given the call number."""

    sabotage: Callable[[int, Evaluation], Evaluation] = lambda _, answer: answer
    calls: int = 0
    rest: ForceModelInput | None = None
    elements: frozenset[str] = frozenset(ELEMENTS)
    cutoff_angstrom: float = 4.0

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        self.rest = self.rest or structure
        self.calls += 1
        away = structure.positions - self.rest.positions
        away -= np.rint(away @ np.linalg.inv(structure.cell)) @ structure.cell
        answer = Evaluation(energy_ev=0.5 * STIFFNESS * float((away**2).sum()), forces=-STIFFNESS * away)
        return self.sabotage(self.calls, answer)

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        return [self.evaluate(structure) for structure in structures]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_data(tmp_path, SLAB, ELEMENTS)
    return tmp_path


def deck(commands: str, atoms: Atoms = SLAB) -> str:
    return head(atoms) + external() + NVE + commands


def test_a_force_model_drives_the_dynamics(folder: Path) -> None:
    springs = Springs()
    run = run_text(folder, deck("run 100\nrun 50\n"), springs)
    assert (run.error, run.cause, run.halt, run.interrupted) == (None, None, None, False)
    assert run.steps == 150
    assert springs.calls == 152  # each run begins with an evaluation
    assert run.thermo["Step"].tolist() == list(range(0, 151, 10))
    assert np.ptp(run.thermo["PotEng"]) > 0.1
    assert np.ptp(run.thermo["TotEng"]) < 1e-4 * np.ptp(run.thermo["PotEng"])


def test_the_model_sees_the_structure_in_the_order_of_the_atom_ids(folder: Path) -> None:
    springs = Springs()
    run = run_text(folder, deck("run 0\n").replace("fix nve", "atom_modify sort 1 3.0\nfix nve"), springs)
    assert run.error is None
    assert springs.rest is not None
    assert springs.rest.numbers.tolist() == SLAB.numbers.tolist()
    np.testing.assert_allclose(springs.rest.cell, SLAB.cell.array, atol=1e-10)
    away = springs.rest.positions - SLAB.positions
    away -= np.rint(away @ np.linalg.inv(SLAB.cell.array)) @ SLAB.cell.array
    assert np.abs(away).max() < 1e-10
    assert springs.rest.pbc == (True, True, True)


def test_minimisation_uses_the_energy_of_the_model(folder: Path) -> None:
    """A minimiser that did not see the energy would stop at once."""
    springs = Springs(
        rest=ForceModelInput(numbers=SLAB.numbers, positions=SLAB.positions, cell=SLAB.cell.array, pbc=(True,) * 3)
    )
    run = run_text(folder, deck("displace_atoms all random 0.2 0.2 0.2 7\nminimize 0.0 1e-4 100 1000\n"), springs)
    assert run.error is None
    assert run.thermo["PotEng"][0] > 0.1
    assert run.thermo["PotEng"][-1] < 1e-6


def test_an_exception_in_the_model_ends_the_run_with_its_words(folder: Path) -> None:
    def fail(call: int, answer: Evaluation) -> Evaluation:
        if call == 30:
            raise RuntimeError("the accelerator caught fire")
        return answer

    springs = Springs(fail)
    run = run_text(folder, deck("run 1000\nrun 1000\n"), springs)
    assert run.cause is Cause.FORCE_MODEL_ERROR
    assert run.error == "the force model failed at step 29: RuntimeError: the accelerator caught fire"
    assert run.steps < 32
    assert springs.calls == 30


@pytest.mark.parametrize("what", ["force", "energy"])
def test_a_non_finite_answer_ends_the_run(folder: Path, what: str) -> None:
    def spoil(call: int, answer: Evaluation) -> Evaluation:
        if call != 12:
            return answer
        if what == "energy":
            return dataclasses.replace(answer, energy_ev=float("inf"))
        forces = answer.forces.copy()
        forces[3, 1] = np.nan
        return dataclasses.replace(answer, forces=forces)

    run = run_text(folder, deck("run 1000\n"), Springs(spoil))
    assert run.cause is Cause.NAN_FORCE
    assert run.error is not None
    assert "non-finite force at step 11" in run.error
    assert ("atoms: 4)" in run.error) == (what == "force")
    assert run.steps < 14


def test_an_interrupt_ends_a_long_run_at_its_next_step(folder: Path) -> None:
    interrupt = threading.Event()
    seen: list[int] = []

    def progress(step: int) -> None:
        seen.append(step)
        if step > 0:
            interrupt.set()

    commands = "run 100000000\nrun 100000000\nwrite_data ${dir}/end.data\n"
    run = run_text(folder, deck(commands), Springs(), interrupt, on_progress=progress)
    assert run.interrupted
    assert run.error is None
    assert 0 < seen[-1] <= run.steps < 100_000_000
    assert (folder / "end.data").is_file()  # what a deck does after its runs is still done


def test_an_exception_of_the_caller_leaves_no_thread_behind(folder: Path) -> None:
    def progress(step: int) -> None:
        if step > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_text(folder, deck("run 100000000\n"), Springs(), on_progress=progress)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lammps")]
    assert run_text(folder, deck("run 10\n"), Springs()).steps == 10


def test_an_interrupt_before_the_start_runs_no_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt, asked = threading.Event(), threading.Event()
    interrupt.set()
    end_its_run = session._Job.end_its_run

    def ask(job: session._Job) -> None:
        end_its_run(job)
        asked.set()

    def patient(_: int, answer: Evaluation) -> Evaluation:
        """No step ends before the run was asked to end once more."""
        asked.clear()
        assert asked.wait(PATIENCE_S)
        return answer

    monkeypatch.setattr(session._Job, "end_its_run", ask)
    run = run_text(folder, deck("run 100000\n"), Springs(patient), interrupt)
    assert run.interrupted
    assert run.error is None
    assert run.steps < 5


def test_lammps_is_not_asked_for_its_step_while_it_is_being_set_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`clear` takes LAMMPS apart and builds it anew: in between, a question from another thread makes an error."""
    monkeypatch.setattr(session, "_POLL_S", 0.0)
    seen: list[int] = []

    def progress(step: int) -> None:
        seen.append(step)
        if len(seen) > 1:
            (folder / "seen").touch()

    # In the middle LAMMPS waits for the first looks: during the other half, they go on.
    (folder / "wait.sh").write_text('until [ -e "$1" ]; do sleep 0.01; done\n')
    wait = "shell bash ${dir}/wait.sh ${dir}/seen\n"
    text = "clear\n" * 150 + wait + "clear\n" * 150 + deck("run 20\n")
    run = run_text(folder, text, Springs(), on_progress=progress)
    assert run.error is None
    assert seen.count(0) > 1, "it was waited for meanwhile"
    assert run.steps == 20


def test_time_in_which_nobody_looked_is_not_that_of_a_step() -> None:
    """As when a batch system suspends the job for an hour."""
    still = StillTime(100.0)
    assert [still.seconds(now) for now in (100.05, 100.1, 100.9)] == pytest.approx([0.05, 0.1, 0.9])
    assert [still.seconds(now) for now in (3700.9, 3701.0)] == pytest.approx([1.9, 2.0])


def test_decks_in_threads_do_not_write_into_each_others_logs(tmp_path: Path) -> None:
    """LAMMPS formats each number of a thermo line in one buffer of the whole process."""
    columns = 30
    zero = "pair_style zero 4.0\npair_coeff * *\n"
    text = head(SLAB) + zero + NVE + f"thermo_style custom step {'temp ' * columns}\nthermo 1\nrun 3000\n"
    runs: dict[Path, DeckRun] = {}

    def one(folder: Path) -> None:
        runs[folder] = run_text(folder, text, plugin=False)

    folders = [tmp_path / str(number) for number in range(3)]
    threads = [threading.Thread(target=one, args=[folder]) for folder in folders]
    for folder in folders:
        write_data(folder, SLAB, ELEMENTS)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for folder in folders:
        assert runs[folder].error is None
        lines = (folder / "log.lammps").read_text().splitlines()
        rows = [line.split() for line in lines if len(line.split()) == columns + 1 and line.split()[0].isdigit()]
        assert [int(row[0]) for row in rows] == list(range(3001))
        assert {len(set(row[1:])) for row in rows} == {1}, "one temperature in all columns"


def test_a_halt_is_named(folder: Path) -> None:
    rule = "variable t equal temp\nfix hot all halt 5 v_t > 10 error continue message yes\n"
    run = run_text(folder, deck(rule + "run 1000\n"), Springs())
    assert run.error is None
    assert not run.interrupted
    assert run.halt is not None
    assert (run.halt.fix_id, run.halt.step, run.steps) == ("hot", 5, 5)
    assert run.halt.value > 10


@pytest.mark.parametrize(
    ("commands", "cause", "words"),
    [
        ("nonsense 1\nrun 1\n", Cause.LAMMPS_ERROR, "Unknown command: nonsense"),
        ("run 10\nnonsense 1\n", Cause.LAMMPS_ERROR, "Unknown command: nonsense"),
    ],
)
def test_an_error_of_lammps_is_the_runs_error(folder: Path, commands: str, cause: Cause, words: str) -> None:
    run = run_text(folder, deck(commands), Springs())
    assert run.cause is cause
    assert run.error is not None
    assert words in run.error
    assert run_text(folder, deck("run 10\n"), Springs()).steps == 10  # the next instance is a fresh one


def test_a_lost_atom_has_its_own_cause(folder: Path) -> None:
    def throw(call: int, answer: Evaluation) -> Evaluation:
        return dataclasses.replace(answer, forces=answer.forces + 1e9) if call == 5 else answer

    free = STRUCTURES["molecule in vacuum"]
    write_data(folder, free, ELEMENTS)
    run = run_text(folder, deck("run 1000\n", free), Springs(throw))
    assert run.cause is Cause.LOST_ATOMS


def test_an_include_of_another_engine_is_refused(folder: Path) -> None:
    run = run_text(folder, head(SLAB) + "pair_style zero 4.0\npair_coeff * *\n" + NVE + "run 1\n", Springs())
    assert run.error is not None
    assert "cannot be attached: its engine.in was written for another engine" in run.error
    run = run_text(folder, deck("run 1\n"), Springs(elements=frozenset({"H", "C"})))
    assert run.error is not None
    assert "was not trained on Si; it knows C, H" in run.error


def test_a_log_that_cannot_be_written_is_an_engine_error(folder: Path) -> None:
    (folder / "log.lammps").mkdir()
    with pytest.raises(EngineError, match="LAMMPS cannot start with the log"):
        run_text(folder, deck("run 1\n"), Springs())


def test_paths_that_lammps_reads_and_paths_that_it_cannot(tmp_path: Path) -> None:
    """Characters that `check_deck_value` lets through are read; what it refuses, LAMMPS would take apart."""
    fine = tmp_path / "a#b{c}(d)&e;f~g!h@i=j+k,l?m[n]é"
    check_deck_value("dir", str(fine))
    write_data(fine, SLAB, ELEMENTS)
    dump = "dump d all custom 1 ${dir}/x.dump id\n"
    assert run_text(fine, deck(dump + "run 0\n"), Springs()).error is None
    for character in " \t\n'\"$*%\x1b":
        with pytest.raises(EngineError, match="LAMMPS cannot read such a path"):
            check_deck_value("dir", f"{tmp_path}/a{character}b")
