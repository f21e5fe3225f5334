"""The command ``edge-run serve`` before it serves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import toy
from edge_run.serve.server import Listen, configured

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("module", ["starlette", "uvicorn", "python_multipart", "jinja2", "prometheus_client"])
def test_missing_package_is_named_with_the_extra(
    capsys: pytest.CaptureFixture[str], bundle: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    answered = toy.edge_run(capsys, "serve", "--bundle", bundle)
    assert answered.code == 5
    assert module in answered.err
    assert "pip install 'edge-run[serve]'" in answered.err


def test_damaged_networks_are_not_served(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = toy.write_toy_bundle(tmp_path / "toys")
    toy.replace_file(other, "models/resnet18.int8-cpu.onnx", toy.toy_model(9))
    answered = toy.edge_run(capsys, "serve", "--port", "0", "--bundle", other, "--case-log", tmp_path / "c.sqlite")
    assert answered.code == 6
    assert "not answered as at export" in answered.err
    assert "edge-run verify" in answered.err


def test_headers_of_a_proxy_are_believed_only_where_one_is_named(server: object) -> None:  # noqa: ARG001
    async def app(scope: object, receive: object, send: object) -> None: ...

    def inner(listen: Listen) -> object:
        return configured(app, listen).loaded_app  # type: ignore[arg-type]

    assert not isinstance(inner(Listen()), ProxyHeadersMiddleware)
    behind = inner(Listen(proxy="10.0.0.1"))
    assert isinstance(behind, ProxyHeadersMiddleware)
    assert "10.0.0.1" in behind.trusted_hosts
    assert "127.0.0.1" not in behind.trusted_hosts
