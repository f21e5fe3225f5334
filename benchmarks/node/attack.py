"""Three attacks on the door, and how fast others are answered meanwhile."""

from __future__ import annotations

import socket
import struct
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from .process import NodeProcess, echo, free_port, running

LIMIT_S = 1.0
_SILENT = 200


def attack(bundle: str) -> bool:
    """Attack, echo, print; True where each echo was answered within a second."""
    with tempfile.TemporaryDirectory(prefix="edge-run-attack-") as name:
        folder = Path(name)
        secured, options = _secured(folder, free_port())
        with running(folder / "tls", secured, "--bundle", bundle, *options) as node:
            good = [_measured(node, "one TLS client that says nothing", 1, b"", "+tla", "-ic")]
        with running(folder / "plain", free_port(), "--bundle", bundle) as node:
            huge = struct.pack(">BBL", 1, 0, 2**32 - 1) + bytes(2**16)
            good.append(_measured(node, "a PDU that claims 4 GiB", 1, huge))
            good.append(_measured(node, f"{_SILENT} silent connections", _SILENT, b""))
            half = struct.pack(">BBL", 1, 0, 400) + bytes(100)
            good.append(_measured(node, f"{_SILENT} half association requests", _SILENT, half))
    return all(good)


def _measured(node: NodeProcess, what: str, connections: int, first: bytes, *options: str) -> bool:
    """Hold connections open, and echo beside them."""
    memory, threads = node.status("VmRSS"), node.status("Threads")
    _, before = echo(node.port, *options)
    with ExitStack() as held:
        for _ in range(connections):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", node.port), timeout=5))
            if first:
                connection.sendall(first)
        time.sleep(0.5)
        answered, seconds = echo(node.port, *options)
        grown = (node.status("VmRSS") - memory) / 1024
        more = node.status("Threads") - threads
    print(
        f"{what:<34} echo {'answered' if answered else 'NOT ANSWERED'} in {seconds:.2f} s (before: {before:.2f} s), "
        f"memory {grown:+.1f} MiB, threads {more:+d}"
    )
    return answered and seconds < LIMIT_S


def _secured(folder: Path, port: int) -> tuple[int, tuple[str, ...]]:
    """Write a configuration with TLS and a certificate of its own."""
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*words, *files], check=True, capture_output=True)
    config = folder / "node.toml"
    config.write_text(f'[tls]\ncertificate = "{folder / "cert.pem"}"\nkey = "{folder / "key.pem"}"\n')
    return port, ("--config", str(config))
