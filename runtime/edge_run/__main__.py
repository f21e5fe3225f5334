"""``python -m edge_run`` is the command ``edge-run``."""

from edge_run.cli import console

if __name__ == "__main__":
    console()
