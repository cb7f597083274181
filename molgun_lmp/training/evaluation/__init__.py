"""How wrong a model is on labelled frames: by element, molecule and surface, and trajectory, with figures."""
