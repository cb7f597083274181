"""Where: impact points, and how densely the space above the surface cell was sampled."""
