"""How ``edge-run node`` puts its settings together, runs, and ends."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ._extras import need
from ._interrupt import Interrupted
from ._watching import stop_signals
from .output import say, warn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_run.cases import CaseLog
    from edge_run.node.settings import Settings

EXTRA = "node"


class ModelOptions(NamedTuple):
    """Options that say who answers and what is recorded."""

    bundle: str
    precision: str | None
    backend: str
    threads: int | None
    early_exit: bool
    case_log: Path | None
    log_cases: bool


def settings_of(
    config: Path | None,
    ae_title: str | None,
    host: str | None,
    port: int | None,
    senders: Sequence[str],
    send_to: Sequence[str],
    folder: Path | None,
    status_port: int | None = None,
) -> Settings:
    """Read the file, if there is one, and change what options say otherwise.

    Raises
    ------
    UsageError
        The settings cannot be followed.
    """
    from edge_run.node.parsing import destination_of, peer_of
    from edge_run.node.settings import Settings, checked, read_settings

    changes: dict[str, object] = {
        "ae_title": ae_title,
        "host": host,
        "port": port,
        "peers": tuple(map(peer_of, senders)) or None,
        "destinations": tuple(map(destination_of, send_to)) or None,
        "folder": str(folder) if folder else None,
        "status_port": status_port,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    return checked(msgspec.structs.replace(read_settings(config) if config else Settings(), **given))


def run(settings: Settings, options: ModelOptions) -> None:
    """Run a node until a signal comes.

    Raises
    ------
    Interrupted
        The signal was Ctrl-C; SIGTERM is the usual end, as a supervisor sends it.
    """
    import signal

    module = need("edge_run.node.node", EXTRA)
    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.node.page import StatusServer

    from ._answering import open_bundle, say_intended_use

    if not settings.destinations:
        warn("answers are kept in the outbox and sent nowhere", "give --send-to NAME=AETITLE@HOST:PORT")
    bundle, selection = open_bundle(options.bundle, options.backend, options.precision)
    with (
        Ensemble(bundle, selection=selection, threads=options.threads, early_exit=options.early_exit) as ensemble,
        stop_signals() as signals,
        module.Node(settings, ensemble, (lambda: _open_log(options.case_log)) if options.log_cases else None) as node,
        ExitStack() as pages,
    ):
        say_intended_use(ensemble.manifest)
        if settings.status_port is not None:
            page = pages.enter_context(StatusServer(node, settings.status_host, settings.status_port))
            say(f"status page and metrics at http://{settings.status_host}:{page.port}/ and /metrics")
        say(f"listening on {settings.host} port {node.port} as {settings.ae_title}; Ctrl-C or SIGTERM ends it")
        number = signals.get()
        say("ending: open associations have up to 20 s, a second signal ends at once")
    if number == signal.SIGINT:
        raise Interrupted(f"the node ended; {settings.place} keeps what was received and not yet delivered")


def _open_log(path: Path | None) -> CaseLog:
    from edge_run.cases import CaseLog

    return CaseLog.open(path)
