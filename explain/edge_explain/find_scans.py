"""Find the scans that command-line arguments stand for: files, or cases of the case log."""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files import sha256
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
_LONGEST = 40
_DIGITS = 10


class FoundScan(NamedTuple):
    """One scan to explain.

    Attributes
    ----------
    input
        Its path, or the error why it has none, and the name under which it is reported.
    case_id
        The case it belongs to; empty for a file.
    """

    input: Input
    case_id: str = ""

    def folder(self, scan_sha256: str) -> str:
        """Name the folder for its report, so that no other scan's report replaces it.

        The name is the case's id, or that of the file with a digest of its path and content, ``scan-0123456789``.

        Parameters
        ----------
        scan_sha256
            Hash of the encoded scan.
        """
        if self.case_id:
            return self.case_id
        path = self.input.path
        name = "standard input" if path is None else str(path)
        readable = _UNSAFE.sub("-", "scan" if path is None else PurePath(path).stem)[:_LONGEST].strip(".-") or "scan"
        return f"{readable}-{sha256(f'{name}{chr(0)}{scan_sha256}'.encode('utf-8', 'surrogatepass'))[:_DIGITS]}"


def find_scans(
    arguments: Sequence[str], log: CaseLog | None = None, *, flagged: bool = False, bundle_sha256: str = ""
) -> list[FoundScan]:
    """Find the scans that arguments stand for.

    Parameters
    ----------
    arguments
        Files, folders, globs, ``-``, or ids of cases.
    log
        Where cases are looked up; None where there is no log.
    flagged
        Find the flagged cases of the log instead; the arguments are then only searched for scans that were not kept.
    bundle_sha256
        With ``flagged``, only cases that this bundle answered are found.

    Raises
    ------
    UsageError
        ``flagged`` is given and there is no such case; or an id fits no case or several.
    """
    if not flagged:
        return [scan for argument in arguments for scan in _of_argument(argument, log)]
    if log is None:
        raise UsageError("there is no case log", hint="edge-run predict writes it; or give --case-log")
    scans = _flagged(log, expand(arguments), bundle_sha256)
    if not scans:
        raise UsageError("this bundle has flagged no case in the log", hint="edge-run cases list --flagged")
    return scans


def _of_argument(argument: str, log: CaseLog | None) -> list[FoundScan]:
    if log is not None and _CASE.fullmatch(argument) and not os.path.lexists(argument):
        from edge_run.cases.reading import find

        return [_of_case(log, find(log, argument), {})]
    return [FoundScan(each) for each in expand([argument])]


def _flagged(log: CaseLog, elsewhere: Iterable[Input], bundle_sha256: str) -> list[FoundScan]:
    from edge_run.cases.reading import cases

    # A scan that was answered several times is explained once, under its newest case.
    newest = {
        str(case["scan_sha256"]): case for case in cases(log, flagged=True) if case["bundle_sha256"] == bundle_sha256
    }
    some_missing = any(_kept_image(log, case) is None for case in newest.values())
    by_sha256 = {_sha256(each): each.path for each in elsewhere if each.path is not None} if some_missing else {}
    return [_of_case(log, case, by_sha256) for case in newest.values()]


def _of_case(log: CaseLog, case: dict[str, object], by_sha256: dict[str, Path]) -> FoundScan:
    case_id = str(case["id"])
    name = f"case {case_id}"
    path = _kept_image(log, case) or by_sha256.get(str(case["scan_sha256"]))
    if path is not None:
        return FoundScan(Input(name, path), case_id)
    error = InputError(
        f"the scan of {name} was not kept, and is not among the files that are given.",
        hint="Give its file or folder: edge-run explain --flagged PATH; predict --keep-images keeps scans.",
    )
    return FoundScan(Input(name, None, error), case_id)


def _kept_image(log: CaseLog, case: dict[str, object]) -> Path | None:
    kept = case.get("kept_image")
    path = log.images / str(kept)
    return path if kept and path.is_file() else None


def _sha256(scan: Input) -> str:
    try:
        return sha256(load(scan.path, MAX_BYTES)) if scan.path else ""
    except InputError:
        return ""
