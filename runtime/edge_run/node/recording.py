"""Log the answer to each series, and return what proves it: the case's id and the head of the chain."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from edge_run._files import sha256
from edge_run.cases.ids import greatest_id, new_id, now_ms, utc

from .results import Proof

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_run.cases import CaseLog
    from edge_run.ensemble.ensemble import Ensemble

    from .results import SeriesAnswer

_log = logging.getLogger(__name__)


class Recorder:
    """Writes one entry of the case log for each answer; a log that cannot be written stops no answer.

    Parameters
    ----------
    log
        None: answers are not logged. SQLite wants all calls from the thread that opened it.
    """

    def __init__(self, ensemble: Ensemble, log: CaseLog | None) -> None:
        self._ensemble, self._case_log = ensemble, log

    def record(self, answer: SeriesAnswer, hashes: Sequence[str]) -> Proof:
        """Log an answer.

        Parameters
        ----------
        hashes
            SHA-256 of the series' files; the entry keeps one hash of them all.
        """
        source, card = self._ensemble.source, self._ensemble.manifest.card
        moment, case, head = now_ms(), "", ""
        if self._case_log is not None:
            try:
                case, head = self._append(self._case_log, answer, hashes, moment)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the log, the answers come
                _log.warning("an answer was not logged: %s", error)
        return Proof(
            bundle=source.bundle,
            bundle_sha256=source.bundle_sha256,
            case=case,
            chain_head=head,
            answered_at=utc(moment),
            precision=source.precision,
            backend=source.backend,
            version=source.version,
            intended_use=card.intended_use,
        )

    def _append(self, log: CaseLog, answer: SeriesAnswer, hashes: Sequence[str], moment: int) -> tuple[str, str]:
        source = msgspec.to_builtins(self._ensemble.source)
        with log.writing():
            case = new_id(moment, greatest_id(log.connection))
            log.add(
                {
                    "kind": "series",
                    "id": case,
                    "utc": utc(moment),
                    "finding": answer.finding.value,
                    "label": answer.label,
                    "probability": answer.probability,
                    "interval": answer.interval,
                    "flags": msgspec.to_builtins(answer.flags),
                    "failure": answer.failure,
                    "slices": answer.slices,
                    "unreadable": answer.unreadable,
                    "answer_version": answer.version,
                    "inputs_sha256": sha256("\n".join(sorted(hashes)).encode()),
                    **source,
                }
            )
            head = log.head().hash
        return case, head
