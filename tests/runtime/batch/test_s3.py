"""A real S3 client against a local server that speaks S3: moto's, in a process of its own on 127.0.0.1."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from archives import CONSOLE
from toy import png, scan, write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("s3fs", reason="s3fs is not installed")
pytest.importorskip("moto.server", reason="moto[server] is not installed", exc_type=ImportError)

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
SERVER = """
import sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Credentials and address of a server that ends with the tests."""
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert server.stdout
    port = int(server.stdout.readline())
    yield {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    server.kill()
    server.communicate()


def fill(environment: dict[str, str], bucket: str, objects: dict[str, bytes]) -> None:
    """Make a bucket with objects."""
    from botocore.session import Session

    client = Session().create_client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=SECRET,
    )
    client.create_bucket(Bucket=bucket)
    for key, data in objects.items():
        client.put_object(Bucket=bucket, Key=key, Body=data)
    client.close()


def run(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CONSOLE, "batch", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert SECRET not in done.stdout + done.stderr
    return done


def test_bucket_is_answered_and_no_credential_is_written(environment: dict[str, str], tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", members=2)
    scans = {f"day/{n:02}.png": png(scan(n)) for n in range(20)}
    fill(environment, "ward", {**scans, "day/cut.png": png(scan(0))[:400], "day/notes.txt": b"no image"})
    out = tmp_path / "out"
    for number in (1, 2):
        done = run(environment, "s3://ward/day", "--out", out, "--bundle", bundle, "--shard", f"{number}/2")
        assert done.returncode == 0, done.stderr
    found = json.loads(run(environment, "merge", out, "--json").stdout)
    assert (found["answered"], found["errors"], found["missing"], found["double"]) == (20, 1, 0, 0)
    assert b'"path":"s3://ward/day/07.png"' in (out / "answers.jsonl").read_bytes()
    written = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert SECRET.encode() not in written
    assert b"AKIAIOSFODNN7EXAMPLE" not in written


def test_bucket_that_does_not_exist_is_a_row_with_an_error(environment: dict[str, str], tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", members=1)
    done = run(environment, "s3://nowhere/day", "--out", tmp_path / "out", "--bundle", bundle, "--json")
    assert json.loads(done.stdout)["errors"] == 1


def test_server_that_does_not_answer_is_a_row_with_an_error(environment: dict[str, str], tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", members=1)
    closed = {**environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    done = run(closed, "s3://ward/day/00.png", "--out", tmp_path / "out", "--bundle", bundle, "--json")
    assert json.loads(done.stdout)["errors"] == 1
    (part,) = (tmp_path / "out" / "parts").glob("*.jsonl")
    assert "cannot be read" in json.loads(part.read_bytes())["error"]["message"]
