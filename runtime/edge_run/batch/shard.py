"""A share of the work: shard 3/16 answers the sixteenth of the scans whose hashes fall to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files import sha256
from edge_run.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import Self

_PREFIX = re.compile(r"([0-9]{5,6})-of-([0-9]{5,6})-")
_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


class Shard(NamedTuple):
    """The ``number``-th, from 1, of ``of`` shards."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``3/16``.

        Raises
        ------
        UsageError
            It has another form, or there is no such shard.
        """
        found = _FORM.fullmatch(text)
        if not found:
            raise UsageError(f"{text!r} is no shard", hint="write it as 3/16: the third of sixteen shards")
        number, of = int(found[1]), int(found[2])
        if not 1 <= number <= of:
            raise UsageError(
                f"there is no shard {text}", hint=f"shards are counted from 1/{of or 16} to {of or 16}/{of or 16}"
            )
        return cls(number, of)

    def holds(self, identity: str) -> bool:
        """Return whether a scan belongs to this shard.

        Parameters
        ----------
        identity
            64 hexadecimal digits, see :func:`identity`. Its first 64 bits, modulo the number of shards, choose the
            shard, so that shards are equally large and the same on every machine.
        """
        return int(identity[:16], 16) % self.of == self.number - 1

    @property
    def prefix(self) -> str:
        """Return what the names of its parts begin with."""
        return f"{self.number:05}-of-{self.of:05}"

    def may_have_rows_in(self, part: str) -> bool:
        """Return whether a part of this name can hold rows of this shard: not one of another shard of this division."""
        found = _PREFIX.match(part)
        return not found or int(found[2]) != self.of or int(found[1]) == self.number

    def __str__(self) -> str:
        """Return it as :meth:`parse` reads it."""
        return f"{self.number}/{self.of}"


WHOLE = Shard()


def identity(scan_sha256: str | None, file: str) -> str:
    """Return what a file is sharded and sorted by: the hash of its content; of its name where it cannot be read."""
    return scan_sha256 or sha256(f"unreadable {file}".encode("utf-8", "surrogateescape"))
