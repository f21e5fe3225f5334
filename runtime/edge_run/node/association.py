"""Associations with bounds: on the size of a message, on how slowly it may come, and on how many are open.

pynetdicom as it is believes the four bytes of a PDU's length, waits for ever for the rest of it, and collects a data
set of any size in memory.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from pynetdicom import evt
from pynetdicom.acse import ACSE
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.transport import AssociationSocket, RequestHandler

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from io import BytesIO

    from pynetdicom.association import Association
    from pynetdicom.pdu_primitives import A_ASSOCIATE, P_DATA

    from .statuses import Rejection

MAX_PDU = 2**17
"""The PDU length that is negotiated: 131072 is a tenth faster than 16384."""
_MOST_RECEIVED = 2**20
"""No PDU that a peer may send is larger."""
_PIECE = 2**16
_MOST_IDLE_S = 60.0
CLOSING_S = 2.0
"""How long a peer that was rejected or aborted has to close the connection; as long it holds two threads."""
_MOST_QUEUED = 4
"""Requests that may wait: one operation at a time is negotiated, so a second is a mistake, and more are an attack."""


class BoundedSocket(AssociationSocket):
    """A socket that reads no more than a PDU may have, within a bounded time."""

    def recv(self, nr_bytes: int) -> bytearray:
        """Read exactly so many bytes, or fewer where the peer has closed.

        Raises
        ------
        OSError
            More than any PDU has, or it takes longer than the network timeout.
        """
        if nr_bytes > _MOST_RECEIVED:
            raise OSError("a PDU is larger than was negotiated")
        connection = cast("socket.socket", self.socket)
        most = self.assoc.network_timeout or _MOST_IDLE_S
        until = time.monotonic() + most
        received = bytearray()
        while len(received) < nr_bytes:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("a PDU takes too long")
            connection.settimeout(left)
            piece = connection.recv(min(_PIECE, nr_bytes - len(received)))
            if not piece:
                break
            received += piece
        # What is sent next has its own time.
        connection.settimeout(most)
        return received


class BoundedMessages(DIMSEServiceProvider):
    """Messages of a bounded size and number."""

    most_bytes = 2**29
    on_too_large: Callable[[], None] = staticmethod(lambda: None)

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take the next part of a message, or end the association."""
        before = 0
        if self.message is not None:
            before = _length(self.message.data_set) + _length(self.message.encoded_command_set)
        coming = sum(len(part) for _, part in primitive.presentation_data_value_list)
        if before + coming > self.most_bytes or self.msg_queue.qsize() >= _MOST_QUEUED:
            self.message = None
            self.on_too_large()
            # As for a message that cannot be decoded: A-ABORT.
            self.dul.event_queue.put("Evt19")
            return
        super().receive_primitive(primitive)


def _length(part: BytesIO | None) -> int:
    return 0 if part is None else part.tell()


class Negotiation(ACSE):
    """Negotiation that asks the node first whether it takes the association."""

    judge: Callable[[Association, A_ASSOCIATE], Rejection | None]

    def _negotiate_as_acceptor(self) -> None:
        requested = cast("A_ASSOCIATE", self.requestor.primitive)
        self.requestor.ae_title = requested.calling_ae_title
        rejection = self.judge(self.assoc, requested)
        if rejection is None:
            super()._negotiate_as_acceptor()
            return
        # Also the time of ARTIM, PS3.8 9.1.5.
        self.assoc.acse_timeout = CLOSING_S
        self.send_reject(rejection.result, rejection.source, rejection.reason)
        evt.trigger(self.assoc, evt.EVT_REJECTED, {})
        self.assoc.kill()


class Handler(RequestHandler):
    """Makes an association for a connection, with the bounds of its server."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        bounds = self.server.bounds  # type: ignore[attr-defined]
        # The plain socket has announced the connection to the state machine already.
        bounded = association.dul.socket
        assert bounded is not None  # noqa: S101 - set by the class that this one extends
        bounded.__class__ = BoundedSocket
        negotiation = Negotiation(association)
        negotiation.judge = bounds.judge
        association.acse = negotiation
        messages = BoundedMessages(association)
        messages.most_bytes, messages.on_too_large = bounds.most_bytes, bounds.on_too_large
        association.dimse = messages
        return association
