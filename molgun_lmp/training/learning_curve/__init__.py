"""Test error against the size of the training set: nested subsets, their trainings, the fitted law, the figure."""
