"""Ray on this machine: the same bytes as shards, and nothing lost or double when a worker or a node is killed."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archives import CONSOLE, batch, merged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives import Archive

pytest.importorskip("ray", reason="Ray is not installed: pip install 'edge-run[ray]'")

NODE = "from ray.scripts.scripts import main; main()"
SECONDS = 240


def test_ray_gives_the_bytes_of_shards(archive: Archive, tmp_path: Path) -> None:
    work = json.loads(batch(archive.folder, "--out", tmp_path, "--bundle", archive.bundle, "--ray", "--json"))
    assert (work["answered"], work["errors"]) == (archive.files, 13)
    assert merged(tmp_path)["double"] == 0
    assert (tmp_path / "answers.jsonl").read_bytes() == archive.table


def test_what_shards_answered_is_not_answered_again(archive: Archive, tmp_path: Path) -> None:
    batch(archive.folder, "--out", tmp_path, "--bundle", archive.bundle, "--shard", "1/2")
    work = json.loads(batch("--out", tmp_path, "--bundle", archive.bundle, "--ray", "--json"))
    assert work["before"] > 200
    assert work["before"] + work["answered"] == archive.files
    assert merged(tmp_path)["double"] == 0
    assert (tmp_path / "answers.jsonl").read_bytes() == archive.table


LISTENING = """
import os, re
from pathlib import Path
from edge_run.batch.ray_cluster import LOCAL, cluster

found = []
with cluster(LOCAL, 1) as plan:
    parents, sockets = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[entry.name] = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            sockets[entry.name] = [os.readlink(file) for file in (entry / "fd").iterdir()]
        except OSError:
            continue
    def ours(pid):
        return pid == str(os.getpid()) or (pid in parents and ours(parents[pid]))
    links = [link for pid, held in sockets.items() if ours(pid) for link in held]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.append(fields[1].rpartition(":")[0])
# Within the block, standard output goes to standard error.
print(*found, sep="\\n")
print(os.environ["RAY_AUTH_MODE"], len(os.environ["RAY_AUTH_TOKEN"]))
"""
# As the kernel writes 127.0.0.1, also within IPv6.
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}


def test_local_cluster_listens_on_loopback_only() -> None:
    done = subprocess.run([sys.executable, "-c", LISTENING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *addresses, protection = done.stdout.splitlines()
    assert addresses
    assert set(addresses) <= LOOPBACK
    assert protection == "token 64"


class Cluster:
    """Two nodes on this machine."""

    def __init__(self, place: Path) -> None:
        self.environment = {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
            "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))),
        }
        self.nodes: list[subprocess.Popen[bytes]] = []
        self.place = place
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def add(self, *options: str) -> None:
        """Start a node that ends with its process."""
        command = [sys.executable, "-c", NODE, "start", "--block", "--disable-usage-stats", *options]
        log = (self.place / f"node{len(self.nodes)}.log").open("wb")
        self.nodes.append(
            subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        )
        log.close()

    def close(self) -> None:
        """Kill what is left."""
        for node in self.nodes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(node.pid, signal.SIGKILL)
            node.wait()

    def processes(self, title: str, node: int | None = None) -> list[int]:
        """Processes of the nodes, or of one, whose title contains a text."""
        groups = {one.pid for one in (self.nodes if node is None else [self.nodes[node]])}
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                pid = int(entry.name)
                if os.getsid(pid) in groups and title in (entry / "cmdline").read_bytes().decode(errors="replace"):
                    found.append(pid)
        return found


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    # Sockets lie in this folder, and their names may have 107 bytes.
    place = Path("/tmp") / f"er-ray-{os.getpid()}"
    place.mkdir()
    made = Cluster(place)
    shared = ("--num-cpus=2", "--object-store-memory=100000000", "--include-dashboard=false")
    made.add("--head", f"--port={made.port}", f"--temp-dir={place}", "--node-ip-address=127.0.0.1", *shared)
    made.add(f"--address=127.0.0.1:{made.port}", "--node-ip-address=127.0.0.1", *shared[:2])
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(place, ignore_errors=True)


def started(cluster: Cluster, archive: Archive, out: Path) -> subprocess.Popen[str]:
    """Run the batch on the cluster, with one ensemble for each logical CPU but one."""
    command = [sys.executable, "-c", CONSOLE, "batch", "run", str(archive.folder), "--out", str(out)]
    command += ["--bundle", str(archive.bundle), "--ray", f"127.0.0.1:{cluster.port}", "--threads", "1", "--json"]
    return subprocess.Popen(command, env=cluster.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(what: object, seconds: float = SECONDS) -> object:
    """Ask until the answer is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.02)
    pytest.fail(f"nothing within {seconds} s")
    return None


@pytest.mark.parametrize("victim", ["an actor", "a node"])
def test_nothing_is_lost_or_double_when_something_is_killed(
    archive: Archive, cluster: Cluster, tmp_path: Path, victim: str
) -> None:
    wait_for(lambda: cluster.processes("raylet", 1))
    job = started(cluster, archive, tmp_path)
    try:
        wait_for(lambda: job.poll() is not None or any((tmp_path / "parts").glob("ray-*")))
        answered = sum(path.read_bytes().count(b"\n") for path in (tmp_path / "parts").glob("ray-*.open"))
        if victim == "a node":
            os.killpg(cluster.nodes[1].pid, signal.SIGKILL)
        else:
            for pid in cluster.processes("MapWorker")[:1]:
                os.kill(pid, signal.SIGKILL)
        out, err = job.communicate(timeout=SECONDS)
    finally:
        job.kill()
    assert job.returncode == 0, err
    assert 0 < answered < archive.files
    assert json.loads(out)["answered"] == archive.files
    found = merged(tmp_path)
    assert (found["missing"], found["double"], found["faults"]) == (0, 0, [])
    assert (tmp_path / "answers.jsonl").read_bytes() == archive.table
