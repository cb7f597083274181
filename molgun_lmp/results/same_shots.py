"""Whether campaigns fired the same shots and differ in their models alone."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

from molgun_lmp.campaign.store.campaign_folder import ENGINE_NAME, INNER_FOLDER, MODEL_FOLDER, Store
from molgun_lmp.errors import CampaignError, InputFileError
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.models.card import CARD_NAME
from molgun_lmp.results.campaign_differences import CampaignFacts, differences
from molgun_lmp.results.decided import Ended


def require_only_models_differ(named: Sequence[tuple[str, Store]]) -> None:
    """Raise `InputFileError` for campaigns, each with a name, of one model, or in which more than the model differs:
    seed, pools, gun, dynamics, stop rules, criteria, engine, dispersion, molecule or surface.

    Chains of doses, and shots that were ended once they had settled, are refused.
    """
    for name, store in named:
        config = store.config()
        if config.dose is not None:
            raise InputFileError(
                f"{name} fires chains of doses: each dose after the first starts from what its model made of those "
                "before it, so that no two members fire the same shots. Compare single shots."
            )
        if config.stop.settled is not None:
            raise InputFileError(
                f"{name} ends shots once they have settled, for other shots under each model. Plan the members with "
                "--set stop.settled=null."
            )
    found = differences([(name, _facts(store)) for name, store in named])
    if found:
        what, values = next(iter(found.items()))
        more = f", and {len(found) - 1} more ({', '.join(itertools.islice(found, 1, 5))})" if len(found) > 1 else ""
        raise InputFileError(
            "members must differ in nothing but their models, else the models' share in the answer is not known. What "
            f"differs is {what} ({'; '.join(f'{name}: {value}' for name, value in values.items())}){more}. Plan all "
            "of one campaign file, with another model.folder each."
        )
    for (name, store), (other, another) in itertools.combinations(named, 2):
        if _forces(store) == _forces(another):
            raise InputFileError(
                f"{name} and {other} were fired under one model ({store.manifest.model}): their shots are the same to "
                "the last digit, and say nothing of how models differ. Plan each with a member of its own, "
                "`--set model.folder=MEMBER`."
            )


def require_same_starts(named: Sequence[tuple[str, Sequence[Ended]]]) -> None:
    """Raise `InputFileError` where shots, the same ones of each campaign in order, do not start from equal first
    frames, to the last digit of their data files; `CampaignError` where one of these is missing."""
    (first, ours), *others = named
    for name, theirs in others:
        for one, another in zip(ours, theirs, strict=True):
            if one.shot != another.shot or _start(one.folder.path) != _start(another.folder.path):
                raise InputFileError(
                    f"shot {one.folder.id} does not start alike in {first} and {name}, though seed, pools and gun "
                    "agree: models of different cutoffs start elsewhere in cells of different heights. Give all of "
                    "them the same gun.start with gun.skip_free_flight off, and one system.cell_height_angstrom."
                )


def _facts(store: Store) -> CampaignFacts:
    """With what the shots were drawn from, and without the model, which is meant to differ."""
    facts, drawn = CampaignFacts.of(store), store.manifest
    conditions = {key: value for key, value in facts.conditions.items() if key != "model"}
    pools = {f"{part} pool": f"SHA-256 {digest[:12]}..." for part, digest in drawn.pools.items()}
    return dataclasses.replace(facts, conditions={"seed": str(drawn.seed), **pools, **conditions})


def _forces(store: Store) -> tuple[object, ...]:
    """What decides the forces: of an ML model its file, of pair potentials their commands and files."""
    engine, files = store.manifest.engine, store.manifest.files
    if engine.commands:
        card = f"{MODEL_FOLDER}/{CARD_NAME}"
        own = {name: digest for name, digest in files.items() if name.startswith(f"{MODEL_FOLDER}/") and name != card}
        return files[ENGINE_NAME], tuple(sorted(own.items()))
    return tuple(
        digest
        for name, digest in sorted(files.items())
        if name == f"{MODEL_FOLDER}/{engine.model_file}" or name.startswith(f"{INNER_FOLDER}/")
    )


def _start(folder: Path) -> bytes:
    """A data file without its title, which names the campaign."""
    file = folder / DATA_NAME
    try:
        return file.read_bytes().partition(b"\n")[2]
    except OSError as error:
        raise CampaignError(f"cannot read {file}: {error.strerror}. Copy the campaign folder again.") from error
