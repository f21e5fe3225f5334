"""From this node to an archive: address, connection, TLS, association, echo, and, on request, store and verify."""

from __future__ import annotations

import http.client
import socket
import ssl
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge_run.errors import EdgeRunError
from edge_run.node import storing, web
from edge_run.node.listener import application_entity, client_context, silence_libraries
from edge_run.node.outbox import QUEUED, Sending
from edge_run.node.presentation import SENT, SENT_SYNTAXES, STORAGE_COMMITMENT

from .local import clock_of_web
from .probe import PATIENT, probe_uid, write_probe
from .step import failed, note, ok, skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_run.node.settings import Destination, Settings
    from edge_run.node.storing import Call

    from .step import Step

_SECONDS = 10.0
_REPORT_S = 30.0


def check_destination(settings: Settings, destination: Destination, *, store: bool) -> Iterator[Step]:
    """Check the way to an archive, and stop where the next step could not work.

    Parameters
    ----------
    store
        Store an object of no patient, and verify that the archive has it.
    """
    silence_libraries()
    parts = urlsplit(destination.url)
    host = parts.hostname or destination.host
    port = parts.port or destination.port or (443 if parts.scheme == "https" else 80)
    yield (reached := _connection(host, port))
    if reached.state.name != "OK":
        return
    if destination.tls or parts.scheme == "https":
        yield (secured := _tls(destination, host, port))
        if secured.state.name != "OK":
            return
    yield from _web(destination, store=store) if destination.is_web else _dicom(settings, destination, store=store)


def _connection(host: str, port: int) -> Step:
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return ok("connection", f"{host} port {port} takes connections")
    except socket.gaierror:
        return failed("connection", f"the name {host} is not known", "correct host, or give an address")
    except ConnectionRefusedError:
        return failed(
            "connection", f"{host} refuses connections to port {port}",
            "correct port, or host if another machine answers there", "is the service running, and on which port?",
        )  # fmt: skip
    except TimeoutError:
        return failed(
            "connection", f"{host} port {port} does not answer within {_SECONDS:.0f} s",
            "correct host; is there a firewall on this side?", "is there a firewall that drops this machine's calls?",
        )  # fmt: skip
    except OSError as error:
        return failed("connection", f"{host} port {port}: {error.strerror or error}", "correct host and network")


