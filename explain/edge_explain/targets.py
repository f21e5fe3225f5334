"""Command-line arguments -> the scans to explain: files, or cases of the log whose scan is still there."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files.read import load
from edge_run.errors import InputError, UsageError
from edge_run.scan.inputs import Input, expand
from edge_run.scan.read import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from edge_run.cases import CaseLog

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_CASE = re.compile(r"[0-9A-Za-z]{3,12}")


class Target(NamedTuple):
    """One scan to explain.

    Attributes
    ----------
    given
        Where it lies, or why it is nowhere; its name is what records call it.
    folder
        Name for its results, unlike any other's.
    """

    given: Input
    folder: str


def targets(
    arguments: Sequence[str], log: CaseLog | None = None, *, flagged: bool = False, bundle_sha256: str = ""
) -> list[Target]:
    """List the scans that arguments stand for.

    Parameters
    ----------
    arguments
        Files, folders, globs, ``-``, or ids of cases.
    log
        Where cases are looked up; None where there is no log.
    flagged
        Take the flagged cases of the log instead; the arguments only say where their scans may be found.
    bundle_sha256
        Only cases that this bundle answered are taken.

    Raises
    ------
    UsageError
        Flagged cases are asked for and there is none; or an id fits several cases.
    """
    if flagged:
        if log is None:
            raise UsageError("there is no case log", hint="edge-run predict writes it; or give --case-log")
        inputs = _flagged(log, expand(arguments), bundle_sha256)
        if not inputs:
            raise UsageError("this bundle has flagged no case in the log", hint="edge-run cases list --flagged")
    else:
        inputs = [one for argument in arguments for one in _one(argument, log)]
    return _named(inputs)


def _one(argument: str, log: CaseLog | None) -> list[Input]:
    if log is not None and _CASE.fullmatch(argument) and not os.path.lexists(argument):
        from edge_run.cases.reading import find

        return [_of_case(log, find(log, argument), {})]
    return expand([argument])


def _flagged(log: CaseLog, elsewhere: Iterable[Input], bundle_sha256: str) -> list[Input]:
    from edge_run.cases.reading import cases

    # A scan that was answered several times is explained once, under its newest case.
    newest = {
        str(case["scan_sha256"]): case for case in cases(log, flagged=True) if case["bundle_sha256"] == bundle_sha256
    }
    unkept = any(_kept(log, case) is None for case in newest.values())
    by_sha256 = {_sha256(one): one.path for one in elsewhere if one.path is not None} if unkept else {}
    return [_of_case(log, case, by_sha256) for case in newest.values()]


def _of_case(log: CaseLog, case: dict[str, object], by_sha256: dict[str, Path]) -> Input:
    name = f"case {case['id']}"
    path = _kept(log, case) or by_sha256.get(str(case["scan_sha256"]))
    if path is None:
        error = InputError(
            f"the scan of {name} was not kept, and is not among the files that are given.",
            hint="Give its file or folder: edge-run explain --flagged PATH; predict --keep-images keeps scans.",
        )
        return Input(name, None, error)
    return Input(name, path)


def _kept(log: CaseLog, case: dict[str, object]) -> Path | None:
    kept = case.get("kept_image")
    path = log.images / str(kept)
    return path if kept and path.is_file() else None


def _sha256(given: Input) -> str:
    try:
        return hashlib.sha256(load(given.path, MAX_BYTES)).hexdigest() if given.path else ""
    except InputError:
        return ""


def _named(inputs: Iterable[Input]) -> list[Target]:
    """Give each a folder of its own, named like the file or the case."""
    found: list[Target] = []
    taken: set[str] = set()
    for one in inputs:
        stem = one.name.removeprefix("case ") if one.path is None or one.name.startswith("case ") else one.path.stem
        name = base = _UNSAFE.sub("-", stem).strip(".-") or "scan"
        count = 1
        while name.lower() in taken:
            count += 1
            name = f"{base}-{count}"
        taken.add(name.lower())
        found.append(Target(one, name))
    return found
