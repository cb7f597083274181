"""Geometry of surfaces: layers, terraces, dimers, adsorption sites, frozen atoms, shortest images, and which atoms are
the molecule's."""
