"""A crash leaves no memory on the disk."""

import signal
import subprocess
import sys


def test_process_that_crashes_leaves_no_core(tmp_path):
    script = (
        "import os, resource, signal; from edge_run.machine import core_dumps; core_dumps.disable()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), flush=True); os.kill(os.getpid(), signal.SIGABRT)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGABRT
    assert done.stdout.strip() in ("(1, 1)", "(0, 0)")
    assert list(tmp_path.iterdir()) == []
