"""What a node is told: its name and address, who may send, where answers go. A TOML file, or options."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Literal

import msgspec

from edge_run._files import data_folder
from edge_run._files.read import load
from edge_run.errors import InputError, UsageError

from .presentation import DISCARDED
from .results.answer import ResultOptions

_AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MAX_FILE = 2**20


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files of a TLS endpoint, PEM.

    Attributes
    ----------
    certificate, key
        Of this node; empty where it only connects to others and shows none.
    ca
        Whose certificates are believed. For the listener: senders must show one. Empty: for connecting, the system's.
    """

    certificate: str = ""
    key: str = ""
    ca: str = ""


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may send.

    Attributes
    ----------
    name
        What messages and metrics call it.
    ae_title
        Its calling AE title.
    addresses
        Networks that it may call from, such as ``10.1.2.3`` or ``10.1.0.0/16``.
    quiet_seconds
        A series is complete when nothing arrived for so long and no association that fed it is open.
    released_seconds
        The same after the sender released its association.
    radiograph_seconds
        The same for CR and DX, which come in ones and twos.
    may_store
        Whether its images are taken; an archive that only reports back needs no more than an association.
    """

    name: str
    ae_title: str
    addresses: tuple[str, ...]
    quiet_seconds: float = 10.0
    released_seconds: float = 3.0
    radiograph_seconds: float = 2.0
    may_store: bool = True

    def allows(self, address: str) -> bool:
        """Whether it may call from an address."""
        called_from = ipaddress.ip_address(address)
        mapped = getattr(called_from, "ipv4_mapped", None)
        return any((mapped or called_from) in ipaddress.ip_network(one, strict=False) for one in self.addresses)


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where answers go: by C-STORE (``ae_title``, ``host``, ``port``) or by STOW-RS (``url``).

    Attributes
    ----------
    name
        What messages and metrics call it.
    ae_title, host, port
        Of an archive that takes C-STORE.
    url
        Base of the DICOMweb service, such as ``https://pacs/dicom-web``.
    qido_url
        Base of the service that is asked with ``verify = "qido"``, where it is another one.
    verify
        How delivery is confirmed: ``commitment`` asks the archive to take responsibility (C-STORE), ``qido`` looks
        the object up (needs ``url`` or ``qido_url``), ``none`` believes the status of the transfer.
    token_file
        File with a bearer token for the DICOMweb service.
    """

    name: str
    ae_title: str = ""
    host: str = ""
    port: int = 0
    url: str = ""
    qido_url: str = ""
    verify: Literal["none", "commitment", "qido"] = "none"
    token_file: str = ""
    tls: Tls | None = None

    @property
    def is_web(self) -> bool:
        """Whether it takes STOW-RS."""
        return bool(self.url)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a node.

    Attributes
    ----------
    ae_title
        What peers call it, and what it calls itself.
    host, port
        Where it listens.
    folder
        For inbox, outbox and their database; one in the user's data folder by default.
    max_associations
        More are rejected as transient.
    max_object_mb
        Largest object that is taken.
    min_free_gb
        With less free space on the disk nothing more is taken, transiently.
    max_waiting_series
        With more series waiting for an answer new associations are rejected, transiently.
    association_seconds, message_seconds, idle_seconds
        Until an association request is complete, until a message is answered, and without any message.
    retention_hours
        How long images and answers are kept after delivery.
    expire_days
        After which images and answers are removed even where the answer could not be delivered.
    also
        Kinds of other objects that are accepted and discarded.
    retry_seconds
        Until a failed delivery is tried again; doubled with each attempt, up to an hour.
    results
        Which objects are made beside the report and the picture.
    status_host, status_port
        Where the status page and the metrics are served; nowhere without a port.
    """

    ae_title: str = "EDGE-RUN"
    host: str = "127.0.0.1"
    port: int = 11112
    folder: str = ""
    peers: tuple[Peer, ...] = ()
    destinations: tuple[Destination, ...] = ()
    tls: Tls | None = None
    max_associations: int = 8
    max_object_mb: int = 512
    min_free_gb: float = 2.0
    max_waiting_series: int = 200
    association_seconds: float = 30.0
    message_seconds: float = 60.0
    idle_seconds: float = 60.0
    retention_hours: float = 24.0
    expire_days: float = 7.0
    also: tuple[str, ...] = ()
    retry_seconds: float = 5.0
    results: ResultOptions = ResultOptions()
    status_host: str = "127.0.0.1"
    status_port: int | None = None

    @property
    def place(self) -> Path:
        """The folder of inbox and outbox.

        Raises
        ------
        UsageError
            None is given and this user has no home.
        """
        if self.folder:
            return Path(self.folder).expanduser()
        data = data_folder()
        if data is None:
            raise UsageError("this user has no home folder for inbox and outbox", hint="give --folder")
        return data / "node"


ANYBODY_HERE = Peer("this-machine", "", ("127.0.0.0/8", "::1"))
"""Who may send where nobody is configured: any AE title, from this machine alone."""


def read_settings(path: Path) -> Settings:
    """Read a TOML file.

    Raises
    ------
    UsageError
        It cannot be read, or says something else than `Settings`.
    """
    try:
        return checked(msgspec.toml.decode(load(path, _MAX_FILE), type=Settings))
    except InputError as error:
        raise UsageError(error.message, hint=error.hint) from error
    except (msgspec.DecodeError, ValueError, ImportError) as error:
        raise UsageError(f"{path} is no configuration of a node: {error}", hint="docs/node.md shows one") from error


def checked(settings: Settings) -> Settings:
    """Return settings that can be followed.

    Raises
    ------
    UsageError
        They contradict themselves.
    """
    titles = [settings.ae_title, *(peer.ae_title for peer in settings.peers)]
    for title in (*titles, *(one.ae_title for one in settings.destinations)):
        if title and (not _AE_TITLE.fullmatch(title) or title != title.strip()):
            raise UsageError(f"{title!r} is no AE title: 1 to 16 characters of ASCII, no backslash")
    if not settings.ae_title:
        raise UsageError("the node has no AE title", hint="give --ae-title")
    if not 0 <= settings.port < 65536:
        raise UsageError(f"{settings.port} is no port", hint="11112 is the usual one")
    _require_names("peer", [peer.name for peer in settings.peers])
    _require_names("destination", [one.name for one in settings.destinations])
    for peer in settings.peers:
        _check_peer(peer)
    for one in settings.destinations:
        _check_destination(one)
    if unknown := set(settings.also) - DISCARDED.keys():
        raise UsageError(f"also: {', '.join(sorted(unknown))} is not known", hint=f"one of {', '.join(DISCARDED)}")
    if not settings.peers and not _is_loopback(settings.host):
        raise UsageError(
            f"anybody who reaches {settings.host} could send, because no peer is configured",
            hint="give --from NAME=AETITLE@ADDRESS for each sender, or leave --host out",
        )
    return settings


def _require_names(what: str, names: list[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a {what}: letters, digits and _ . -")
    if len(set(names)) < len(names):
        raise UsageError(f"two {what}s have the same name")


def _check_peer(peer: Peer) -> None:
    if not peer.ae_title or not peer.addresses:
        raise UsageError(
            f"peer {peer.name} needs ae_title and addresses: an AE title alone is a password that everybody can read"
        )
    for address in peer.addresses:
        try:
            ipaddress.ip_network(address, strict=False)
        except ValueError as error:
            raise UsageError(f"peer {peer.name}: {error}", hint="such as 10.1.2.3 or 10.1.0.0/16") from error


def _check_destination(one: Destination) -> None:
    if one.is_web == bool(one.host) or (one.host and not (one.ae_title and 0 < one.port < 65536)):
        raise UsageError(f"destination {one.name} needs either url, or ae_title, host and port")
    for url in filter(None, (one.url, one.qido_url)):
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"destination {one.name}: {url} is no http or https address")
    if one.verify == "commitment" and one.is_web:
        raise UsageError(f"destination {one.name}: storage commitment is asked for over DICOM", hint='verify = "qido"')
    if one.verify == "qido" and not (one.url or one.qido_url):
        raise UsageError(f"destination {one.name}: verify by qido needs qido_url")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
