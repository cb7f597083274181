"""Labelled frames: read from any file, labels named, judged frame by frame, split by trajectory, written for mace."""
