"""Times: moments of each trajectory, modes at fixed times after contact, survival, competing risks, rates; and heat."""
