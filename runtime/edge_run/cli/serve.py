"""``edge-run serve``."""

from __future__ import annotations

from . import _options, _serve_options


def serve(
    host: _serve_options.Host = "127.0.0.1",
    port: _serve_options.Port = 8080,
    tokens: _serve_options.TokenFile = None,
    allow_host: _serve_options.AllowHost = None,
    tls_cert: _serve_options.TlsCert = None,
    tls_key: _serve_options.TlsKey = None,
    tls_client_ca: _serve_options.TlsClientCa = None,
    behind_proxy: _serve_options.BehindProxy = "",
    queue: _serve_options.Queue = 16,
    max_body: _serve_options.MaxBody = 64,
    drain: _serve_options.Drain = 5.0,
    metrics: _serve_options.MetricsAddress = "",
    bundle: _options.Bundle = "ct-covid",
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    early_exit: _options.EarlyExit = False,
    case_log: _options.CaseLog = None,
    no_case_log: _options.NoCaseLog = False,
    keep_images: _options.KeepImages = False,
) -> None:
    """Answer scans over HTTP, and show flagged cases in a browser.

    It goes on until Ctrl-C or SIGTERM. Without tokens everybody on this machine may ask, and nobody else.
    """
    from ._answering import open_bundle, say_intended_use
    from ._extras import need

    for module in ("starlette", "uvicorn", "python_multipart", "jinja2", "prometheus_client"):
        need(module, "serve")
    from edge_run.serve.server import Listen

    from . import _serving

    listen = Listen(host, port, tls_cert, tls_key, tls_client_ca, behind_proxy, drain)
    settings = _serving.Settings(
        listen, tuple(allow_host or ()), queue, max_body, case_log, not no_case_log, keep_images, metrics
    )
    known = _serving.checked(settings, tokens)
    opened, selection = open_bundle(bundle, backend, precision)
    from edge_run.ensemble.ensemble import Ensemble

    with Ensemble(opened, selection=selection, threads=threads, early_exit=early_exit) as ensemble:
        say_intended_use(ensemble.manifest)
        _serving.run(ensemble, settings, known)
