"""The look of all figures, how they are stored with their numbers, and how a page takes them in."""
