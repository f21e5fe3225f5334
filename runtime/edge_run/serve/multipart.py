"""The files of a ``multipart/form-data`` body, read in memory: a patient's scan is not written to a temporary file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from .refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.datastructures import Headers

MAX_FILES = 100
MAX_FIELDS = 20
MAX_FIELD_BYTES = 2**16


class File(NamedTuple):
    """One file of a form."""

    name: str
    data: bytes


def files_of(body: bytes, headers: Headers) -> list[File]:
    """Read the files of a body, in their order; other fields are ignored.

    Called in a thread: a large body takes a second, in which the event loop would serve nobody.

    Raises
    ------
    RefusedError
        The body is malformed, holds no file or too many.
    """
    return asyncio.run(_files_of(body, headers))


async def _files_of(body: bytes, headers: Headers) -> list[File]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(
        headers, stream(), max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES
    )
    # Never onto a disk.
    parser.spool_max_size = len(body) + 1
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise RefusedError(400, "the multipart body is malformed", hint="curl --form scan=@FILE") from error
    try:
        found = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        if not found:
            raise RefusedError(400, "the multipart body holds no file", hint="curl --form scan=@FILE")
        return [File(part.filename or "", await part.read()) for part in found]
    finally:
        await form.close()
