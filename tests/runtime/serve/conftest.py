from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import toy

pytest.importorskip("starlette", reason="needs the extra serve")
pytest.importorskip("uvicorn", reason="needs the extra serve")
pytest.importorskip("httpx", reason="needs httpx to ask servers")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Served


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_toy_bundle(tmp_path_factory.mktemp("serve") / "toys")


@pytest.fixture(scope="module")
def server(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server without tokens that keeps images; tests of one file share it."""
    from serving import served

    with served(bundle, tmp_path_factory.mktemp("log") / "cases.sqlite", keep_images=True) as running:
        yield running


@pytest.fixture(scope="session")
def png() -> bytes:
    return toy.png(toy.scan(1))
