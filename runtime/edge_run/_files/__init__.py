"""Files: read bounded, replaced whole, hashed, and the folders that belong to the user."""

from __future__ import annotations

from .folders import cache_folder, data_folder, make_folder, sync_folder
from .hashing import sha256, sha256_file, sha256_parts
from .replace import move_folder, replace_file, replacing, sweep_unfinished, unfinished_folder

__all__ = [
    "cache_folder",
    "data_folder",
    "make_folder",
    "move_folder",
    "replace_file",
    "replacing",
    "sha256",
    "sha256_file",
    "sha256_parts",
    "sweep_unfinished",
    "sync_folder",
    "unfinished_folder",
]
