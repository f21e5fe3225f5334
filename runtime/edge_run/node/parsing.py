"""Peers and destinations as an option writes them: ``ct=CTSCANNER@10.1.2.3``, ``pacs=PACS@10.1.2.9:104``."""

from __future__ import annotations

import re

from edge_run.errors import UsageError

from .settings import Destination, Peer

_FROM = re.compile(r"(?:(?P<name>[^=@]+)=)?(?P<title>[^@=]+)@(?P<addresses>[^@]+)")
_TO = re.compile(r"(?:(?P<name>[^=@]+)=)?(?P<title>[^@=]+)@(?P<host>\[[^]]+]|[^@:]+):(?P<port>\d{1,5})")
_WEB = re.compile(r"(?:(?P<name>[^=@:/]+)=)?(?P<url>https?://\S+)")


def peer_of(text: str) -> Peer:
    """Read ``[NAME=]AETITLE@ADDRESS[,ADDRESS...]``.

    Raises
    ------
    UsageError
        It is something else.
    """
    found = _FROM.fullmatch(text)
    if not found:
        raise UsageError(f"{text!r} is no sender", hint="write it as NAME=AETITLE@ADDRESS: ct=CTSCANNER@10.1.2.3")
    addresses = tuple(one.strip() for one in found["addresses"].split(","))
    return Peer(found["name"] or _name(found["title"]), found["title"], addresses)


def destination_of(text: str) -> Destination:
    """Read ``[NAME=]AETITLE@HOST:PORT``, or ``[NAME=]https://...`` of a DICOMweb service.

    Raises
    ------
    UsageError
        It is something else.
    """
    if web := _WEB.fullmatch(text):
        return Destination(web["name"] or "dicomweb", url=web["url"], verify="qido")
    found = _TO.fullmatch(text)
    if not found:
        raise UsageError(
            f"{text!r} is no destination",
            hint="write it as NAME=AETITLE@HOST:PORT (pacs=PACS@10.1.2.9:104), or as the address of a DICOMweb service",
        )
    host = found["host"].strip("[]")
    return Destination(
        found["name"] or _name(found["title"]), ae_title=found["title"], host=host, port=int(found["port"])
    )


def _name(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", title).strip("-.").lower() or "peer"
