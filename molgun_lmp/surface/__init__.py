"""Geometry of surfaces: layers, dimers, frozen atoms, shortest images, and which atoms are the molecule's."""
