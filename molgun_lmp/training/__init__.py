"""AIMD frames in, a fine-tuned and deployed MACE with its card and parity report out."""
