"""Many trajectories: the folder on disk, the workers that claim from it, and their supervisor."""
