"""What the node negotiates: services, contexts, statuses, rejections, DICOMweb and security."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.node import presentation, statuses
from edge_run.node.association import MAX_PDU
from edge_run.node.results.uids import IMPLEMENTATION_CLASS_UID, implementation_version
from edge_run.node.statuses import Outcome, outcome_of

from .tables import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_run.node.presentation import Service, Syntax
    from edge_run.node.settings import Settings

_SHOWN = (0x0000, 0x0107, 0x0110, 0x0111, 0x0117, 0x0122, 0x0124, 0xA700, 0xA900, 0xB000, 0xC000)
_WHAT = {
    Outcome.STORED: "stored",
    Outcome.NOTED: "stored; the remark is logged",
    Outcome.TRANSIENT: "sent again later, with growing pauses",
    Outcome.PERMANENT: "stuck: shown by `edge-run node status` until a person acts",
}


def overview() -> str:
    """List every service with its role."""
    rows = [("Verification", presentation.VERIFICATION, "yes", "yes")]
    received = {one.uid for one in presentation.RECEIVED}
    sent = {one.uid for one in presentation.SENT}
    for one in dict.fromkeys((*presentation.RECEIVED, *presentation.SENT)):
        if one.uid not in {uid for _, uid, _, _ in rows}:
            rows.append((one.name, one.uid, _yes(one.uid in sent), _yes(one.uid in received)))
    rows.append(("Storage Commitment Push Model", presentation.STORAGE_COMMITMENT, "yes", "no: the node is no archive"))
    return table(("service", "SOP class", "SCU", "SCP"), rows)


def identity(settings: Settings) -> str:
    """List what an association says of the node, and its bounds."""
    rows = [
        ("Application context", "1.2.840.10008.3.1.1.1"),
        ("Implementation Class UID", IMPLEMENTATION_CLASS_UID),
        ("Implementation Version Name", implementation_version()),
        ("Maximum PDU length", f"{MAX_PDU} bytes, offered; one of more than 1 MiB closes the connection"),
        ("Asynchronous operations", "1: none is negotiated"),
        ("Associations at once", f"{settings.max_associations} by default"),
        ("Until an association request is complete", f"{settings.association_seconds:g} s by default"),
        ("Until a message is complete", f"{settings.message_seconds:g} s by default"),
        ("Without any message", f"{settings.idle_seconds:g} s by default"),
        ("Largest object", f"{settings.max_object_mb} MiB by default"),
    ]
    return table(("what", "value"), rows)


def accepted(syntaxes: Sequence[Syntax]) -> str:
    """List the presentation contexts that the node accepts."""
    verification = [("Verification", presentation.VERIFICATION, "Implicit and Explicit VR Little Endian", "SCP")]
    stored = [(one.name, one.uid, "table below", "SCP") for one in presentation.RECEIVED]
    commitment = (
        "Storage Commitment Push Model",
        presentation.STORAGE_COMMITMENT,
        "Implicit and Explicit VR Little Endian",
        "SCU (role selection): the archive reports",
    )
    contexts = table(("abstract syntax", "UID", "transfer syntaxes", "role"), [*verification, *stored, commitment])
    rows = [(one.name, one.uid, "a decoder" if one.needs_decoder else "nothing") for one in syntaxes]
    return f"{contexts}\n\n{table(('transfer syntax of stored images', 'UID', 'needs'), rows)}"


def discarded() -> str:
    """List what the setting ``also`` accepts and drops."""
    rows = [(key, one.name, one.uid) for key, services in presentation.DISCARDED.items() for one in services]
    return table(("`also`", "SOP class", "UID"), rows)


def given() -> str:
    """List the statuses that the node answers to C-STORE."""
    rows = [(f"{one.code:04X}", one.meaning, one.outcome.value) for one in statuses.GIVEN]
    return table(("status", "when", "for the sender"), rows)


def rejections() -> str:
    """List why an association is rejected."""
    rows = [
        (one.result, one.source, one.reason, "transient" if one.is_transient else "permanent", one.meaning)
        for one in statuses.REJECTIONS
    ]
    return table(("result", "source", "reason", "kind", "when"), rows)


def proposed() -> str:
    """List the presentation contexts that the node proposes."""
    syntaxes = ", ".join(one.name for one in presentation.SENT_SYNTAXES)
    rows = [(one.name, one.uid, syntaxes, _purpose(one)) for one in presentation.SENT]
    others = (
        ("Verification", presentation.VERIFICATION, "`edge-run node check`"),
        ("Storage Commitment Push Model", presentation.STORAGE_COMMITMENT, 'asked for where `verify = "commitment"`'),
    )
    rows += [(name, uid, "Implicit and Explicit VR Little Endian", purpose) for name, uid, purpose in others]
    return table(("abstract syntax", "UID", "transfer syntaxes", "purpose"), rows)


def understood() -> str:
    """List what the node does on statuses of C-STORE."""
    return table(("status", "the node takes it as"), [(f"{code:04X}", _WHAT[outcome_of(code)]) for code in _SHOWN])


def web() -> str:
    """List the requests of DICOMweb that the node makes."""
    objects, found = '`multipart/related; type="application/dicom"`', "`application/dicom+json`"
    rows = [
        ("`POST /studies` (STOW-RS)", f"{objects}, with Content-Length", "the object is named in (0008,1199)"),
        ("`GET /instances?SOPInstanceUID=` (QIDO-RS)", found, "the object is in the list"),
        ("`GET /series?Modality=SR&Manufacturer=edge-run` (QIDO-RS)", found, "200 or 204"),
        ("`GET /studies/{}/series/{}` (WADO-RS)", objects, "200"),
    ]
    return table(("request", "media type", "what counts as success"), rows)


def _purpose(service: Service) -> str:
    return service.purpose


def _yes(value: bool) -> str:
    return "yes" if value else "no"
