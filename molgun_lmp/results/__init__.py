"""What reads a campaign back, one module for each command that asks: decided outcomes, tables, figures, the page.

`analyse`, `compare`, `external`, `map`, `quench`, `replay_verdict`, `report`, `sensitivity` and `trust` are commands;
`notebook` is Python's way in (`molgun_lmp.load_campaign`). Below them: `ended` (a trajectory that ended, with what is
needed to decide it), `decide_all` and `parallel` (many at once), `outcome_cache` (decided before), `one_pass` (one walk
over the frames for everyone who looks), `tables` and `table_files` (what is computed and written as CSV).
"""
