"""Where a split comes from: the table ``path,label,split,group``, or whole groups dealt out here."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final, NamedTuple

from edge_run.errors import DataError
from edge_run.scan.inputs import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

SPLITS: Final = ("train", "val", "test")
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


def class_folders(folder: Path) -> tuple[dict[str, str], list[str]]:
    """List the images below sub-folders named after the classes: relative path -> label, and notes.

    Raises
    ------
    DataError
        No sub-folders, sub-folders named after splits, or one without images.
    """
    classes = sorted(sub for sub in folder.iterdir() if sub.is_dir() and not sub.name.startswith("."))
    if not classes:
        raise DataError(
            f"{folder} has neither a splits.csv nor sub-folders named after the classes",
            hint=f"add splits.csv ({','.join(COLUMNS)}), or one sub-folder per class",
        )
    names = ", ".join(sub.name for sub in classes)
    if all(sub.name.lower().startswith(("train", "val", "test")) for sub in classes):
        raise DataError(
            f"the sub-folders of {folder} are named after splits, not classes: {names}",
            hint=f"add splits.csv ({','.join(COLUMNS)}) that names class and patient of every image",
        )
    files = [path.relative_to(folder) for sub in classes for path in sorted(sub.rglob("*")) if path.is_file()]
    visible = [file for file in files if not any(part.startswith(".") for part in file.parts)]
    found = {file.as_posix(): file.parts[0] for file in visible if file.suffix.lower() in SUFFIXES}
    empty = [sub.name for sub in classes if sub.name not in found.values()]
    if empty:
        raise DataError(
            f"{folder} has sub-folders without images:{listing(empty)}",
            hint=f"remove them, or add images ({' '.join(sorted(SUFFIXES))})",
        )
    left_out = len(visible) - len(found)
    return found, [f"{left_out} files without an image suffix are left out"] if left_out else []


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Write ``path,label,split,group``, UTF-8 with line feeds."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def assign_splits(
    labels: Sequence[str], groups: Sequence[str], *, seed: int, fractions: tuple[float, float, float]
) -> list[str]:
    """Split by whole groups, so that every class comes close to its fraction in every split.

    Groups are placed largest first, each where it adds least to the chi-square distance, summed over splits
    and classes, between the counts reached and those asked; unlike the plain squared distance this spreads
    large groups over the splits in proportion. Ties follow a hash of seed and group, not the order of scans.

    Parameters
    ----------
    labels, groups
        Class and group of each scan, ``[N]``.
    seed
        Another seed gives another split.
    fractions
        Shares of train, val and test; a share of zero leaves that split out.

    Returns
    -------
    The split of each scan, ``[N]``.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise DataError(f"the fractions {fractions} are not shares of one", hint="give three shares that add up to 1")
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for label, group in zip(labels, groups, strict=True):
        members[group][label] += 1
    totals = Counter(labels)
    target = {
        split: {label: share * count for label, count in totals.items()}
        for split, share in zip(SPLITS, fractions, strict=True)
        if share > 0
    }
    reached: dict[str, Counter[str]] = {split: Counter() for split in target}
    home: dict[str, str] = {}
    for group in sorted(members, key=lambda name: (-members[name].total(), _draw(seed, name))):
        home[group] = min(target, key=lambda split: _added(members[group], reached[split], target[split]))
        reached[home[group]].update(members[group])
    _fill_empty(home, members, list(target), seed)
    return [home[group] for group in groups]


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _added(group: Mapping[str, int], reached: Mapping[str, int], target: Mapping[str, float]) -> float:
    """Return the change of sum((reached - target)^2 / target) when the group joins."""
    return sum(n * (2 * (reached[label] - target[label]) + n) / target[label] for label, n in group.items())


def _fill_empty(home: dict[str, str], members: Mapping[str, Counter[str]], splits: Sequence[str], seed: int) -> None:
    """Move the smallest group that can be spared to each split that lacks a class (rare classes only)."""
    for label in sorted({label for counts in members.values() for label in counts}):
        for split in splits:
            holding = [group for group in members if members[group][label]]
            held = Counter(home[group] for group in holding)
            if held[split]:
                continue
            spare = [
                group
                for group in holding
                # Only where every class of the group has another group left in the split it leaves.
                if all(
                    sum(home[g] == home[group] and members[g][other] > 0 for g in members) > 1
                    for other in members[group]
                )
            ]
            if spare:
                home[min(spare, key=lambda group: (members[group].total(), _draw(seed, group)))] = split
