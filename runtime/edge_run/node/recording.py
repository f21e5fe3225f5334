"""Log the answer to each series, and return what proves it: the case's id and the head of the chain."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from edge_run._files import sha256
from edge_run.cases.ids import now_ms, utc
from edge_run.cases.series import LoggedAnswer, SeriesFacts, append_objects, append_series

from .results import Proof
from .results.content import hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

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

    def record(self, answer: SeriesAnswer, inputs: Sequence[str]) -> Proof:
        """Log an answer.

        Parameters
        ----------
        inputs
            SHA-256 of the series' files; the entry keeps one hash of them all.
        """
        source, card = self._ensemble.source, self._ensemble.manifest.card
        logged = LoggedAnswer("", utc(now_ms()), "")
        if self._case_log is not None:
            try:
                logged = append_series(self._case_log, self._facts(answer, inputs))
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the log, the answers come
                _log.warning("an answer was not logged: %s", error)
        return Proof(
            bundle=source.bundle,
            bundle_sha256=source.bundle_sha256,
            case=logged.case,
            chain_head=logged.hash,
            answered_at=logged.utc,
            precision=source.precision,
            backend=source.backend,
            version=source.version,
            intended_use=card.intended_use,
            parent_sha256=source.parent_sha256 or "",
        )

    def made(self, proof: Proof, objects: Sequence[Dataset]) -> None:
        """Log hashes of the objects that report an answer, so that an archive can be compared with the log."""
        if self._case_log is None or not proof.case:
            return
        try:
            append_objects(self._case_log, proof.case, [hashes(one) for one in objects])
        except Exception as error:  # noqa: BLE001 - as above
            _log.warning("the objects of case %s were not logged: %s", proof.case, error)

    def _facts(self, answer: SeriesAnswer, inputs: Sequence[str]) -> SeriesFacts:
        return SeriesFacts(
            inputs_sha256=sha256("\n".join(sorted(inputs)).encode()),
            finding=answer.finding.value,
            positive=answer.positive,
            label=answer.label,
            probability=answer.probability,
            interval=answer.interval,
            flags=tuple(msgspec.to_builtins(flag) for flag in answer.flags),
            failure=answer.failure,
            slices=answer.slices,
            unreadable=answer.unreadable,
            answer_version=answer.version,
            source=msgspec.to_builtins(self._ensemble.source),
        )
