"""Access tokens: a file holds the SHA-256 of each with its name, its scopes and its last day; never the secret."""

from __future__ import annotations

import hmac
import os
import secrets
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from edge_run._files import data_folder, replace_file, sha256
from edge_run._files.read import load
from edge_run.cases.ids import now_ms, utc
from edge_run.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Scope = Literal["answer", "review", "metrics", "admin"]
SCOPES: tuple[Scope, ...] = ("answer", "review", "metrics", "admin")
"""``answer`` asks for answers, ``review`` reads cases and adds notes, ``metrics`` reads metrics, ``admin`` is all."""
VARIABLE = "EDGE_RUN_TOKENS"
PREFIX = "edge-run_"
"""What every secret begins with, so that programs that look for leaked secrets find it."""
SECRET_BYTES = 32
MAX_NAME = 64
MAX_FILE_BYTES = 2**20
LOOK_EVERY_S = 1.0
"""How often a server looks whether the file has changed: a revoked token is refused so soon."""


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One token, without its secret.

    Attributes
    ----------
    sha256
        Of the secret, hexadecimal. The secret is 256 random bits: a slow hash would protect it no better.
    scopes
        What it may be used for.
    created, expires
        Times as :func:`edge_run.cases.ids.utc` writes them; ``expires`` is empty where it never does.
    """

    name: str
    sha256: str
    scopes: tuple[Scope, ...]
    created: str
    expires: str = ""

    def allows(self, scope: Scope) -> bool:
        """Whether it may be used for this; ``admin`` may be used for everything."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return bool(self.expires) and self.expires <= utc(now_ms())


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema_version: Literal[1]
    tokens: tuple[Token, ...]


def default_path() -> Path | None:
    """Return ``$EDGE_RUN_TOKENS``, else ``tokens.json`` in the user's data folder; None without a home folder."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    folder = data_folder()
    return folder / "tokens.json" if folder else None


class Tokens:
    """The tokens of a file, which is read again once it has changed.

    Parameters
    ----------
    path
        The file; it may be missing until the first token is added.

    Raises
    ------
    UsageError
        It cannot be read or is something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp, self._looked = self._stamp_now(), time.monotonic()
        self._tokens = self._read()

    def __iter__(self) -> Iterator[Token]:
        """Yield the tokens in the order in which they were added."""
        return iter(self._tokens)

    def __len__(self) -> int:
        """Count the tokens, expired ones as well."""
        return len(self._tokens)

    def check(self, secret: str) -> Token | None:
        """Return the token of a secret; None where there is none, or it has expired.

        All hashes are compared, each in constant time. A file that has become unreadable holds no token.
        """
        self._look()
        hashed = sha256(secret.encode("utf-8", "replace")).encode()
        found = [one for one in self._tokens if hmac.compare_digest(one.sha256.encode("utf-8", "replace"), hashed)]
        return found[0] if found and not found[0].expired else None

    def add(self, name: str, scopes: Sequence[Scope], expires: str = "") -> str:
        """Make a token, and return its secret, which is stored nowhere.

        Parameters
        ----------
        expires
            As in :class:`Token`.

        Raises
        ------
        UsageError
            The name is taken or unusable, or the file cannot be written.
        """
        if not name.isprintable() or not 0 < len(name) <= MAX_NAME:
            raise UsageError(f"a name has 1 to {MAX_NAME} printable characters", hint="name it after who will use it")
        if any(one.name == name for one in self._tokens):
            raise UsageError(
                f"there is a token {name!r} already", hint=f"edge-run tokens revoke {name}, or another name"
            )
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        made = Token(name, sha256(secret.encode()), tuple(scopes), utc(now_ms()), expires)
        self._write((*self._tokens, made))
        return secret

    def revoke(self, name: str) -> None:
        """Remove a token; a server that runs refuses it within a second or so.

        Raises
        ------
        UsageError
            There is none of this name, or the file cannot be written.
        """
        kept = tuple(one for one in self._tokens if one.name != name)
        if len(kept) == len(self._tokens):
            names = ", ".join(one.name for one in self._tokens) or "there are none"
            raise UsageError(f"there is no token {name!r} in {self.path}", hint=f"edge-run tokens list ({names})")
        self._write(kept)

    def _look(self) -> None:
        with self._lock:
            if time.monotonic() - self._looked < LOOK_EVERY_S:
                return
            self._looked, stamp = time.monotonic(), self._stamp_now()
            if stamp == self._stamp:
                return
            self._stamp = stamp
            try:
                self._tokens = self._read()
            except UsageError:
                self._tokens = ()

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> tuple[Token, ...]:
        if not self.path.exists():
            return ()
        try:
            return msgspec.json.decode(load(self.path, MAX_FILE_BYTES), type=_File).tokens
        except InputError as error:
            raise UsageError(f"the tokens cannot be read: {error.message}", hint=error.hint) from error
        except msgspec.DecodeError as error:
            raise UsageError(f"{self.path} is no file of tokens: {error}", hint="give another --tokens FILE") from error

    def _write(self, tokens: tuple[Token, ...]) -> None:
        try:
            replace_file(self.path, msgspec.json.format(msgspec.json.encode(_File(1, tokens)), indent=2) + b"\n")
        except OSError as error:
            reason = error.strerror or str(error)
            raise UsageError(
                f"the tokens cannot be written to {self.path}: {reason}", hint="give another --tokens FILE"
            ) from error
        self._tokens, self._stamp = tokens, self._stamp_now()
