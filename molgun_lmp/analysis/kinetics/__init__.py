"""Times: moments of each trajectory, modes at fixed times after contact, survival with competing risks, rates."""
