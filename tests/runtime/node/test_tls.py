"""TLS: at the door, and towards an archive."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from edge_run.node.node import Node
from edge_run.node.settings import Tls
from node_peers import dcmtk, settings, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A certificate that signs itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem"
    subprocess.run(words.split(), cwd=folder, check=True, capture_output=True)
    return Tls(str(folder / "cert.pem"), str(folder / "key.pem"))


@pytest.fixture
def node(tmp_path: Path, files: Tls) -> Iterator[Node]:
    with Node(settings(tmp_path, tls=files)) as one:
        yield one


def test_echo_over_tls_is_answered_beside_clients_that_say_nothing(node):
    with ExitStack() as silent:
        for _ in range(20):
            silent.enter_context(socket.create_connection(("127.0.0.1", node.port)))
        done = dcmtk("echoscu", "+tla", "-ic", "-aec", "EDGE-RUN", "127.0.0.1", node.port)
    assert done.returncode == 0, done.stderr


def test_plain_dicom_is_turned_away(node):
    assert dcmtk("echoscu", "-ta", 5, "-to", 5, "-aec", "EDGE-RUN", "127.0.0.1", node.port).returncode != 0
    wait_for(lambda: node.counters.total("connections", "malformed") == 1)


def test_with_a_ca_a_sender_without_a_certificate_is_turned_away(tmp_path: Path, files: Tls):
    given = Tls(files.certificate, files.key, ca=files.certificate)
    with Node(settings(tmp_path, tls=given)) as node:
        assert dcmtk("echoscu", "+tla", "-ic", "-aec", "EDGE-RUN", "127.0.0.1", node.port).returncode != 0
        words = ["+tls", files.key, files.certificate, "-ic"]
        done = dcmtk("echoscu", *words, "-aec", "EDGE-RUN", "127.0.0.1", node.port)
        assert done.returncode == 0, done.stderr


def test_file_that_is_no_certificate_is_a_usage_error(tmp_path: Path):
    from edge_run.errors import UsageError

    (tmp_path / "no.pem").write_text("no")
    with pytest.raises(UsageError, match="a TLS file cannot be used"):
        Node(settings(tmp_path / "node", tls=Tls(str(tmp_path / "no.pem"))))
