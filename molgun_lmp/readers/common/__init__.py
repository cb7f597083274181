"""What all readers share: unpacking, one frame of a trajectory, one reference frame, and why a frame is not used."""
