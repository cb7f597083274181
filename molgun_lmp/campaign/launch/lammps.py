"""Can the chosen LAMMPS run these decks? Asked once, before workers are started."""

from molgun_lmp.campaign.launch.same_answer import require_same_answer
from molgun_lmp.campaign.store.campaign_folder import ENGINE_NAME
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.engine.chosen_lammps import chosen_lammps, require_arguments, try_lammps
from molgun_lmp.engine.registry import ENGINES
from molgun_lmp.engine.target_needs import pair_styles_of, styles_of
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME


def require_lammps(work: Work) -> list[str]:
    """Remarks on a LAMMPS that is not this environment's own, or has more arguments; none, and no look, for its own.

    Raises `EngineError` or `ConfigError` where it does not start, lacks a style of the decks, or would compute wrongly.
    """
    chosen = chosen_lammps()
    folders = [folder for folder in work.folders if not folder.result_file.exists()]
    if not chosen.named or not folders:
        return []
    include = (work.root / ENGINE_NAME).read_text(encoding="utf-8")
    deck = (folders[0].path / INPUT_NAME).read_text(encoding="utf-8")
    pairs = [("pair", name) for name in pair_styles_of(include)]
    remarks = try_lammps(sorted({*styles_of(deck), *styles_of(include), *pairs}))
    if ENGINES[work.engine.kind].runs_as == "pair_style":
        require_arguments(chosen, include, work.engine.dtype)
        decks = (one.path for one in folders if (one.path / DATA_NAME).is_file())  # of chains only the first dose
        first = next(decks, None)
        if first is not None:
            remarks += require_same_answer(work, first)
    return remarks
