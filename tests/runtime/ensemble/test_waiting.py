"""A network that never answers: the deadline, Ctrl-C, and what is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_run import BackendError, Ensemble
from edge_run.backends import Network, checks, open_runner
from edge_run.ensemble import member_pool
from edge_run.ensemble.waiting import LateError, gather
from toy import endless_model, replace_file, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle with a member that never answers, which the checks of its file let pass."""
    monkeypatch.setattr(checks, "_REFUSED", {})
    folder = write_toy_bundle(tmp_path / "toy", members=2)
    for precision in ("fp32", "int8-cpu"):
        replace_file(folder, f"models/googlenet.{precision}.onnx", endless_model())
    return folder


def test_results_are_in_their_order_and_errors_are_raised() -> None:
    done: dict[str, Future[int]] = {"a": Future(), "b": Future()}
    done["b"].set_result(2)
    done["a"].set_result(1)
    assert gather(done, threading.Event(), 1) == [1, 2]
    failed: Future[int] = Future()
    failed.set_exception(TimeoutError("its own"))
    with pytest.raises(TimeoutError, match="its own"):
        gather({"a": failed}, threading.Event(), 1)


def test_cancelled_wait_ends() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(BackendError, match="a was cancelled"):
        gather({"a": Future()}, cancelled, 1000)


def test_late_network_is_an_error_and_the_ensemble_goes_on(endless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member_pool, "DEADLINE_S", 0.0)
    with Ensemble.load(endless, backend="cpu") as loaded:
        with pytest.raises(LateError, match=r"googlenet\.int8-cpu had not answered after 0 s") as caught:
            loaded.predict(scan())
        assert caught.value.exit_code == 5
        (sound,) = loaded._pool.outputs(np.zeros((1, 1, 32, 32), np.uint8), [0]).values()
    assert sound.logits.shape == (1, 2)


def test_cancelled_session_ends_and_answers_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_REFUSED", {})
    batch = np.zeros((1, 1, 32, 32), np.uint8)
    with (
        ThreadPoolExecutor(1) as other,
        open_runner("cpu", Network(endless_model(), "toy", "fp32", 32), threads=1) as runner,
    ):
        running = other.submit(runner.run, batch)
        while runner._run_options is None:  # type: ignore[attr-defined]
            pass
        while not running.done():
            runner.cancel()
        with pytest.raises(BackendError, match="terminate flag"):
            running.result()


INTERRUPTED = """
import ctypes, os, signal, sys
# A shell's background jobs begin with the signal ignored, and then so do these tests.
signal.signal(signal.SIGINT, signal.default_int_handler)
from edge_run.backends import checks
from edge_run.backends.onnxruntime.session import SessionRunner
checks._REFUSED = {}
infer = SessionRunner._infer
def waits(self, batch):
    os.write(1, b"computing\\n")  # both members, at once
    if sys.argv[1] == "stuck":
        ctypes.CDLL(None).sleep(600)
    return infer(self, batch)
SessionRunner._infer = waits
del sys.argv[1]
from edge_run.cli import console
console()
"""


@pytest.mark.parametrize("how", ["endless", "stuck"])
def test_one_ctrl_c_ends_a_prediction(endless: Path, tmp_path: Path, how: str) -> None:
    file = tmp_path / "scan.pgm"
    file.write_bytes(b"P5 40 40 255\n" + bytes(range(160)) * 10)
    command = [sys.executable, "-c", INTERRUPTED, how, "predict", str(file), "--bundle", str(endless)]
    with subprocess.Popen(
        [*command, "--no-case-log", "--backend", "cpu"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "computing\n"
        child.send_signal(signal.SIGINT)
        try:
            _, stderr = child.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    assert child.returncode in (1, 130)
    assert "Traceback" not in stderr
