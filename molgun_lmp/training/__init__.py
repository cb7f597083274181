"""Labelled frames in, a deployed and proven MACE out: dataset, training, errors, export, card."""
