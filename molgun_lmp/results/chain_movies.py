"""Chains of doses for the page: every molecule has its place in the cast, and a chain is a movie of a frame a dose."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np

from molgun_lmp.analysis.report.movies import Cast, Movie
from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.results.decided import Ended, doses_of_a_chain
from molgun_lmp.results.ended import chosen_frames, has_dump

SHOWN_CHAINS: Final = 4


def with_all_doses(store: Store, cast: Cast) -> Cast:
    """The cast with a molecule for each dose of a chain, or for each that stands at a covered surface and the newcomer;
    the cast itself where shots are by themselves at a clean one."""
    config = store.config()
    molecules = doses_of_a_chain(config) or 1 + len(config.system.slab.adsorbates)
    return dataclasses.replace(
        cast, symbols=cast.symbols[: cast.n_slab] + molecules * cast.symbols[cast.n_slab :], molecules=molecules
    )


def in_cast(frame: Frame, one: Ended, cast: Cast, dose: int) -> FloatArray:
    """(N, 3) Å: the frame's atoms in their places of the cast, NaN for those that are not there; `dose`: which of its
    molecules the newcomer is."""
    if cast.molecules == 1:
        return frame.unwrapped
    size = len(cast.molecule)
    newcomer = (dose, range(size))
    places = [
        cast.n_slab + dose * size + atom
        for dose, atoms in (*((left.dose, left.atoms) for left in one.shot.adsorbates), newcomer)
        for atom in atoms
    ]
    found = np.full((len(cast.symbols), 3), np.nan)
    found[: cast.n_slab] = frame.unwrapped[: cast.n_slab]
    found[places] = frame.unwrapped[cast.n_slab :]
    return found


class ChainMovies:
    """Gathers the last frames of the first chains, shot by shot in their order; nothing where there are no `doses`."""

    def __init__(self, cast: Cast, doses: int | None) -> None:
        self._cast, self._doses = cast, doses
        self._chains: dict[int, list[tuple[int, Ended, FloatArray]]] = {}

    def add(self, one: Ended, frames: int) -> None:
        """A shot of so many frames; one whose dump is gone is left out. Raises `InputFileError` for a damaged one."""
        if self._doses is None or one.shot.index >= SHOWN_CHAINS * self._doses or not has_dump(one.folder, one.result):
            return
        chain, dose = divmod(one.shot.index, self._doses)
        (last,) = chosen_frames(one.folder, one.result, frozenset({frames - 1}), velocities=False)
        self._chains.setdefault(chain, []).append((dose + 1, one, in_cast(last, one, self._cast, dose)))

    def result(self) -> list[Movie]:
        """One for each of them."""
        return [_movie(chain, shots) for chain, shots in self._chains.items()]


def _movie(chain: int, shots: Sequence[tuple[int, Ended, FloatArray]]) -> Movie:
    return Movie(
        trajectory_id=f"chain-{chain}",
        mode=shots[-1][1].outcome.mode,
        times_ps=np.array([float(dose) for dose, _, _ in shots]),
        positions=np.array([positions for _, _, positions in shots]),
        events=tuple((float(dose), one.outcome.mode) for dose, one, _ in shots),
        chain=True,
    )
