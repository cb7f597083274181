"""Readers of the files that hold reference frames, one for each family of formats, all streaming."""
