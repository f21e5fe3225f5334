"""Send objects by C-STORE, one association for all of them, and ask for storage commitment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt

from edge_run.scan.dicom.quiet import quiet

from .delivery import Delivery, all_of
from .listener import application_entity, client_context
from .presentation import (
    EXPLICIT,
    IMPLICIT,
    SENT_SYNTAXES,
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
    VERIFICATION,
)
from .statuses import Outcome, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pynetdicom import AE
    from pynetdicom.association import Association
    from pynetdicom.events import Event

    from .outbox import Sending
    from .settings import Destination, Settings

    # Transaction, instances that are stored, instances that are not with the reason.
    Report = Callable[[str, list[str], dict[str, str]], bool]

_REQUEST_COMMITMENT = 1
_WAIT_FOR_REPORT_S = 1.0


def send(settings: Settings, destination: Destination, batch: Sequence[Sending]) -> dict[str, Delivery]:
    """Send objects, and return what became of each by SOP Instance UID.

    Every object gets its own status: that of the last one says nothing about the others.
    """
    entity = application_entity(settings)
    for sop_class in dict.fromkeys(one.sop_class for one in batch):
        entity.add_requested_context(sop_class, [one.uid for one in SENT_SYNTAXES])
    uids = [one.sop_uid for one in batch]
    call = associate(entity, destination)
    association = call.association
    if not association.is_established:
        return all_of(uids, *call.why_not)
    try:
        return {one.sop_uid: _store(association, one) for one in batch}
    finally:
        # An archive takes a release as the end of a study, and an abort as a failure.
        association.release()


def new_transaction() -> str:
    """Return a UID for a request for storage commitment."""
    return str(generate_uid(prefix=None))


def ask_commitment(
    settings: Settings, destination: Destination, batch: Sequence[Sending], transaction: str, report: Report
) -> Delivery:
    """Ask the archive to take responsibility for objects (PS3.4 J); its report comes now or later, by itself.

    Parameters
    ----------
    transaction
        UID under which the report will come, perhaps before this function returns.

    Returns
    -------
    Whether the request was taken.
    """
    entity = application_entity(settings)
    entity.add_requested_context(STORAGE_COMMITMENT, [IMPLICIT, EXPLICIT])
    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, on_report, [report])]
    call = associate(entity, destination, handlers)
    association = call.association
    if not association.is_established:
        return Delivery(*call.why_not)
    request = Dataset()
    request.TransactionUID = transaction
    request.ReferencedSOPSequence = [_reference(one) for one in batch]
    try:
        answer, _ = association.send_n_action(
            request, _REQUEST_COMMITMENT, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
        )
        code = answer.get("Status")
        if code == 0:
            # Some archives report on the same association.
            time.sleep(_WAIT_FOR_REPORT_S)
        return Delivery(outcome_of(code), _said(code))
    except (RuntimeError, ValueError) as error:
        return Delivery(Outcome.TRANSIENT, f"storage commitment failed: {type(error).__name__}")
    finally:
        association.release()


def on_report(event: Event, report: Report) -> tuple[int, None]:
    """Take the archive's report (N-EVENT-REPORT), on whichever association it comes."""
    information = event.event_information
    transaction = str(information.get("TransactionUID", ""))
    stored = [str(item.ReferencedSOPInstanceUID) for item in information.get("ReferencedSOPSequence") or []]
    failed = {
        str(item.ReferencedSOPInstanceUID): f"{item.get('FailureReason', 0):04X}"
        for item in information.get("FailedSOPSequence") or []
    }
    # 0110 of PS3.7 C: a processing failure, for a transaction that nobody asked for.
    return (0x0000 if report(transaction, stored, failed) else 0x0110), None


def echo(settings: Settings, destination: Destination) -> tuple[Call, int | None]:
    """Send C-ECHO; return the call, which is over, and the status."""
    entity = application_entity(settings)
    entity.add_requested_context(VERIFICATION)
    call = associate(entity, destination)
    if not call.association.is_established:
        return call, None
    try:
        return call, call.association.send_c_echo().get("Status")
    finally:
        call.association.release()


class Call(NamedTuple):
    """An attempt to open an association.

    Attributes
    ----------
    association
        Established or not.
    connected
        Whether the peer took the connection: otherwise nobody listens at that address and port.
    """

    association: Association
    connected: bool

    @property
    def why_not(self) -> tuple[Outcome, str]:
        """Why the association was not established, and whether that may pass."""
        primitive = self.association.acceptor.primitive
        if not self.connected:
            return Outcome.TRANSIENT, "no connection"
        if primitive is None:
            return Outcome.TRANSIENT, "the archive did not answer the association request"
        if primitive.result == 0:
            return Outcome.PERMANENT, "the archive accepts none of the SOP classes"
        permanent = primitive.result == 1
        words = f"association rejected: {primitive.reason_str}"
        return Outcome.PERMANENT if permanent else Outcome.TRANSIENT, words


def associate(entity: AE, destination: Destination, handlers: Sequence[Any] = ()) -> Call:
    """Open an association; whether it is established says the association."""
    opened: list[Event] = []
    tls = (client_context(destination.tls), destination.host) if destination.tls else None
    association = entity.associate(
        destination.host,
        destination.port,
        ae_title=destination.ae_title,
        tls_args=tls,
        evt_handlers=[*handlers, (evt.EVT_CONN_OPEN, opened.append)],
    )
    return Call(association, bool(opened))


def _store(association: Association, one: Sending) -> Delivery:
    with quiet:
        try:
            answer = association.send_c_store(one.path)
        except ValueError:
            return Delivery(Outcome.PERMANENT, "the archive does not accept this SOP class")
        except (RuntimeError, OSError) as error:
            # RuntimeError: the association has ended.
            return Delivery(Outcome.TRANSIENT, f"not sent: {type(error).__name__}")
    code = answer.get("Status")
    return Delivery(outcome_of(code), _said(code))


def _said(code: int | None) -> str:
    return "no answer" if code is None else f"status {code:04X}"


def _reference(one: Sending) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.sop_class, one.sop_uid
    return item
