"""Site files of `molgun run --parsl`: what they offer, and what is said of one that cannot be used."""

import sys
from pathlib import Path

import pytest

from molgun_lmp.campaign.launch.parsl_blocks import seats
from molgun_lmp.campaign.launch.parsl_site import load_site, places, site_names
from molgun_lmp.errors import ConfigError, EngineError

HTEX = """
from parsl import Config
from parsl.executors import HighThroughputExecutor, ThreadPoolExecutor
from parsl.providers import LocalProvider
"""


def site(folder: Path, text: str) -> str:
    file = folder / "site.py"
    file.write_text(HTEX + text)
    return str(file)


@pytest.mark.parametrize("name", ["local", "slurm"])
def test_the_site_files_that_come_with_molgun_offer_workers(name: str) -> None:
    assert name in site_names()
    offered = places(load_site(name))
    assert list(offered) == [name]
    assert offered[name] >= 1
    if name == "slurm":
        assert offered == {"slurm": 160}, "ten blocks of sixteen"


def test_a_site_file_is_read_anew_each_time_since_an_executor_starts_once(tmp_path: Path) -> None:
    executor = "HighThroughputExecutor(max_workers_per_node=3, provider=LocalProvider(max_blocks=2))"
    file = site(tmp_path, f"config = Config(executors=[{executor}])")
    first, second = load_site(file), load_site(file)
    assert first.executors[0] is not second.executors[0]
    assert places(first) == {"HighThroughputExecutor": 6}


def test_workers_are_spread_over_all_executors() -> None:
    assert seats({"cpu": 3, "gpu": 1}, 10) == ["cpu", "gpu", "cpu", "cpu"]
    assert seats({"cpu": 3, "gpu": 1}, 2) == ["cpu", "gpu"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "defines no `config`"),
        ("config = {'executors': []}", "`config` is of type dict and must be a parsl.Config"),
        ("raise OSError('no licence server')", "cannot be run: OSError: no licence server"),
        ("import sys\nsys.exit(3)", "cannot be run: SystemExit: 3"),
        ("config = Config(", "cannot be run: SyntaxError"),
        ("config = Config()", r"the executor 'threads' of the site file \(ThreadPoolExecutor\) has no blocks"),
        ("config = Config(executors=[HighThroughputExecutor()])", "does not say how many workers a node has"),
        (
            "config = Config(executors=[HighThroughputExecutor(max_workers_per_node=2, "
            "provider=LocalProvider(max_blocks=0, init_blocks=0))])",
            r"has no workers: 0 blocks \(max_blocks\)",
        ),
    ],
)
def test_a_file_that_offers_no_workers_is_refused_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        places(load_site(site(tmp_path, text)))


def test_a_file_that_is_not_there_is_refused_with_the_names_that_are() -> None:
    with pytest.raises(ConfigError, match=r"no file nowhere\.py.*local, slurm"):
        load_site("nowhere.py")


def test_without_parsl_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "parsl", None)
    with pytest.raises(EngineError, match=r"pip install 'molgun_lmp\[parsl\]'"):
        load_site(site(tmp_path, ""))
