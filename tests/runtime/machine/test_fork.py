"""Whatever has threads refuses to work in a forked child, at once."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge_run import UsageError
from edge_run.machine.fork import ForkGuard
from toy import toy_model, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

# Children are given ten seconds; what waits for threads that do not exist waits for ever.
FORKED = """
import os, signal, sys
import numpy as np
from edge_run import EdgeRunError, Ensemble
from edge_run.backends import Network, open_runner

def in_child(call):
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            call()
        except EdgeRunError as error:
            os.write(1, f"{error.message}; {error.hint}\\n".encode())
        os._exit(0)
    return os.waitpid(child, 0)[1]

batch = np.zeros((1, 1, 32, 32), np.uint8)
runner = open_runner("cpu", Network(open(sys.argv[1], "rb").read(), "toy", "fp32", 32), threads=2)
ended = [in_child(lambda: runner.run(batch))]
ensemble = Ensemble.load(sys.argv[2])
ended.append(in_child(lambda: ensemble.predict(np.zeros((40, 40), np.uint8))))
ensemble.predict(np.zeros((40, 40), np.uint8))
ended.append(in_child(lambda: ensemble.predict(np.zeros((40, 40), np.uint8))))
ended.append(in_child(ensemble.close))
print(ended)
"""


def test_process_that_created_it_may_use_it() -> None:
    ForkGuard("this ensemble").check()


def test_another_process_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = ForkGuard("this ensemble")
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(UsageError, match="this ensemble was loaded before this process was forked") as caught:
        guard.check()
    assert "load it in the child" in caught.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_forked_child_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "toy.onnx").write_bytes(toy_model())
    bundle = write_toy_bundle(tmp_path / "toy", members=2)
    command = [sys.executable, "-W", "ignore", "-c", FORKED, tmp_path / "toy.onnx", bundle]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    *refused, ended = done.stdout.splitlines()
    assert [line.partition(" was loaded")[0] for line in refused] == ["toy", "this ensemble", "this ensemble"]
    assert all("load it in the child" in line for line in refused)
    assert ended == "[0, 0, 0, 0]"
