"""`python -m molgun_lmp`: the command `molgun`, for scripts that name their interpreter."""

from molgun_lmp.cli import main

if __name__ == "__main__":
    main()