def _tls(destination: Destination, host: str, port: int) -> Step:
    from edge_run.node.settings import Tls

    try:
        context = client_context(destination.tls or Tls())
        with (
            socket.create_connection((host, port), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            until = (secured.getpeercert() or {}).get("notAfter", "")
            return ok("TLS", f"{secured.version()}, its certificate is good until {until}")
    except ssl.SSLCertVerificationError as error:
        return failed(
            "TLS", f"its certificate is not accepted: {error.verify_message}",
            "ca must be the authority that signed it, host the name in it", "is the certificate current?",
        )  # fmt: skip
    except (OSError, EdgeRunError) as error:
        what = error.message if isinstance(error, EdgeRunError) else str(error)
        return failed("TLS", f"no TLS: {what}", "leave tls out if the peer speaks none", "does that port speak TLS?")


def _dicom(settings: Settings, destination: Destination, *, store: bool) -> Iterator[Step]:
    call, status = storing.echo(settings, destination)
    if status is None:
        yield _refused(settings, destination, call)
        return
    yield ok("association", f"{destination.ae_title} accepts {settings.ae_title}")
    yield ok("echo", "C-ECHO is answered") if status == 0 else failed("echo", f"C-ECHO has status {status:04X}")
    yield from _contexts(settings, destination)
    if not store:
        yield skipped("store", "nothing was stored; --store stores an object of no patient and verifies it")
        return
    yield from _store(settings, destination)


def _refused(settings: Settings, destination: Destination, call: Call) -> Step:
    """Say which of the two titles, or which address, the peer does not know."""
    primitive = call.association.acceptor.primitive
    if primitive is None or primitive.result == 0:
        return failed("association", call.why_not[1], "is it DICOM that listens there?", "its log may say more")
    reason = (primitive.result_source, primitive.diagnostic)
    if reason == (1, 7):
        return failed(
            "association", f"the peer is not called {destination.ae_title}",
            "correct ae_title of the destination", "which AE title does it have? capitals count",
        )  # fmt: skip
    if reason == (1, 3):
        return failed(
            "association", f"the peer does not know {settings.ae_title} at this address",
            "ae_title of the node must be the one that the peer has configured",
            f"add {settings.ae_title} with this machine's address and port {settings.port}",
        )  # fmt: skip
    what = "for now" if primitive.result == 2 else "for good"
    return failed("association", f"rejected {what}: {primitive.reason_str}", there="its log may say more")


def _contexts(settings: Settings, destination: Destination) -> Iterator[Step]:
    """Ask which of the objects the archive would take, in one association."""
    entity = application_entity(settings)
    for service in SENT:
        entity.add_requested_context(service.uid, [one.uid for one in SENT_SYNTAXES])
    entity.add_requested_context(STORAGE_COMMITMENT)
    call = storing.associate(entity, destination)
    accepted = {str(context.abstract_syntax) for context in call.association.accepted_contexts}
    if call.association.is_established:
        call.association.release()
    refused = [service.name for service in SENT if service.uid not in accepted]
    if {SENT[0].uid, SENT[1].uid} - accepted:
        yield failed("objects", f"it does not take {', '.join(refused)}", there="allow these SOP classes")
    elif refused:
        yield note(
            "objects", f"it takes report and picture, but not {', '.join(refused)}", "leave these out of results"
        )
    else:
        yield ok("objects", "it takes every kind of object that the node makes")
    if STORAGE_COMMITMENT in accepted:
        yield ok("commitment", "it offers storage commitment")
    elif destination.verify == "commitment":
        yield failed("commitment", "it does not offer storage commitment", 'set verify = "none" or "qido"')
    else:
        yield note("commitment", "it does not offer storage commitment", "deliveries are believed by their status")


def _store(settings: Settings, destination: Destination) -> Iterator[Step]:
    with tempfile.TemporaryDirectory(prefix="edge-run-check-") as folder:
        sending = _probe(destination, Path(folder))
        delivery = storing.send(settings, destination, [sending])[sending.sop_uid]
        if not delivery.is_stored:
            yield failed("store", f"C-STORE: {delivery.status}", there="its log may say more")
            return
        yield ok("store", f"C-STORE: {delivery.status}; the test object has the patient id {PATIENT}")
        if destination.verify == "qido":
            yield _look_up(destination)
        elif destination.verify == "commitment":
            yield _commitment(settings, destination, sending)


def _commitment(settings: Settings, destination: Destination, sending: Sending) -> Step:
    """Ask for storage commitment; the report has to come to this node's own port, or on the same association."""
    from edge_run.node.check.incoming import listening

    arrived = threading.Event()

    def report(_transaction: str, stored: list[str], _failed: dict[str, str]) -> bool:
        if sending.sop_uid in stored:
            arrived.set()
        return True

    with listening(settings, report) as problem:
        delivery = storing.ask_commitment(settings, destination, [sending], storing.new_transaction(), report)
        if not delivery.is_stored:
            return failed("commitment", f"the request was refused: {delivery.status}")
        if arrived.wait(_REPORT_S):
            return ok("commitment", "the archive took responsibility for the test object")
    if problem:
        return note("commitment", "the request was taken; its report goes to the node that is running", problem)
    return failed(
        "commitment", f"the request was taken, but no report came within {_REPORT_S:.0f} s",
        f"port {settings.port} must be reachable for the archive",
        f"its entry for {settings.ae_title} must have this machine's address and port {settings.port}",
    )  # fmt: skip


def _web(destination: Destination, *, store: bool) -> Iterator[Step]:
    try:
        status, date = _ask(destination)
    except (OSError, http.client.HTTPException) as error:
        yield failed("DICOMweb", f"no answer: {type(error).__name__}", "correct url", "is it a web server?")
        return
    yield clock_of_web(date)
    if status in (401, 403):
        yield failed("DICOMweb", f"HTTP {status}: not authorised", "correct token_file", "is the token still good?")
        return
    if status not in (200, 204):
        yield failed("DICOMweb", f"QIDO-RS at {destination.url}/instances: HTTP {status}", "correct the path in url")
        return
    yield ok("DICOMweb", "QIDO-RS is answered")
    if not store:
        yield skipped("store", "nothing was stored; --store stores an object of no patient and verifies it")
        return
    with tempfile.TemporaryDirectory(prefix="edge-run-check-") as folder:
        sending = _probe(destination, Path(folder))
        delivery = web.store(destination, [sending])[sending.sop_uid]
    if not delivery.is_stored:
        yield failed("store", f"STOW-RS: {delivery.status}", there="its log may say more")
        return
    yield ok("store", f"STOW-RS: {delivery.status}; the test object has the patient id {PATIENT}")
    yield _look_up(destination)


def _look_up(destination: Destination) -> Step:
    found = web.has(destination, probe_uid(destination))
    if found.is_stored:
        return ok("verify", "QIDO-RS finds the test object")
    return failed("verify", f"QIDO-RS: {found.status}", there="the archive said stored, and does not show it")


def _ask(destination: Destination) -> tuple[int, str | None]:
    parts = urlsplit(destination.url)
    with closing(web.connection_to(destination, destination.url)) as connection:
        connection.request("GET", f"{parts.path}/instances?limit=1", headers=web.headers_of(destination))
        answer = connection.getresponse()
        return answer.status, answer.getheader("Date")


def _probe(destination: Destination, folder: Path) -> Sending:
    path = folder / "check.dcm"
    write_probe(destination, path)
    return Sending(probe_uid(destination), SENT[1].uid, path, 0, QUEUED, None)
