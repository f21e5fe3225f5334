"""Fetch edge-run's reports from an archive by DICOMweb: QIDO-RS to find their series, WADO-RS to read them.

Only the address that the user gave is asked; links in answers are not followed. Every answer is bounded in size.
"""

from __future__ import annotations

import http.client
import io
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from edge_run.errors import InputError
from edge_run.node.results.context import MANUFACTURER
from edge_run.node.settings import Destination
from edge_run.node.web import request
from edge_run.scan.dicom.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

PAGE = 100
MOST_SERIES = 1_000_000
_UID = re.compile(r"[0-9.]{1,64}")
_STUDY, _SERIES, _MANUFACTURER = "0020000D", "0020000E", "00080070"
_OBJECTS = 'multipart/related; type="application/dicom"'


class Archive:
    """An archive's DICOMweb service.

    Parameters
    ----------
    url
        Its root, ``https://pacs/dicom-web``.
    token_file
        File with a bearer token; empty: none.
    """

    def __init__(self, url: str, token_file: str = "") -> None:
        self.url = url.rstrip("/")
        self._destination = Destination(name="archive", url=self.url, token_file=token_file)

    def reports(self, manufacturer: str = MANUFACTURER) -> Iterator[Dataset]:
        """Fetch all structured reports of a manufacturer.

        Raises
        ------
        InputError
            The archive does not answer, or answers something else than DICOMweb.
        """
        for study, series in self._series(manufacturer):
            body = self._get(f"studies/{study}/series/{series}", _OBJECTS)
            yield from _parts(body)

    def _series(self, manufacturer: str) -> Iterator[tuple[str, str]]:
        """Find the series of reports, page by page."""
        seen: set[tuple[str, str]] = set()
        wanted = f"series?Modality=SR&Manufacturer={quote(manufacturer)}&includefield={_MANUFACTURER}&limit={PAGE}"
        while len(seen) < MOST_SERIES:
            found = self._json(f"{wanted}&offset={len(seen)}")
            fresh = {(_value(one, _STUDY), _value(one, _SERIES)) for one in found} - seen
            # An archive that does not know offsets gives the same page again.
            if not fresh:
                return
            seen |= fresh
            for one in found:
                key = (_value(one, _STUDY), _value(one, _SERIES))
                maker = _value(one, _MANUFACTURER)
                # Some archives ignore what they cannot match.
                if key in fresh and maker in ("", manufacturer) and all(map(_UID.fullmatch, key)):
                    fresh.discard(key)
                    yield key

    def _json(self, path: str) -> list[Any]:
        body = self._get(path, "application/dicom+json")
        try:
            found = json.loads(body) if body else []
        except ValueError:
            found = None
        if not isinstance(found, list):
            raise InputError(
                f"{self.url} does not answer as a DICOMweb service", hint="check the address: .../dicom-web"
            )
        return found

    def _get(self, path: str, accept: str) -> bytes:
        try:
            status, body = request(self._destination, "GET", f"{self.url}/{path}", headers={"Accept": accept})
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise InputError(
                f"{self.url} does not answer: {reason}", hint="check the address, and that it runs"
            ) from error
        if status == http.HTTPStatus.NO_CONTENT:
            return b""
        if status != http.HTTPStatus.OK:
            hint = "give --token-file" if status in (401, 403) else "check the address: .../dicom-web"
            raise InputError(f"{self.url} answers HTTP {status} to a search for reports", hint=hint)
        return body


def _parts(body: bytes) -> Iterator[Dataset]:
    """Take the objects out of a multipart answer, whose first line is its boundary (RFC 2046 5.1)."""
    from pydicom import dcmread

    boundary = body.lstrip(b"\r\n").partition(b"\r\n")[0]
    if not boundary.startswith(b"--"):
        raise InputError("an archive's answer to WADO-RS is not multipart")
    for part in (b"\r\n" + body.lstrip(b"\r\n")).split(b"\r\n" + boundary)[1:]:
        _, blank, content = part.partition(b"\r\n\r\n")
        if not blank:
            continue
        with quiet:
            try:
                dataset = dcmread(io.BytesIO(content))
                # Elements are decoded when they are looked at: now, where an error can be told.
                dataset.walk(lambda _dataset, _element: None)
            except Exception as error:  # noqa: BLE001 - of a damaged file pydicom raises anything
                raise InputError(f"an archive's object cannot be read ({type(error).__name__})") from None
        yield dataset


def _value(item: object, tag: str) -> str:
    found = item.get(tag) if isinstance(item, dict) else None
    values = found.get("Value") if isinstance(found, dict) else None
    return str(values[0]) if isinstance(values, list) and values else ""
