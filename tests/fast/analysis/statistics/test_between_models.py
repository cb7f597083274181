"""What models add to a fraction: the two-way layout by hand, no luck taken for models, and an interval that holds."""

import itertools

import numpy as np
import paper_classes as paper
import pytest
from outcome_cases import outcome_of
from scipy.special import ndtr, ndtri

from molgun_lmp.analysis.statistics.between_models import OverModels, VarianceParts, over_models
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters
from molgun_lmp.analysis.statistics.members import Members, compare_members
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome

SHOTS, POOL = 160, 20
SHARED = 0.05
"""Of a shot's scatter, what its snapshots decide."""


def snapshots() -> Clusters:
    """Every shot has one of twenty snapshots of each kind, hardly ever the same two."""
    return Clusters.of([k % POOL for k in range(SHOTS)], [7 * k // 3 % POOL for k in range(SHOTS)])


def hits(
    rng: np.random.Generator, clusters: Clusters, models: FloatArray, fraction: float, luck: float
) -> tuple[BoolArray, FloatArray]:
    """Shots that hit under each model but the last, (K, N), and each model's true fraction (K + 1,).

    A shot hits where a normal number is below a threshold: part of its scatter is that of its snapshots, part its own
    under all models, and the part `luck` is its own under each; `models` (K + 1,) move all shots of one.
    """
    common = np.sqrt(SHARED / 2) * (rng.normal(size=POOL)[clusters.slab] + rng.normal(size=POOL)[clusters.molecule])
    common += np.sqrt(1 - luck - SHARED) * rng.normal(size=SHOTS)
    own = np.sqrt(luck) * rng.normal(size=(len(models) - 1, SHOTS))
    threshold = ndtri(fraction)
    return common + own + models[:-1, None] < threshold, ndtr(threshold - models)


def row(hit: BoolArray, clusters: Clusters) -> OverModels:
    found = over_models([Line.of_all(one) for one in hit], clusters)
    assert found is not None
    return found


def test_of_independent_shots_the_variances_are_those_of_the_two_way_layout() -> None:
    rng = np.random.default_rng(0)
    values = (rng.random((4, 30)) < 0.4).astype(float)
    members, shots = values.shape
    residual = values - values.mean(axis=0) - values.mean(axis=1)[:, None] + values.mean()
    mean_square = (residual**2).sum() / ((members - 1) * (shots - 1))
    alone = Clusters.of(range(shots), range(shots))
    found = VarianceParts.of(values, alone)
    assert found.luck == pytest.approx(mean_square / shots)
    of_members = shots * ((values.mean(axis=1) - values.mean()) ** 2).sum() / (members - 1)
    assert found.between == pytest.approx((of_members - mean_square) / shots)
    # The same from the pairs: McNemar's variance of each difference, half of it for each of the two.
    pairs = [values[a] - values[b] for a, b in itertools.combinations(range(members), 2)]
    assert found.luck == pytest.approx(np.mean([one.var(ddof=1) / shots / 2 for one in pairs]))


@pytest.mark.parametrize("luck", [0.1, 0.9])
def test_luck_is_not_taken_for_models(luck: float) -> None:
    """On average nothing is left where all models are alike, and their variance where they are not."""
    rng, clusters = np.random.default_rng(1), snapshots()
    for spread in (0.0, 0.3):
        left, true = [], []
        for _ in range(150):
            hit, fractions = hits(rng, clusters, spread * rng.normal(size=5), 0.4, luck)
            left.append(VarianceParts.of(hit.astype(float), clusters).between)
            true.append(fractions[:-1].var(ddof=1))
        error = np.std(np.subtract(left, true)) / np.sqrt(len(left))
        assert abs(np.mean(left) - np.mean(true)) < 3 * error + 2e-4, "few snapshots tell a little too little"


@pytest.mark.parametrize(("members", "fraction"), [(3, 0.5), (4, 0.2), (5, 0.5)])
def test_the_interval_holds_for_another_model(members: int, fraction: float) -> None:
    """Whether models differ not at all, as much as luck would make them, or by far more; with little luck and much."""
    rng, clusters, covered = np.random.default_rng(members), snapshots(), {}
    for spread, luck in itertools.product((0.0, 0.1, 0.8), (0.1, 0.9)):
        inside, wider = [], []
        for _ in range(150):
            hit, true = hits(rng, clusters, spread * rng.normal(size=members + 1), fraction, luck)
            found = row(hit, clusters)
            inside.append(found.total[0] <= true[-1] <= found.total[1])
            wider.append(np.ptp(found.total) / np.ptp(found.sampling))
        covered[spread, luck] = np.mean(inside)
        if spread == 0.0 and luck < 0.5:
            assert np.median(wider) < 1.5, "models that are alike cost little where shots say so"
    assert min(covered.values()) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 150), covered
    assert np.mean(list(covered.values())) > 0.95, covered


def test_what_cannot_be_told_is_said() -> None:
    hit = np.array([[True] * 6 + [False] * 4, [True] * 5 + [False] * 5])
    one_slab = row(hit, Clusters.of([0] * 10, range(10)))
    assert (one_slab.total, one_slab.between_variance) == ((0.0, 1.0), None)
    assert "a single slab snapshot" in one_slab.note
    alone = Clusters.of(range(10), range(10))
    never = over_models([Line(hit=one, counted=np.zeros(10, dtype=np.bool_)) for one in hit], alone)
    assert never is None
    alike = row(np.array([hit[0]] * 3), alone)
    assert alike.total == alike.sampling and alike.between_variance == 0.0, "no shot says that models differ"
    few, more = row(np.array([hit[0], hit[1]]), alone), row(np.array([hit[0], hit[1]] * 3), alone)
    assert few.total[0] < more.total[0] and more.total[1] < few.total[1], "two members know less than six"
    assert few.total[0] < few.sampling[0] and few.sampling[1] < few.total[1]


def test_a_table_of_members() -> None:
    ends = (
        [paper.OT_CY, paper.OT_CY, paper.OT_CY],
        [paper.OT_CY, paper.SCATTERED, paper.SCATTERED],
        [paper.BR_CY, paper.SCATTERED, paper.OT_CY],
        [paper.SCATTERED] * 3,
    )

    def member(number: int, modes: list[list[Mode]]) -> tuple[str, list[Outcome]]:
        return f"m{number}", [outcome_of(k, one[number]) for k, one in enumerate(modes)]

    found = compare_members(paper.SCHEME, [member(number, list(ends)) for number in range(3)])
    assert (found.shots, found.split.count, found.split.shots) == (4, 2, 4)
    assert found.pair_split == pytest.approx((2 + 3) / 12)
    assert {frozenset((one.one, one.other)): one.shots for one in found.exchanges} == {
        frozenset((paper.OT_CY, paper.SCATTERED)): 2,
        frozenset((paper.BR_CY, paper.SCATTERED)): 1,
        frozenset((paper.BR_CY, paper.OT_CY)): 1,
    }
    assert [one.trajectory_id for one in found.split_shots] == ["000001", "000002"]
    assert found.split_shots[1].modes == (paper.BR_CY, paper.SCATTERED, paper.OT_CY)
    line = found.row(paper.OT_CY.label)
    assert [one.count for one in line.members] == [2, 1, 2]
    assert line.fraction == pytest.approx(5 / 12)
    assert line.between_models is not None
    assert "2 of 4 shots end in a class that depends on the member" in found.sentence()
    assert Members.from_json(found.to_json(), paper.SCHEME) == found
    for wrong in (
        [member(0, list(ends))],
        [member(0, list(ends)), member(0, list(ends))],
        [member(0, list(ends)), member(1, list(ends[:3]))],
    ):
        with pytest.raises(InputFileError, match="give"):
            compare_members(paper.SCHEME, wrong)
