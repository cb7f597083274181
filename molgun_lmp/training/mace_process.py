"""Mace's trainer in a process of its own, on a leash: it ends when its standard input does.

The caller holds the other end of that pipe and never writes to it. The system closes it when the caller ends, also
by SIGKILL, so no trainer goes on unseen; with torchrun every process that it starts inherits the pipe.
"""

import os
import threading


def main() -> None:
    """Run `mace_run_train` with the arguments of this process."""
    threading.Thread(target=_leash, daemon=True).start()
    from mace.cli.run_train import main as train  # noqa: PLC0415  # seconds, in which the leash holds already

    train()


def _leash() -> None:
    # Not sys.stdin: its lock would be held when the interpreter ends.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
