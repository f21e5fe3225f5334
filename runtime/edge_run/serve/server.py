"""Serve an application with uvicorn until a signal ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.applications import Starlette


def serve(app: Starlette, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, server_header=False, proxy_headers=False,
        ws="none", lifespan="off", timeout_graceful_shutdown=20,
    )  # fmt: skip
    uvicorn.Server(config).run()
