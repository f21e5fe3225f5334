"""The whole statement, in the order of PS3.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.node import presentation
from edge_run.node.settings import Settings

from . import created, network
from .configuration import configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_run.node.presentation import Syntax

_HEAD = """\
# DICOM conformance statement of edge-run node

Made by `edge-run node conformance`, from the tables that the node itself negotiates with. A test compares this page
with them, and another one negotiates each row. Research software: no medical device, no conformance to any IHE profile
is claimed.

## 1. Overview

{overview}

DICOMweb, as a client: STOW-RS to deliver, QIDO-RS to see whether an object has arrived, QIDO-RS and WADO-RS for
`edge-run cases audit`. There is no DICOMweb server, no query/retrieve, no worklist and no media.

## 2. Implementation model

A peer stores images. They are kept in the inbox; a series that has been quiet for a while, and that no open association
feeds, is answered. The answer's objects are kept in the outbox, and sent to each destination until it has them. The
application entity listens and calls under one AE title. Each activity is independent of the others: an archive that
does not answer does not keep the node from receiving.

## 3. Application entity

{identity}

The node calls peers and archives for C-STORE, storage commitment and C-ECHO, one association for all objects that are
due. It releases every association that it opened.

### 3.1 Accepted associations

{accepted}

Transfer syntaxes follow the decoders that are installed: this list is that of an installation with the extra `node`.
A context with another abstract or transfer syntax is rejected, the others of the association are not.

With the setting `also`, other objects are accepted and dropped, for senders that fail a whole job when one object is
refused. They are never answered:

{discarded}

An association is rejected:

{rejections}

C-STORE is answered with:

{given}

### 3.2 Proposed associations

{proposed}

The status of every single object counts. What the node does with it:

{understood}

Storage commitment: the report is awaited on an association that the archive opens. Objects that the report names as
failed are sent again.

## 4. DICOMweb

{web}

HTTP 408, 425, 429 and 5xx are tried again; other 4xx are permanent. Redirects are not followed. An answer may have
16 MiB. Authentication: a bearer token from a file, TLS.

## 5. Configuration

{configuration}

## 6. Character sets

(0008,0005) is the source's, as is all text that is copied. Text of the node itself is ASCII, which every character set
of DICOM contains. Names are neither decoded nor compared.

## 7. Security

TLS 1.2 or later where `tls` is set, for listening and for each destination; with `ca`, a sender must show a certificate
of it. No DICOM security profile is claimed beyond that: cipher suites are those of the system's OpenSSL. Without TLS,
AE titles and addresses are checked, which is no authentication. Inbox and outbox have the rights 0600; no log, metric
or case log has patient data.

## 8. Created objects

An answer is a Comprehensive 3D SR and a Secondary Capture; the other three are made where the settings ask for them.
All are in the study of the source. Nothing is created that claims to be final or verified.

### 8.1 Copied from the source

{inherited}

### 8.2 Attributes

Dates and times are in the zone of the source where it names one, else in this machine's. Attributes of one kind of
object in which it has no value are absent.

{attributes}

### 8.3 Templates

{templates}

### 8.4 Codes

Scheme `99EDGERUN` is private: its codes are names of flags, and labels of bundles for which the table has no standard
code. It is declared in (0008,0110) Coding Scheme Identification Sequence.

{coded}

## 9. Limits

- The unit is the series: nothing is said about a study.
- A probability is not calibrated for whole series; it is a mean over the slices that decided.
- An image of several frames has no presentation state and no parametric map.
- The codes that are marked must be confirmed by somebody who knows DICOM terminology before clinical use.
- UIDs are UUID-derived (`2.25.`); there is no registered root. There are no private attributes.
"""


def statement(settings: Settings | None = None, syntaxes: Sequence[Syntax] | None = None) -> str:
    """Write the statement in Markdown.

    Parameters
    ----------
    settings
        Whose bounds are stated; the defaults by default.
    syntaxes
        Transfer syntaxes that are accepted; those of this installation by default.
    """
    settings = settings or Settings()
    received = presentation.received_syntaxes() if syntaxes is None else syntaxes
    return _HEAD.format(
        overview=network.overview(),
        identity=network.identity(settings),
        accepted=network.accepted(received),
        discarded=network.discarded(),
        rejections=network.rejections(),
        given=network.given(),
        proposed=network.proposed(),
        understood=network.understood(),
        web=network.web(),
        configuration=configuration(),
        inherited=created.inherited(),
        attributes=created.attributes(),
        templates=created.templates(),
        coded=created.coded(),
    )
