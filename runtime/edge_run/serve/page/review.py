"""What the page reads and writes, apart from HTTP: the case log, the scans that were kept, heatmaps, reports."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from edge_run.cases import CaseLog, MissingCaseLogError, review
from edge_run.cases.location import explanations_folder, images_folder
from edge_run.cases.notes import MAX_REMARK, note
from edge_run.cases.reading import find
from edge_run.errors import UsageError

from .explanations import Explanations
from .pictures import Cache, read_kept
from .session import Sessions
from .words import AGREE, DISAGREE, UNSURE, UNSURE_REMARK, other_labels

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any, Protocol

    from edge_run.bundle.bundle import Bundle
    from edge_run.cases.review import QueueLength
    from edge_run.heatmap import Maps
    from edge_run.scan.scan import Scan
    from edge_run.serve.tokens import Tokens

    Case = Mapping[str, Any]

    class ComputeMaps(Protocol):
        """Answers a scan again, with or without early exit, and returns its maps."""

        def __call__(self, scan: Scan, *, early_exit: bool) -> Awaitable[Maps]:
            """Raise ``EdgeRunError`` where that is not possible now."""


PAGE = 25
"""Cases on one page of the list."""


class Listed(NamedTuple):
    """One page of the list: its cases, and whether there are newer and older ones."""

    cases: Sequence[Case]
    newer: bool
    older: bool
    length: QueueLength


class Opened(NamedTuple):
    """One case, with its neighbours in the queue: their ids, or None at its ends."""

    case: Case
    newer: str | None
    older: str | None
    length: QueueLength


class Review:
    """What the page needs to know.

    Parameters
    ----------
    log
        The case log; it may be missing until the first answer.
    bundle
        The bundle that answers.
    tokens
        Who may log in; None where nobody needs to, which is for loopback alone.
    maps
        Answers a scan again, with or without early exit, and returns its maps; None: the page shows no heatmap.
    keep_images
        Whether this server keeps the scans of its answers.
    explain
        Whether a person can start ``edge-run explain``, whose extra is then installed.
    """

    def __init__(
        self,
        log: Path,
        bundle: Bundle,
        *,
        tokens: Tokens | None = None,
        maps: ComputeMaps | None = None,
        keep_images: bool = False,
        explain: bool = False,
    ) -> None:
        self.path, self.bundle, self.manifest = log, bundle, bundle.manifest
        self.maps, self.keep_images = maps, keep_images
        self.sessions, self.drawn = Sessions(tokens), Cache()
        self.explanations = Explanations(log, explanations_folder(log), str(bundle.path)) if explain else None

    def listed(self, *, waiting: bool, before: int | None = None, after: int | None = None) -> Listed:
        """Read a page of the list, from ``before`` to older entries or from ``after`` to newer ones."""
        with self._reading() as log:
            if log is None:
                return Listed([], newer=False, older=False, length=review.QueueLength(0, 0))
            length = review.length(log)
            if after is not None:
                found = review.newer(log, after, limit=PAGE + 1, waiting=waiting)
                return Listed(found[:PAGE][::-1], newer=len(found) > PAGE, older=True, length=length)
            bounds = {} if before is None else {"before": before}
            found = review.older(log, **bounds, limit=PAGE + 1, waiting=waiting)
            return Listed(found[:PAGE], newer=before is not None, older=len(found) > PAGE, length=length)

    def opened(self, case_id: str, *, waiting: bool) -> Opened:
        """Read a case, given its whole id, and who its neighbours are.

        Raises
        ------
        UsageError
            There is none.
        """
        with self._reading() as log:
            if log is None:
                raise UsageError(f"there is no case {case_id}")
            case = find(log, case_id)
            newer = review.newer(log, case["seq"], limit=1, waiting=waiting)
            older = review.older(log, case["seq"], limit=1, waiting=waiting)
            return Opened(case, _id(newer), _id(older), review.length(log))

    def noted(self, case_id: str, verdict: str, label: str | None, remark: str, *, notes: int) -> str | None:
        """Note what a reviewer says, and return the case to review next; None where none is left.

        Parameters
        ----------
        verdict
            ``agree``, ``disagree`` or ``unsure``.
        label
            What the scan shows, for who disagrees; with two labels it is the other one.
        notes
            How many notes the case had when the reviewer saw it: a form that is sent twice is noted once.

        Raises
        ------
        UsageError
            No such case, verdict or label, or the remark is too long.
        """
        with CaseLog.existing(self.path, write=True) as log:
            case = find(log, case_id)
            label, remark = _as_note(case, verdict, label, remark)
            sent_before = any(
                (one["label"], one["remark"]) == (label, remark) for one in case["notes"][max(0, notes) :]
            )
            if not sent_before:
                note(log, case["id"], label=label, remark=remark)
            # On to the older ones, then back to the newest.
            left = review.older(log, case["seq"], limit=1, waiting=True) or review.older(log, limit=1, waiting=True)
            return _id(left)

    def scan(self, case: Case) -> Scan | None:
        """Read the scan of a case; None where it was not kept."""
        return read_kept(case, images_folder(self.path))

    def is_kept(self, case: Case) -> bool:
        """Whether the scan of a case lies beside the log."""
        return bool(case["kept_image"]) and (images_folder(self.path) / case["kept_image"]).is_file()

    def same_bundle(self, case: Case) -> bool:
        """Whether the bundle that answers now has answered the case: only then its heatmap explains the answer."""
        return bool(case["bundle_sha256"] == self.bundle.sha256)

    def close(self) -> None:
        """End what runs in the background."""
        if self.explanations:
            self.explanations.close()

    @contextmanager
    def _reading(self) -> Iterator[CaseLog | None]:
        # A log is used from one thread, and requests come on many.
        try:
            log = CaseLog.existing(self.path)
        except MissingCaseLogError:
            yield None
            return
        with log:
            yield log


def _as_note(case: Case, verdict: str, label: str | None, remark: str) -> tuple[str | None, str]:
    """Return the label and the remark that are noted, as ``edge-run cases note`` takes them."""
    remark = " ".join(remark.split())
    if len(remark) > MAX_REMARK - len(UNSURE_REMARK) - 2:
        raise UsageError(f"the remark has {len(remark)} characters, which is too long", hint="shorten it")
    if verdict == AGREE:
        return case["label"], remark
    if verdict == UNSURE:
        return None, f"{UNSURE_REMARK}: {remark}" if remark else UNSURE_REMARK
    others = other_labels(case)
    if verdict != DISAGREE or (label not in others and len(others) > 1):
        raise UsageError("the form does not say what the scan shows", hint="choose a label, then disagree")
    return (label if label in others else others[0]), remark


def _id(found: list[dict[str, Any]]) -> str | None:
    return str(found[0]["id"]) if found else None
