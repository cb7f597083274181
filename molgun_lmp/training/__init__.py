"""Labelled frames in, a deployed and proven MACE out.

`dataset` (frames read, sieved, split), `trainer` (mace's own trainer, restartable), `evaluation` (errors), `export`
(deployed files and their parity), `labelling` (reference calculations), `learning_curve`, `descriptors` (how far is a
frame from the training set?). `settings` and `presets` are the training file, `run_folder` a training on disk.
"""
