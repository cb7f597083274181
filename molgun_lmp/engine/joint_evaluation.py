"""Many trajectories at once: the force calls of several LAMMPS instances, in threads, become one evaluation."""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from molgun_lmp.engine.failure_causes import is_out_of_memory
from molgun_lmp.engine.force_models import AskedForModel, Evaluation, ForceModel, ForceModelInput

log = logging.getLogger(__name__)

_REMEMBERED: Final = 10_000


class JointEvaluation:
    """Where trajectories meet: once each of those that are under way waits for forces, all are evaluated in one call.

    A trajectory takes part from its first force call until its `member` block ends, so that one which is being set up,
    or has ended, keeps nobody waiting (continuous batching). Where the joint call raises, the structures are evaluated
    one by one, and only the guilty ones hear of it. Where memory is short, they are evaluated in halves, from then on
    as many at once as there was memory for.
    """

    def __init__(self, model: ForceModel) -> None:
        self._model = model
        self._changed = threading.Condition()
        self._members: set[Member] = set()
        self._asked: dict[Member, ForceModelInput] = {}
        self._answers: dict[Member, Evaluation | BaseException] = {}
        self._under_evaluation: tuple[Member, ...] = ()
        self._most: int | None = None
        self.sizes: deque[int] = deque(maxlen=_REMEMBERED)
        """How many structures met at each evaluation, in order; the last 10,000."""

    @contextmanager
    def member(self, name: str = "", *, at_once: bool = False) -> Iterator["Member"]:
        """A force model for one trajectory, by its `name`; the block's end says that it will ask no more.

        With `at_once` the others wait for it from now on, and not only from its first force call.
        """
        member = Member(self, self._model, name)
        if at_once:
            with self._changed:
                self._members.add(member)
        try:
            yield member
        finally:
            with self._changed:
                self._members.discard(member)
                self._asked.pop(member, None)
                self._answers.pop(member, None)
                self._changed.notify_all()

    def ask(self, member: "Member", structure: ForceModelInput) -> Evaluation:
        """The evaluation of one member's structure, made with those of the others. Raises what the model raises."""
        with self._changed:
            self._members.add(member)
            self._asked[member] = structure  # nobody need wake up: who asks last evaluates
            while member not in self._answers:
                if self._under_evaluation or len(self._asked) < len(self._members):
                    self._changed.wait()
                    continue
                self._evaluate_all()
            answer = self._answers.pop(member)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _evaluate_all(self) -> None:
        """Answer all that was asked, without the lock meanwhile; called, and left, with it."""
        batch, self._asked = self._asked, {}
        self._under_evaluation = tuple(batch)
        self._changed.release()
        try:
            answers = self._answer(list(batch.values()))
        finally:
            self._changed.acquire()
            self._under_evaluation = ()
            self._changed.notify_all()
        self.sizes.append(len(batch))
        for member, answer in zip(batch, answers, strict=True):
            if member in self._members:
                self._answers[member] = answer

    def _answer(self, structures: list[ForceModelInput]) -> list[Evaluation | BaseException]:
        most = self._most or len(structures)
        chunks = [structures[start : start + most] for start in range(0, len(structures), most)]
        return [answer for chunk in chunks for answer in self._answer_chunk(chunk)]

    def _answer_chunk(self, structures: list[ForceModelInput]) -> list[Evaluation | BaseException]:
        try:
            return list(self._model.evaluate_many(structures))
        except Exception as error:
            if len(structures) == 1:
                return [error]
            short = is_out_of_memory(error)
        # Beyond the `except`, which keeps what the failed call had made.
        size = -(-len(structures) // 2) if short else 1
        if short:
            log.warning("no memory to evaluate %d structures at once: %d from now on", len(structures), size)
            self._most = min(size, self._most or size)
        chunks = [structures[start : start + size] for start in range(0, len(structures), size)]
        return [answer for chunk in chunks for answer in self._answer_chunk(chunk)]

    def waits(self, member: "Member") -> bool:
        """Whether a member has asked and the evaluation has not begun: it waits for the others."""
        with self._changed:
            return member in self._asked

    def evaluated_with(self, member: "Member") -> tuple[str, ...]:
        """The names of those whose structures are under evaluation together with a member's; none where it is not."""
        with self._changed:
            others = self._under_evaluation if member in self._under_evaluation else ()
        return tuple(other.name for other in others if other is not member)


class Member(AskedForModel):
    """One trajectory's force model; what it asks is answered together with the others of its `JointEvaluation`."""

    def __init__(self, joint: JointEvaluation, model: ForceModel, name: str) -> None:
        super().__init__(model)
        self._joint = joint
        self.name = name

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        """Energy and forces of one structure, once the others have asked for theirs."""
        return self._joint.ask(self, structure)

    @property
    def waits(self) -> bool:
        """Whether it waits for the others to ask."""
        return self._joint.waits(self)

    @property
    def evaluated_with(self) -> tuple[str, ...]:
        """The names of those that are under evaluation together with it."""
        return self._joint.evaluated_with(self)
