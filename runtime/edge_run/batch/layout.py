"""Where everything lies in an output folder.

batch.json                              which bundle answers, at which precision
lists/<hash>.jsonl                      the files of the archive: path and SHA-256
parts/00003-of-00016-1f2e3d4c-0001.jsonl        rows, see `chain`; .parquet in the other form
parts/00003-of-00016-1f2e3d4c-0001.jsonl.head   how many rows, and the hash of the last
parts/00003-of-00016-1f2e3d4c-0002.jsonl.open   rows of a part that is still being written, or was when its
                                                process was killed
parts/00003-of-00016.lock               held by the process that works on the shard
answers.jsonl, summary.json             what merging writes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS, LISTS, PARTS, SUMMARY = "batch.json", "lists", "parts", "summary.json"
JSONL, PARQUET, OPEN = ".jsonl", ".parquet", ".open"


def sealed_parts(folder: Path) -> list[Path]:
    """List the parts that are complete, in the order of their names."""
    parts = folder / PARTS
    return sorted(path for suffix in (JSONL, PARQUET) for path in parts.glob(f"[!.]*{suffix}"))


def open_parts(folder: Path, prefix: str = "") -> list[Path]:
    """List the parts that are not complete: their process still writes, or was killed."""
    return sorted(path for path in (folder / PARTS).glob(f"{prefix}[!.]*{JSONL}{OPEN}") if not is_sealed(path))


def is_sealed(unfinished: Path) -> bool:
    """Return whether a process was killed after it had completed this part, and before it removed the open one."""
    return sealed_name(unfinished, PARQUET).exists() or sealed_name(unfinished, JSONL).exists()


def sealed_name(unfinished: Path, suffix: str) -> Path:
    """Return the name that an open part has once it is complete."""
    return unfinished.with_name(unfinished.name.removesuffix(JSONL + OPEN) + suffix)


def all_parts(folder: Path) -> Iterator[Path]:
    """Yield every part, those that are not complete last."""
    yield from sealed_parts(folder)
    yield from open_parts(folder)
