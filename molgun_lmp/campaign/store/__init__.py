"""The campaign folder on disk: whole or not at all, true after every kill.

`campaign_folder` owns paths and results, `claims` who runs what, `checkpoints` and `completeness` what a run left
behind, `integrity` and `manifest` what may not change, `index` fast counts, `run_set` a folder of decks as workers
see it, `stop_rule` the record of `--until`.
"""
