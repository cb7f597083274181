"""What is said of real chains: oxygen atoms that LAMMPS fired at copper one after the other."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from ase.neighborlist import neighbor_list
from dosing_cases import CUTOFF_ANGSTROM, PAIRS, fire_here, plan_doses

from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli import main
from molgun_lmp.dosing_records import Hold
from molgun_lmp.provenance import sha256_text
from molgun_lmp.readers.trajectory import Frame, read_frames
from molgun_lmp.records import Outcome
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.compare import Elsewhere, at_equal_coverage, chains_note, compare_sides, read_sides
from molgun_lmp.results.ended import clean_surface
from molgun_lmp.results.notebook import load_campaign
from molgun_lmp.results.report import report
from molgun_lmp.results.shown import shown

pytestmark = pytest.mark.engine

CHAINS, DOSES = 3, 4


@pytest.fixture(scope="module")
def fired(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = plan_doses(tmp_path_factory.mktemp("dosed"), chains=CHAINS, molecules=DOSES)
    assert fire_here(store) == CHAINS * DOSES
    return store


def test_every_molecule_of_a_shot_is_told_of_and_none_besides(fired: Store) -> None:
    outcomes = analyse(fired).outcomes
    assert len(outcomes) == CHAINS * DOSES
    for outcome in outcomes:
        company, shot = outcome.company, fired.trajectory(outcome.trajectory_id).shot()
        assert company is not None
        assert [one.dose for one in company.molecules] == [
            *(one.dose for one in shot.adsorbates),
            shot.index % DOSES,
        ]
        # What stays for the next dose is what bonds hold: what the analysis says is held is there again.
        following = [one for one in outcomes if int(one.trajectory_id) == shot.index + 1 and (shot.index + 1) % DOSES]
        held = {one.dose for one in company.molecules if one.hold is Hold.SURFACE}
        for later in following:
            assert later.company is not None
            assert held <= {one.dose for one in later.company.molecules}
    assert {outcome.slab_snapshot for outcome in outcomes} == {f"chain {chain}" for chain in range(CHAINS)}


def test_the_answers_rest_on_what_each_shot_met(fired: Store) -> None:
    analysis = analyse(fired)
    assert analysis.dosing is not None
    met = {one.folder.id: len(one.shot.adsorbates) for one in analysis.ended}
    with (fired.analysis / "doses.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["trajectory"]: int(row["met"]) for row in rows} == met
    first = [point.molecules for point in analysis.dosing.uptake]
    for dose in range(1, DOSES):
        assert first[dose] == pytest.approx(sum(met[f"{chain * DOSES + dose:06d}"] for chain in range(CHAINS)) / CHAINS)
    again = analyse(fired)  # from what was kept
    assert again.dosing is not None and again.dosing.to_json() == analysis.dosing.to_json()

    gathered = shown(fired, analysis, clean_surface(fired))
    chains = [movie for movie in gathered.movies if movie.chain]
    assert [movie.trajectory_id for movie in chains] == [f"chain-{chain}" for chain in range(CHAINS)]
    size = len(gathered.cast.molecule)
    for movie in chains:
        there = np.isfinite(movie.positions[:, gathered.cast.n_slab :: size, 0]).sum(axis=1)
        names = [f"{int(movie.trajectory_id[-1]) * DOSES + int(dose) - 1:06d}" for dose in movie.times_ps]
        assert there.tolist() == [met[name] + 1 for name in names]
    results = load_campaign(fired.root)
    assert len(results.doses("dose_molecules")) == sum(met.values()) + CHAINS * DOSES
    last = fired.trajectory(f"{DOSES - 1:06d}")
    result = last.result()
    assert result is not None
    frames = list(read_frames(last.dump(result)))
    assert len(results.trajectory(DOSES - 1)[0]) == len(frames[0].symbols)
    assert Outcome.from_json(analysis.outcomes[-1].to_json(), fired.scheme) == analysis.outcomes[-1]


def morse_ev(frame: Frame) -> float:
    """The energy of the campaign's own pair potential, cut and shifted, by the formula."""
    atoms = frame.atoms()
    first, second, length = neighbor_list("ijd", atoms, CUTOFF_ANGSTROM)
    depths = np.array([[well(*PAIRS[frozenset((a, b))], length) for b in ("O", "Cu")] for a in ("O", "Cu")])
    kind = (np.array(frame.symbols) == "Cu").astype(int)
    return float(0.5 * depths[kind[first], kind[second], np.arange(len(length))].sum())


def well(depth: float, steepness: float, at: float, length: FloatArray) -> FloatArray:
    def energy(r: FloatArray) -> FloatArray:
        return np.asarray(depth * (np.exp(-2 * steepness * (r - at)) - 2 * np.exp(-steepness * (r - at))))

    return energy(length) - energy(np.array([CUTOFF_ANGSTROM]))


