"""What became of a molecule: bonds with hysteresis, the class of a frame, the path of a trajectory, its verdict.

`bonds`, `bond_tracking` -> `classify` (one frame) -> `trajectory_path` (all frames) -> `decide` (the outcome);
`intact_molecule`, `isomorphism` and `smarts` say what the molecule is, `external_system` and `single_frames` do the
same for files made elsewhere, `minima` for minimised ends.
"""
