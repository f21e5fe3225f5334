"""Write a bundle of toy networks, for figures in which the networks' time is in the way.

python -m benchmarks.serve.toys FOLDER
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Write it."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    importlib.import_module("toy").write_toy_bundle(folder)
    print(f"wrote {folder}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
