"""From a campaign file to a campaign folder: everything checked, every shot drawn once, one deck for each.

`plan` is the command, `engine_choice` what its decks are run with, `projection` what they will cost, `examples` the
campaign files that ship with the package, `replay` and `replay_deck` one trajectory once more.
"""
