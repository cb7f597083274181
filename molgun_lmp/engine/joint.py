"""Many trajectories at once: the force calls of several LAMMPS instances, in threads, become one evaluation."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from molgun_lmp.engine.asked import AskedForModel
from molgun_lmp.engine.force_models import Evaluation, ForceModel, Structure

_REMEMBERED: Final = 10_000


class JointEvaluation:
    """Where trajectories meet: once each of those that are under way waits for forces, all are evaluated in one call.

    A trajectory takes part from its first force call until its `member` block ends, so that one which is being set up,
    or has ended, keeps nobody waiting (continuous batching). Where the joint call raises, the structures are evaluated
    one by one, and only the guilty ones hear of it.
    """

    def __init__(self, model: ForceModel) -> None:
        self._model = model
        self._changed = threading.Condition()
        self._members: set[Member] = set()
        self._asked: dict[Member, Structure] = {}
        self._answers: dict[Member, Evaluation | BaseException] = {}
        self._busy = False
        self.sizes: deque[int] = deque(maxlen=_REMEMBERED)
        """How many structures each evaluation held, in order; the last 10,000."""

    @contextmanager
    def member(self, *, at_once: bool = False) -> Iterator["Member"]:
        """A force model for one trajectory; the block's end says that it will ask no more.

        With `at_once` the others wait for it from now on, and not only from its first force call.
        """
        member = Member(self, self._model)
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

    def ask(self, member: "Member", structure: Structure) -> Evaluation:
        """The evaluation of one member's structure, made with those of the others. Raises what the model raises."""
        with self._changed:
            self._members.add(member)
            self._asked[member] = structure
            self._changed.notify_all()
            while member not in self._answers:
                if self._busy or len(self._asked) < len(self._members):
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
        self._busy = True
        self._changed.release()
        try:
            answers = _answers(self._model, list(batch.values()))
        finally:
            self._changed.acquire()
            self._busy = False
            self._changed.notify_all()
        self.sizes.append(len(batch))
        for member, answer in zip(batch, answers, strict=True):
            if member in self._members:
                self._answers[member] = answer


class Member(AskedForModel):
    """One trajectory's force model; what it asks is answered together with the others of its `JointEvaluation`."""

    def __init__(self, joint: JointEvaluation, model: ForceModel) -> None:
        super().__init__(model)
        self._joint = joint

    def evaluate(self, structure: Structure) -> Evaluation:
        """Energy and forces of one structure, once the others have asked for theirs."""
        return self._joint.ask(self, structure)


def _answers(model: ForceModel, structures: list[Structure]) -> list[Evaluation | BaseException]:
    try:
        return list(model.evaluate_many(structures))
    except Exception as error:
        if len(structures) == 1:
            return [error]
    return [answer for structure in structures for answer in _answers(model, [structure])]