def test_what_binds_a_newcomer_is_told_of_the_surface_that_it_met(
    fired: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said, _ = said_by(capsys, monkeypatch, "analyse", str(fired.root), "--quench", "--processes", "1")
    assert "less those of its own slab, as the molecule met it" in said
    analysis = analyse(fired)
    assert analysis.minima is not None and analysis.minima.missing == 0
    of = {one.folder.id: one for one in analysis.ended}
    later = [one for one in analysis.minima.quenched if of[one.trajectory_id].shot.adsorbates]
    assert len(later) > CHAINS
    for one in later:
        shot = of[one.trajectory_id].shot
        met = fired.root / "quench" / "slab" / sha256_text(f"after-{shot.index - 1:06d}")[:16]
        (surface,) = read_frames(met / "minimum.dump")
        (whole,) = read_frames(fired.root / "quench" / "0000" / one.trajectory_id / "minimum.dump")
        assert len(surface.symbols) == fired.manifest.n_slab + len(shot.adsorbates) == len(whole.symbols) - 1
        assert one.slab_energy_ev == pytest.approx(morse_ev(surface), rel=1e-6)
        assert one.energy_ev == pytest.approx(morse_ev(whole), rel=1e-6)
        assert one.molecule_energy_ev == 0.0
        assert one.binding_energy_ev == pytest.approx(morse_ev(whole) - morse_ev(surface), abs=1e-3)
        assert one.converged and one.binding_energy_ev < -1.0, "at least the depth of one bond"
        assert one.mode.can_stick


def said_by(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[str, str]:
    """What the command says, in one line, and its errors; it ends with 0 where there are none."""
    monkeypatch.setattr("sys.argv", ["molgun", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    out, error = (" ".join(text.split()) for text in (captured.out, captured.err))
    assert bool(ended.value.code) is error.startswith("molgun: ")
    return out, error


def test_the_commands_say_it_shortly(
    fired: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said, _ = said_by(capsys, monkeypatch, "analyse", str(fired.root))
    assert f"After {DOSES} doses" in said and "Taken up:" in said and f"Only {CHAINS} chains" in said
    said, _ = said_by(capsys, monkeypatch, "status", str(fired.root))
    assert f"{CHAINS} chains of {DOSES} doses: {CHAINS} after {DOSES} finished" in said
    _, error = said_by(capsys, monkeypatch, "collect", str(fired.root), str(fired.root))
    assert "There is nothing to collect" in error
    for given, why in (
        (("--target", "stock"), "leave --target out"),
        (("--until", "stuck:0.1"), "--until: chains of doses are fired by molgun_lmp itself"),
        ((), "every dose of campaign oxygen has ended"),
    ):
        _, error = said_by(
            capsys, monkeypatch, "cluster", str(fired.root), "-o", str(fired.root.with_name("job")), *given
        )
        assert why in error


def test_the_page_shows_chains(fired: Store) -> None:
    page = report(fired, analyse(fired)).read_text(encoding="utf-8")
    assert f"{CHAINS * DOSES} shots are of {CHAINS} chains of doses." in page and "slab snapshot" not in page
    assert '<section id="doses">' in page and f"After {DOSES} doses" in page
    assert all(f"chain-{chain}" in page for chain in range(CHAINS))
    assert {"uptake.png", "dose-outcomes.png"} <= {file.name for file in (fired.analysis / "figures").iterdir()}


def test_campaigns_are_compared_chain_by_chain_and_at_equal_coverage(
    fired: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same molecules onto the same slabs, which have half as long to cool: the first ones end alike."""
    other = plan_doses(tmp_path, chains=CHAINS, molecules=DOSES, dose={"between_ps": 0.4})
    assert fire_here(other) == CHAINS * DOSES
    sides = read_sides([fired.root, other.root], Elsewhere())
    first, second = ([one for one in side.outcomes if int(one.trajectory_id) % DOSES == 0] for side in sides)
    assert first == second
    comparison = compare_sides(sides)
    (pairing,) = comparison.pairings
    assert (pairing.chains, pairing.shots) == (CHAINS, CHAINS * DOSES)
    # Shots are of so few chains that next to nothing is known; as many shots by themselves would tell more.
    stuck = next(one for one in comparison.differences if one.row == "stuck, of all")
    assert stuck.interval[1] - stuck.interval[0] > 0.6
    met = at_equal_coverage(sides)
    assert {one.what for one in met} == {"sticking", "outcome"} and met[0].monolayers_low == 0.0
    assert met[0].reference_shots == sum(len(one.company.molecules) == 1 for one in sides[0].outcomes if one.company)
    said, _ = said_by(capsys, monkeypatch, "compare", str(fired.root), str(other.root), "-o", str(tmp_path / "both"))
    assert "chain by chain" in said and "at equal dose, not at equal coverage" in said
    assert "taken up, by coverage met" in said and "Differs, dose.between_ps" in said
    assert (tmp_path / "both" / "coverage_differences.csv").is_file()
    drawn = sides[1].drawn
    assert drawn is not None
    shorter = dataclasses.replace(sides[1], drawn=dataclasses.replace(drawn, doses=DOSES - 1))
    assert "dose.molecules differs" in compare_sides([sides[0], shorter]).pairings[0].sentence()
    assert f"has chains of {DOSES - 1} doses" in chains_note([sides[0], shorter])
