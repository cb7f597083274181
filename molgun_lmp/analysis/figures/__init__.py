"""One module for each figure, from rows that were computed elsewhere; the look is `plotting`'s."""
