"""What became of a molecule: bonds with hysteresis, the class of a frame, the path of a trajectory, its verdict.

`bonds`, `bond_tracking` -> `classify` (one frame) -> `trajectory_path` (all frames) -> `decide` (the outcome);
`slab_state` says which atoms the slab still holds, `end_state` where the molecule's pieces are;
`intact_molecule`, `isomorphism` and `smarts` say what the molecule is, `external_system` and `single_frames` do the
same for files made elsewhere, `minima` for minimised ends.
"""
