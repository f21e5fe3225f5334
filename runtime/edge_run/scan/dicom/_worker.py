"""What runs in the decoder's process: frames in at stdin, pixels out at stdout."""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import IO, Any

_SIZES = struct.Struct("<II")
_MEMORY = 6 * 2**30
# What libjpeg says of pixels that it made up.
_MADE_UP = (b"premature end", b"bad Huffman code")


def write_message(stream: IO[bytes], head: bytes, body: bytes) -> None:
    """Write a message of two parts."""
    stream.write(_SIZES.pack(len(head), len(body)))
    stream.write(head)
    stream.write(body)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Read a message, None at the end of the stream."""
    sizes = stream.read(_SIZES.size)
    if len(sizes) < _SIZES.size:
        return None
    head, body = _SIZES.unpack(sizes)
    whole = stream.read(head + body)
    return (whole[:head], whole[head:]) if len(whole) == head + body else None


def main() -> None:
    """Decode until stdin ends."""
    import resource
    import signal
    import warnings

    # No core file either: pixels would lie in it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    # Only messages go out; what a decoder prints is kept to be looked at.
    out = os.fdopen(os.dup(1), "wb")
    said = os.memfd_create("said")
    os.dup2(said, 1)
    os.dup2(said, 2)
    while (message := read_message(sys.stdin.buffer)) is not None:
        os.ftruncate(said, 0)
        os.lseek(said, 0, os.SEEK_SET)
        asked = json.loads(message[0])
        head, pixels = _decode(asked["syntax"], asked["options"], message[1])
        if any(words in os.pread(said, 2**16, 0) for words in _MADE_UP):
            head, pixels = {"status": "damaged"}, b""
        write_message(out, json.dumps(head).encode(), pixels)


def _decode(syntax: str, options: dict[str, Any], frame: bytes) -> tuple[dict[str, Any], bytes]:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return {"status": "no-decoder"}, b""
    if not decoder.is_available:
        return {"status": "no-decoder" if _has_gdcm() else "no-extra"}, b""
    try:
        array, _ = decoder.as_array(encapsulate([frame]), index=0, **options)
    except Exception as error:  # noqa: BLE001 - of a damaged frame decoders raise anything
        unsupported = isinstance(error.__cause__ or error, NotImplementedError) or "12-bit" in str(error)
        return {"status": "no-decoder" if unsupported else "damaged"}, b""
    return {"status": "ok", "dtype": array.dtype.str, "shape": array.shape}, array.tobytes()


def _has_gdcm() -> bool:
    from importlib.util import find_spec

    return find_spec("gdcm") is not None
