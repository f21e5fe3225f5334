"""What the interfaces of a server share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.scan.scan import Limits

from .answering import QUEUE, Answering
from .bodies import MAX_BODY, Bodies
from .idempotency import Replays
from .ready import Readiness
from .security import Access

if TYPE_CHECKING:
    from edge_run.ensemble.ensemble import Ensemble

    from .case_writer import CaseWriter
    from .tokens import Tokens


class Service(NamedTuple):
    """What the interfaces of a server share.

    Attributes
    ----------
    answering
        Gives answers.
    access
        Who may ask.
    bodies
        Reads bodies of requests.
    readiness
        Whether scans are answered now.
    replays
        Answers to requests that are sent again; None without a case log.
    """

    answering: Answering
    access: Access
    bodies: Bodies
    readiness: Readiness
    replays: Replays | None

    @classmethod
    def of(
        cls,
        ensemble: Ensemble,
        cases: CaseWriter | None,
        tokens: Tokens | None = None,
        *,
        queue: int = QUEUE,
        max_body: int = MAX_BODY,
    ) -> Service:
        """Put the parts together; the caller closes `answering`, then ``cases``, then the ensemble.

        Parameters
        ----------
        cases
            Where answers are logged; None: nowhere.
        tokens
            Who may ask; None: everybody who reaches the server.
        queue
            Requests that may wait.
        max_body
            Most bytes of one request's body.
        """
        # What a file inflates to is held to the same bound: several are read at a time.
        answering = Answering(ensemble, cases, queue=queue, limits=Limits(max_bytes=max_body))
        replays = Replays(cases.path, ensemble.bundle) if cases else None
        return cls(answering, Access(tokens), Bodies(max_body), Readiness(answering), replays)
