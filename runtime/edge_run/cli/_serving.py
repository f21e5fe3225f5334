"""``edge-run serve`` once its options are read: checks, the parts of the server, and its end."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from edge_run.doctor import EXTRAS
from edge_run.errors import UsageError
from edge_run.serve.app import create_app
from edge_run.serve.case_writer import CaseWriter
from edge_run.serve.hosts import Hosts, require_safe
from edge_run.serve.log_metrics import LogMeasurer
from edge_run.serve.metrics import Metrics
from edge_run.serve.metrics_server import at, serve_metrics
from edge_run.serve.page import Review, routes
from edge_run.serve.server import Listen, serve
from edge_run.serve.service import Service
from edge_run.serve.tokens import Tokens, default_path

from ._interrupt import Interrupted
from .output import say

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.routing import BaseRoute

    from edge_run.ensemble.ensemble import Ensemble


class Settings(NamedTuple):
    """What the options say.

    Attributes
    ----------
    names
        Further names by which the server may be called.
    max_body
        MiB of one request's body.
    case_log, log
        The case log, the user's own where it is None; and whether answers are logged.
    metrics
        ``HOST:PORT`` for Prometheus; empty: metrics are not served.
    """

    listen: Listen
    names: tuple[str, ...]
    queue: int
    max_body: int
    case_log: Path | None
    log: bool
    keep_images: bool
    metrics: str = ""


def checked(settings: Settings, path: Path | None) -> Tokens | None:
    """Check the options before anything is loaded, and return the tokens that are asked for, if any.

    Parameters
    ----------
    path
        The file of tokens; None: the user's own, where it exists.

    Raises
    ------
    UsageError
        The options contradict each other, or others could reach the server who should not.
    """
    listen = settings.listen
    if not settings.log and (settings.case_log is not None or settings.keep_images):
        raise UsageError("--no-case-log contradicts --case-log and --keep-images", hint="leave one of them out")
    if (listen.certificate is None) != (listen.key is None) or (listen.client_ca and not listen.certificate):
        raise UsageError("TLS needs a certificate and its key", hint="--tls-cert FILE --tls-key FILE")
    for file in (listen.certificate, listen.key, listen.client_ca):
        if file is not None and not file.is_file():
            raise UsageError(f"there is no file {file}", hint="check --tls-cert, --tls-key and --tls-client-ca")
    known = _tokens(path)
    if settings.metrics:
        at(settings.metrics, listen)
    require_safe(listen.host, tls=bool(listen.certificate or listen.proxy), tokens=known is not None)
    return known


def run(ensemble: Ensemble, settings: Settings, tokens: Tokens | None) -> None:
    """Serve until a signal comes.

    Raises
    ------
    GateError
        The reference scans are not answered as at export.
    CaseLogError
        The case log cannot be opened.
    UsageError
        The server cannot listen there.
    Interrupted
        The signal was Ctrl-C; SIGTERM is the usual end, as a supervisor sends it.
    """
    with ExitStack() as stack:
        cases = CaseWriter(settings.case_log, keep_images=settings.keep_images) if settings.log else None
        if cases:
            stack.callback(cases.close)
        service = Service.of(ensemble, cases, tokens, queue=settings.queue, max_body=settings.max_body * 2**20)
        stack.callback(service.answering.close)
        service.readiness.replay()
        metrics = Metrics(ensemble.source) if settings.metrics else None
        measured_at = _serve_metrics(metrics, ensemble, cases, settings, tokens, stack) if metrics else ""
        page = _page(ensemble, service, cases, tokens, stack) if cases else []
        app = create_app(service, hosts=Hosts(settings.listen.host, settings.names), page=page, metrics=metrics)
        started = _Started(tokens, measured_at)
        ended_by = serve(app, settings.listen, started=started, stopping=service.readiness.drain)
    if ended_by == signal.SIGINT:
        raise Interrupted("the server ended; all answers that it gave are in the case log" if cases else "it ended")


class _Started:
    def __init__(self, tokens: Tokens | None, metrics: str) -> None:
        self._tokens, self._metrics = tokens, metrics

    def __call__(self, url: str) -> None:
        """Tell where the server listens, and who may ask."""
        who = "everybody on this machine may ask" if self._tokens is None else f"tokens of {self._tokens.path} may ask"
        if self._metrics:
            say(f"metrics on {self._metrics}")
        say(f"serving on {url}; {who}; Ctrl-C or SIGTERM ends it")


def _serve_metrics(
    metrics: Metrics,
    ensemble: Ensemble,
    cases: CaseWriter | None,
    settings: Settings,
    tokens: Tokens | None,
    stack: ExitStack,
) -> str:
    """Serve metrics, of the case log as well, until ``stack`` ends; return their address."""
    listen = at(settings.metrics, settings.listen)
    server = stack.enter_context(serve_metrics(listen, metrics, tokens, names=settings.names))
    if cases:
        stack.enter_context(LogMeasurer(metrics, cases.path, ensemble.bundle, ensemble.precision))
    return server.url


def _page(
    ensemble: Ensemble, service: Service, cases: CaseWriter, tokens: Tokens | None, stack: ExitStack
) -> list[BaseRoute]:
    """Return the routes of the page for review, whose background work ends with ``stack``."""
    review = Review(
        cases.path,
        ensemble.bundle,
        tokens=tokens,
        maps=service.answering.maps,
        keep_images=cases.keep_images,
        explain=_explains(),
    )
    stack.callback(review.close)
    return routes(review)


def _explains() -> bool:
    """Whether the extra ``explain`` is installed."""
    return all(find_spec(module) is not None for module in EXTRAS["explain"])


def _tokens(path: Path | None) -> Tokens | None:
    own = default_path() if path is None else path
    if own is None or (path is None and not own.exists()):
        return None
    known = Tokens(own)
    if not any(not token.expired for token in known):
        raise UsageError(
            f"{own} holds no token that is valid, so nobody could ask",
            hint="edge-run tokens add NAME --scope answer; or remove the file, and let everybody on this machine ask",
        )
    return known
