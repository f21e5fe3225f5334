"""The tables that describe a folder of scans: ``splits.csv`` (``path,label,split,group``) and ``groups.csv``."""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final, NamedTuple

from edge_run.errors import DataError

from .samples import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

COLUMNS: Final = ("path", "label", "split", "group")
SHOWN: Final = 20


class Row(NamedTuple):
    """One line of ``splits.csv``: ``path`` is relative to the folder, with forward slashes."""

    path: str
    label: str
    split: str
    group: str


def listing(items: Iterable[str]) -> str:
    """Indented lines for an error message: the first 20, then how many more there are."""
    entries = list(items)
    more = [f"and {len(entries) - SHOWN} more"] if len(entries) > SHOWN else []
    return "".join(f"\n  {entry}" for entry in entries[:SHOWN] + more)


def find_table(folder: Path, name: str) -> Path | None:
    """Return the path of a folder's table, None where it has none.

    Raises
    ------
    DataError
        The table is there but is a dangling link or no file, or a file is called almost like it: passed over in
        silence, it would leave patients in two splits.
    """
    path = folder / name
    if path.is_file():
        return path
    if os.path.lexists(path):
        reason = f"is a link to {path.readlink()}, which is not there" if path.is_symlink() else "is no file"
        raise DataError(f"{path} {reason}", hint="restore it, or remove it")
    stem = name.partition(".")[0]
    alike = re.compile(rf"{stem[:-1]}s?([ ._-].*)?\.(csv|tsv|txt|xlsx?|ods)", re.IGNORECASE)
    found = sorted(other.name for other in folder.iterdir() if alike.fullmatch(other.name))
    if found:
        raise DataError(
            f"{folder} has {', '.join(found)}, but a table must be called {name}",
            hint=f"save it as {name} ({','.join(COLUMNS if stem == 'splits' else ('path', 'group'))}), or remove it",
        )
    return None


def read_table(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file that must have ``columns``: each row with its line number, its values stripped.

    Raises
    ------
    DataError
        Not UTF-8, not CSV, a missing column, no row, a row without a path, a path that leaves the folder, or
        one named twice.
    """
    header = ",".join(columns)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            names = [name.strip().lower() for name in next(reader, [])]
            rows = [(reader.line_num, fields) for fields in reader if any(field.strip() for field in fields)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} is not a UTF-8 CSV file: {error}", hint=f"save it as UTF-8, header {header}"
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from error
    missing = [column for column in columns if column not in names]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(missing)}; its first line is {','.join(names)!r}",
            hint=f"the first line must be {header}, separated by commas",
        )
    if not rows:
        raise DataError(f"{path} has no rows", hint=f"add one line per image: {header}")
    where = {column: names.index(column) for column in columns}
    table = [
        (line, {column: fields[i].strip() if i < len(fields) else "" for column, i in where.items()})
        for line, fields in rows
    ]
    _check_paths(path, table)
    return table


def _check_paths(path: Path, table: Sequence[tuple[int, dict[str, str]]]) -> None:
    lines: dict[str, list[int]] = defaultdict(list)
    outside = []
    for line, row in table:
        # Windows knows both slashes and drives: what would leave the folder on any system is refused on all.
        windows = PureWindowsPath(row["path"])
        if not row["path"] or windows.anchor or ".." in windows.parts:
            outside.append(f"line {line}: {row['path']!r}")
        row["path"] = str(PurePosixPath(row["path"]))
        lines[row["path"]].append(line)
    if outside:
        raise DataError(
            f"{path} names paths that are empty, absolute or lead out of its folder:{listing(outside)}",
            hint="write each path relative to the folder of the CSV file, without '..'",
        )
    twice = [f"{name}: lines {', '.join(map(str, found))}" for name, found in lines.items() if len(found) > 1]
    if twice:
        raise DataError(f"{path} names a path more than once:{listing(twice)}", hint="keep one line per image")


def read_splits(path: Path) -> list[Row]:
    """Read a ``splits.csv``; an empty group becomes the scan's own path.

    Raises
    ------
    DataError
        As `read_table`; also an empty label, an unknown split, or a group in two splits.
    """
    table = read_table(path, COLUMNS)
    unlabelled = [f"line {line}: {row['path']}" for line, row in table if not row["label"]]
    if unlabelled:
        raise DataError(f"{path} has rows without a label:{listing(unlabelled)}", hint="fill in or remove these rows")
    unknown = [f"line {line}: {row['split']!r}" for line, row in table if row["split"] not in SPLITS]
    if unknown:
        raise DataError(
            f"{path} names splits that do not exist:{listing(unknown)}",
            hint=f"a split is one of {', '.join(SPLITS)}",
        )
    rows = [Row(row["path"], row["label"], row["split"], row["group"] or row["path"]) for _, row in table]
    homes: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        homes[row.group].add(row.split)
    torn = [
        f"{group}: {', '.join(s for s in SPLITS if s in found)}" for group, found in homes.items() if len(found) > 1
    ]
    if torn:
        raise DataError(
            f"{path} has groups in more than one split, so no patient would be unseen:{listing(torn)}",
            hint="give all scans of a group the same split",
        )
    return rows


def read_groups(path: Path, paths: Sequence[str]) -> list[str]:
    """Read the groups of ``paths`` from a ``groups.csv`` (``path,group``); an empty group becomes the path.

    Raises
    ------
    DataError
        As `read_table`; also an image without a line, or a line without an image.
    """
    group = {row["path"]: row["group"] or row["path"] for _, row in read_table(path, ("path", "group"))}
    differ = [f"{name}: has no line" for name in paths if name not in group]
    differ += [f"{name}: no such image" for name in sorted(group.keys() - set(paths))]
    if differ:
        raise DataError(
            f"{path} and the images differ:{listing(differ)}",
            hint="give every image one line path,group; leave the group empty where it is not known",
        )
    return [group[name] for name in paths]


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Write ``path,label,split,group``, UTF-8 with line feeds."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
