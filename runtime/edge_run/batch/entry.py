"""Files of the archive as a list names them, and as they are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run._text import utf8

from .shard import identity

if TYPE_CHECKING:
    from edge_run.errors import InputError


class Key(NamedTuple):
    """What makes a row of the output one of a file of the list: the hash of the content, and the file's name."""

    sha256: str | None
    file: str

    @property
    def identity(self) -> str:
        """What the row is sorted by."""
        return identity(self.sha256, self.file)


class Entry(NamedTuple):
    """A file and the hash of its content.

    Attributes
    ----------
    path
        A path or a URL.
    sha256
        Of the content; None where it could not be read.
    error
        Why it could not be read.
    """

    path: str
    sha256: str | None
    error: InputError | None = None

    @property
    def key(self) -> Key:
        """What the rows of this file carry."""
        return Key(self.sha256, utf8(self.path))


class Item(NamedTuple):
    """Files with the same content, which the networks answer once.

    Attributes
    ----------
    sha256
        None where the file could not be read; it is then the only one.
    paths
        In the order of the list.
    error
        Why the file could not be read.
    """

    sha256: str | None
    paths: tuple[str, ...]
    error: InputError | None = None
