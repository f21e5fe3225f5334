"""Reports of ``edge-run explain``, made in the background, one at a time, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Literal

from edge_run._files import make_folder
from edge_run.cases.ids import DIGITS

if TYPE_CHECKING:
    from pathlib import Path

REPORT = "report.html"
MAX_WAITING = 8
MAX_REPORT_BYTES = 64 * 2**20
LONGEST_S = 3600.0
NICE = 10
"""Added to the niceness of the process: answers at the bedside come first."""

State = Literal["", "waiting", "done", "failed", "full"]


class Explanations:
    """Starts ``edge-run explain CASE`` and finds its reports.

    Parameters
    ----------
    log
        The case log.
    folder
        For the reports; see :func:`edge_run.cases.location.explanations_folder`.
    bundle
        Path or name of the bundle that answered.
    command
        The program that explains, without its arguments.
    """

    def __init__(
        self,
        log: Path,
        folder: Path,
        bundle: str,
        command: tuple[str, ...] = (sys.executable, "-m", "edge_run", "explain"),
    ) -> None:
        self._log, self._folder, self._bundle, self._command = log, folder, bundle, command
        self._states: dict[str, State] = {}
        self._messages: dict[str, str] = {}
        self._lock, self._pool = Lock(), ThreadPoolExecutor(1, thread_name_prefix="explain")
        self._running: subprocess.Popen[str] | None = None
        self._closed = False

    def start(self, case_id: str) -> State:
        """Begin to explain a case, unless that was begun already; return how far it is."""
        with self._lock:
            found = self._state(case_id)
            if found in ("waiting", "done") or self._closed:
                return found
            if sum(state == "waiting" for state in self._states.values()) >= MAX_WAITING:
                return "full"
            self._states[case_id] = "waiting"
        self._pool.submit(self._explain, case_id)
        return "waiting"

    def state(self, case_id: str) -> State:
        """Return how far the explanation of a case is; empty where nobody asked for it."""
        with self._lock:
            return self._state(case_id)

    def message(self, case_id: str) -> str:
        """Return why a case could not be explained."""
        return self._messages.get(case_id, "")

    def report(self, case_id: str) -> Path | None:
        """Return the report of a case, a plain file inside of the folder; None where there is none."""
        # An id has no character that could lead out of the folder.
        if not case_id or not set(case_id) <= set(DIGITS):
            return None
        path = self._folder / case_id / REPORT
        inside = path.is_file() and path.resolve() == self._folder.resolve() / case_id / REPORT
        return path if inside and path.stat().st_size <= MAX_REPORT_BYTES else None

    def close(self) -> None:
        """End the process that explains, and begin no other."""
        with self._lock:
            self._closed = True
            if self._running is not None:
                self._running.terminate()
        self._pool.shutdown(cancel_futures=True)

    def _state(self, case_id: str) -> State:
        state = self._states.get(case_id, "")
        return "done" if state != "waiting" and self.report(case_id) else state

    def _explain(self, case_id: str) -> None:
        try:
            message = self._run(case_id)
        except (OSError, subprocess.SubprocessError) as error:
            message = str(error)
        with self._lock:
            self._messages[case_id] = message
            self._states[case_id] = "failed" if message else "done"

    def _run(self, case_id: str) -> str:
        """Explain a case, and return what went wrong; empty where nothing did."""
        make_folder(self._folder)
        arguments = [*self._command, case_id, "--out", str(self._folder), "--case-log", str(self._log)]
        with self._lock:
            if self._closed:
                return "the server was stopped"
            process = self._running = subprocess.Popen(  # noqa: S603 - our own program, on a case's id
                [*arguments, "--bundle", self._bundle],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
        try:
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
            _, told = process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()
            process.wait()
            with self._lock:
                self._running = None
        if process.returncode == 0 and self.report(case_id):
            return ""
        return told.strip()[-1000:] or f"edge-run explain ended with {process.returncode}"
