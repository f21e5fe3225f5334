"""``edge-run tokens``: who may ask a server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import UsageError

from . import _options
from ._help import SETTINGS, Command
from .output import print_json, print_text, say

if TYPE_CHECKING:
    from edge_run.serve.tokens import Token, Tokens

app = typer.Typer(
    help="Add, list and revoke the tokens that edge-run serve asks for.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    context_settings=SETTINGS,
)
File = Annotated[
    Path | None,
    typer.Option(
        "--tokens", metavar="FILE", help="Use this file.  [default: $EDGE_RUN_TOKENS, or one in the user's data folder]"
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Who uses the token, for example pacs or ward-3.")]
_DAYS = re.compile(r"(\d{1,4})d")
DAY_MS = 24 * 3600 * 1000


@app.command(cls=Command)
def add(
    name: Name,
    scope: Annotated[
        list[str], typer.Option(help="Allow this: answer, review, metrics or admin (all); may be given several times.")
    ],
    expires: Annotated[str, typer.Option(metavar="DAYS", help="Refuse it after so many days: 90d; or never.")] = "365d",
    tokens: File = None,
) -> None:
    """Make a token, and write its secret to standard output, once."""
    from edge_run.cases.ids import now_ms, utc
    from edge_run.serve.tokens import SCOPES

    known = _open(tokens)
    wanted = [one for one in SCOPES if one in scope]
    if len(wanted) < len(set(scope)):
        raise UsageError(f"{', '.join(scope)} is not a scope", hint=f"one of {', '.join(SCOPES)}")
    days = _DAYS.fullmatch(expires)
    if not days and expires != "never":
        raise UsageError(f"{expires!r} is no number of days", hint="--expires 90d, or --expires never")
    secret = known.add(name, wanted, utc(now_ms() + int(days[1]) * DAY_MS) if days else "")
    print_text(secret)
    say(f"added {name} to {known.path}; keep the secret: it is stored nowhere")


@app.command("list", cls=Command)
def list_(as_json: _options.Json = False, tokens: File = None) -> None:
    """List the tokens, without their secrets."""
    known = _open(tokens)
    if as_json:
        print_json([_record(one) for one in known])
        return
    if not len(known):
        say(f"there are no tokens in {known.path}")
        return
    width = max(len("NAME"), *(len(one.name) for one in known))
    lines = [f"{'NAME':<{width}}  {'SCOPES':<24}  EXPIRES"]
    for one in known:
        until = one.expires[:10] or "never"
        lines.append(f"{one.name:<{width}}  {' '.join(one.scopes):<24}  {until}{' (expired)' if one.expired else ''}")
    print_text("\n".join(lines))


@app.command(cls=Command)
def revoke(name: Name, tokens: File = None) -> None:
    """Remove a token; a server that runs refuses it within seconds."""
    known = _open(tokens)
    known.revoke(name)
    say(f"revoked {name}")


def _open(path: Path | None) -> Tokens:
    from edge_run.serve.tokens import VARIABLE, Tokens, default_path

    found = path or default_path()
    if found is None:
        raise UsageError("this user has no home folder for tokens", hint=f"give --tokens FILE, or set {VARIABLE}")
    return Tokens(found)


def _record(one: Token) -> dict[str, object]:
    return {
        "name": one.name,
        "scopes": list(one.scopes),
        "created": one.created,
        "expires": one.expires or None,
        "expired": one.expired,
    }
