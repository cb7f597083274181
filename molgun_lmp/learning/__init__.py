"""`molgun learn`: rounds of fire, choose, label, check, train, export and test, until the model knows what it meets.

`settings` is the loop file, `loop` runs the rounds, `stages` has one function for each stage, which calls what the
command of that name calls; `choice` picks frames, `judging` looks at them, `loop_folder` owns the files.
"""
