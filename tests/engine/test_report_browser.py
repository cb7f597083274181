"""The report in a real browser: nothing is asked for, nothing complains, and what should turn turns."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Tab, browser, chromium
from report_cases import chain, movies, small_report

from molgun_lmp.analysis.report.page import write_report

pytestmark = pytest.mark.engine

DRAWN = """(() => {
  const canvas = document.getElementById("viewer-canvas");
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  const seen = copy.getImageData(0, 0, canvas.width, canvas.height).data;
  const paper = seen.slice(0, 3).join();
  let marks = 0, sum = 0;
  for (let i = 0; i < seen.length; i += 4) {
    if (seen.slice(i, i + 3).join() !== paper) marks += 1;
    sum = (31 * sum + 7 * seen[i] + 5 * seen[i + 1] + 3 * seen[i + 2]) % 1000000007;
  }
  return {share: 4 * marks / seen.length, sum, paper};
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium()
    folder = tmp_path_factory.mktemp("page")
    cast, shown = movies()
    return write_report(folder / "report.html", dataclasses.replace(small_report(folder), cast=cast, movies=shown))


@pytest.fixture(scope="module")
def tab(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as one:
        one.open(page)
        one.settled()
        yield one


def drawn(tab: Tab) -> dict[str, float | str]:
    tab.settled()
    found: dict[str, float | str] = tab.value(DRAWN)
    return found


def test_nothing_is_asked_for_and_nothing_complains(tab: Tab, page: Path) -> None:
    others = [one for one in tab.requests if not one.startswith("data:")]
    assert others == [page.as_uri()]
    assert tab.complaints == []


def test_the_first_trajectory_is_there(tab: Tab) -> None:
    assert 0.02 < float(drawn(tab)["share"]) < 0.9
    assert tab.value("document.getElementById('viewer-line').textContent").startswith("000001 (OT-CY at the end): 2.00")
    assert "000001" in tab.value("document.getElementById('viewer-canvas').getAttribute('aria-label')")


def test_mouse_and_keys_turn_it(tab: Tab) -> None:
    before = drawn(tab)
    tab.value("document.getElementById('viewer-canvas').scrollIntoView()")
    x, y = tab.value("(r => [r.x + r.width / 2, r.y + r.height / 2])("
                     "document.getElementById('viewer-canvas').getBoundingClientRect())")  # fmt: skip
    tab.drag((x, y), (x + 80, y + 30))
    dragged = drawn(tab)
    assert dragged["sum"] != before["sum"]
    tab.value("document.getElementById('viewer-canvas').focus()")
    tab.key("ArrowLeft")
    turned = drawn(tab)
    assert turned["sum"] != dragged["sum"]
    tab.key("+", "+")
    assert float(drawn(tab)["share"]) > float(turned["share"])
    tab.key("Home")
    assert drawn(tab)["sum"] == before["sum"]


def test_it_plays_to_the_end_and_steps(tab: Tab) -> None:
    end = drawn(tab)
    tab.value("document.getElementById('viewer-canvas').focus()")
    tab.key(",", ",")
    assert drawn(tab)["sum"] != end["sum"]
    played = tab.value("""new Promise(done => {
      const state = window.molgunViewer.state, before = state.drawn;
      window.molgunViewer.step(-1000);
      window.molgunViewer.play();
      const wait = () => state.playing ? requestAnimationFrame(wait) : done(state.drawn - before);
      wait();
    })""")
    assert played >= 2
    assert drawn(tab)["sum"] == end["sum"]


def test_a_link_of_a_mode_shows_its_trajectory(tab: Tab) -> None:
    before = drawn(tab)
    tab.value("""new Promise(done => {
      window.addEventListener("hashchange", () => done(1), {once: true});
      [...document.querySelectorAll(".summary a")].find(a => a.textContent === "scattered").click();
    })""")
    assert drawn(tab)["sum"] != before["sum"]
    assert tab.value("document.getElementById('viewer-line').textContent").startswith("000002 (scattered")
    assert tab.value("document.querySelector('#viewer [aria-current]').textContent") == "000002"


def test_it_follows_the_theme_and_is_printed_light(tab: Tab) -> None:
    assert drawn(tab)["paper"] == "255,255,255"
    tab.media(scheme="dark")
    dark = drawn(tab)
    assert dark["paper"] == "21,24,28"
    assert float(dark["share"]) > 0.02
    tab.value("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.value(DRAWN)["paper"] == "255,255,255"
    tab.value("window.dispatchEvent(new Event('afterprint'))")
    assert drawn(tab)["paper"] == "21,24,28"
    assert tab.paper().startswith(b"%PDF")
    tab.media()


def test_nothing_is_wider_than_a_telephone(tab: Tab) -> None:
    tab.size(390, 800)
    assert tab.value("document.documentElement.scrollWidth") <= 390
    assert tab.value(
        "(table => table.offsetWidth <= table.parentElement.clientWidth)(document.querySelector('.summary'))"
    )
    assert 0.02 < float(drawn(tab)["share"]) < 0.9
    assert tab.complaints == []


def test_a_chain_is_stepped_dose_by_dose(tab: Tab, page: Path) -> None:
    cast, movie = chain()
    other = write_report(page.with_name("chain.html"), dataclasses.replace(small_report(), cast=cast, movies=[movie]))
    tab.size(1000, 800)
    tab.open(other)
    line = "document.getElementById('viewer-line').textContent"
    three = drawn(tab)
    assert tab.value(line) == "chain-0: 3 of 3 doses, OT-CY"
    tab.value("molgunViewer.step(-1)")
    two = drawn(tab)
    assert tab.value(line) == "chain-0: 2 of 3 doses, scattered"
    assert 0.02 < float(two["share"]) < float(three["share"])
    assert tab.value("document.querySelector('#viewer .examples dt').textContent") == "chains, dose by dose"
    assert tab.complaints == []
