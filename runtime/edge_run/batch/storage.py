"""Object stores by URL, through fsspec and its drivers, where they are installed.

Credentials come from the environment or the files of the driver; a URL that carries some is refused, and what a driver
says is written without the secrets that the environment holds.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_run.errors import BackendError, InputError, UsageError
from edge_run.scan.dicom.sniff import LENGTH, is_dicom
from edge_run.scan.inputs import is_image_name
from edge_run.scan.scan import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*://")
_SECRET = re.compile(r"KEY|SECRET|TOKEN|PASS|CREDENTIAL|SIGNATURE|CONNECTION_STRING", re.IGNORECASE)
_SIGNED = re.compile(r"[?&][^=&]*(?:key|secret|token|pass|credential|signature|sig)[^=&]*=", re.IGNORECASE)
_SHORTEST_SECRET = 6


class Object(NamedTuple):
    """One object of a store, and what changes when its content does."""

    url: str
    version: str


def is_url(text: str) -> bool:
    """Return whether an argument is a URL, not a path."""
    return _URL.match(text) is not None


def find(url: str) -> Iterator[Object]:
    """Find the images at a URL: one object, all below a folder, or those that match a glob; sorted.

    Raises
    ------
    BackendError
        The driver is not installed.
    UsageError
        The URL carries credentials, or no driver knows it.
    InputError
        The store refuses, or holds no such thing.
    """
    system, place = _open(url)
    try:
        if any(sign in place for sign in "*?["):
            found = system.glob(place, detail=True)
        elif system.isfile(place):
            found = {place: system.info(place)}
        else:
            found = {name: about for name, about in system.find(place, detail=True).items() if _is_image(system, name)}
    except Exception as error:  # noqa: BLE001 - drivers raise whatever their libraries do
        raise _refused(url, error) from None
    objects = [about for about in found.values() if about.get("type") == "file"]
    if not objects:
        raise InputError(f"{url} holds no image.", hint="Check the bucket and the folder.")
    for about in sorted(objects, key=lambda one: str(one["name"])):
        version = next(
            (about[name] for name in ("ETag", "etag", "mtime", "LastModified", "created") if name in about), ""
        )
        yield Object(str(system.unstrip_protocol(about["name"])), f"{about.get('size')} {version}")


def load(url: str) -> bytes:
    """Read an object whole.

    Raises
    ------
    InputError
        It cannot be read.
    BackendError, UsageError
        As :func:`find`.
    """
    system, place = _open(url)
    try:
        with system.open(place, "rb") as file:
            data = bytes(file.read(MAX_BYTES + 1))
    except Exception as error:  # noqa: BLE001 - drivers raise whatever their libraries do
        raise _refused(url, error) from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{url} is over the limit of {MAX_BYTES} bytes.", hint="Give one scan by itself.")
    return data


def without_secrets(text: str) -> str:
    """Replace what the environment keeps under a name such as ``AWS_SECRET_ACCESS_KEY``."""
    for name, value in os.environ.items():
        if _SECRET.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    return text


def _open(url: str) -> tuple[Any, str]:
    scheme, _, rest = url.partition("://")
    if "@" in rest.partition("/")[0] or _SIGNED.search(rest):
        raise UsageError(
            f"a {scheme} URL carries credentials, which would end up in the output",
            hint="give the URL without them, and set them as the driver reads them, such as AWS_PROFILE",
        )
    try:
        import fsspec
    except ImportError as error:
        raise BackendError(f"{scheme} URLs need fsspec, which is not installed", hint="pip install fsspec") from error
    try:
        system, place = fsspec.core.url_to_fs(url)
    except ImportError as error:
        packages = re.findall(r"[Ii]nstall (?:the )?([\w\-]+)", str(error))
        driver = f"pip install {packages[0]}" if packages else f"pip install 'fsspec[{scheme}]'"
        raise BackendError(f"the driver for {scheme} URLs is not installed", hint=driver) from error
    except ValueError as error:
        raise UsageError(f"no driver knows {scheme} URLs", hint="s3://bucket/folder, gs://..., abfs://...") from error
    return system, str(place)


def _is_image(system: Any, name: str) -> bool:  # noqa: ANN401 - fsspec has no types
    known = is_image_name(name.rpartition("/")[2])
    return is_dicom(system.cat_file(name, start=0, end=LENGTH)) if known is None else known


def _refused(url: str, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{url} does not exist.", hint="Check the bucket and the name.")
    said = without_secrets(f"{type(error).__name__}: {error}")[:300]
    return InputError(f"{url} cannot be read: {said}.", hint="Check the network and the driver's credentials.")
