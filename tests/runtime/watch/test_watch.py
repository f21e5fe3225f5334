"""A watched folder: whole files only, each once, also over restarts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from edge_run import Ensemble, InputError, UsageError
from edge_run.cli import _watching
from edge_run.cli._interrupt import Interrupted
from edge_run.watch.state import default_state
from edge_run.watch.watch import MAX_POLLS, Watch
from toy import edge_run, png, scan, write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_run.ensemble.predict_many import ScanResult


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=1)


@pytest.fixture(scope="module")
def ensemble(bundle: Path) -> Iterator[Ensemble]:
    with Ensemble.load(bundle) as loaded:
        yield loaded


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def writer(write: Callable[[ScanResult], None]) -> SimpleNamespace:
    return SimpleNamespace(write=write, keep_data=False, draw=None)


class Ward:
    """A watch whose looks the test takes, and what it has answered."""

    def __init__(self, ensemble: Ensemble, inbox: Path) -> None:
        self.ensemble, self.inbox, self.state = ensemble, inbox, inbox.parent / "state.jsonl"
        self.told: list[str] = []
        self.watch = self._open()

    def _open(self) -> Watch:
        return Watch(self.inbox, self.state, self.told.append, lambda text, _hint: self.told.append(text))

    def restart(self) -> None:
        self.watch.close()
        self.watch = self._open()

    def look(self, times: int = 1, *, stop: bool = False) -> list[str]:
        """Names of what that many looks bring, those that cannot be read with a question mark."""
        found: list[ScanResult] = []
        for _ in range(times):
            _watching.answer_ready(self.ensemble, self.watch, writer(found.append), stop=lambda: stop)
        return [
            Path(answer.input.name).name + ("?" if isinstance(answer.outcome, InputError) else "") for answer in found
        ]


@pytest.fixture
def ward(ensemble: Ensemble, inbox: Path) -> Iterator[Ward]:
    ward = Ward(ensemble, inbox)
    yield ward
    ward.watch.close()


def test_scan_is_answered_once_it_keeps_still(ward: Ward) -> None:
    (ward.inbox / "a.png").write_bytes(png(scan()))
    assert [ward.look() for _ in range(4)] == [[], ["a.png"], [], []]


def test_file_that_is_being_written_waits(ward: Ward) -> None:
    whole = png(scan())
    path = ward.inbox / "a.png"
    for end in (100, 200, 300):
        path.write_bytes(whole[:end])
        assert ward.look() == []
    path.write_bytes(whole)
    assert [ward.look(), ward.look()] == [[], ["a.png"]]


def test_same_size_and_later_is_not_still(ward: Ward) -> None:
    path = ward.inbox / "a.png"
    path.write_bytes(png(scan()))
    for ns in (10**18, 2 * 10**18, 3 * 10**18):
        os.utime(path, ns=(ns, ns))
        assert ward.look() == []
    assert ward.look() == ["a.png"]


def test_file_that_pauses_half_way_gets_no_error(ward: Ward) -> None:
    path, whole = ward.inbox / "a.png", png(scan())
    path.write_bytes(whole[:300])
    assert ward.look(MAX_POLLS - 1) == []
    path.write_bytes(whole)
    assert ward.look(3) == ["a.png"]


def test_unreadable_file_gets_one_error(ward: Ward) -> None:
    (ward.inbox / "a.png").write_bytes(png(scan())[:300])
    assert ward.look(MAX_POLLS - 1) == []
    assert ward.look(3 * MAX_POLLS) == ["a.png?"]
    ward.restart()
    assert ward.look(2 * MAX_POLLS) == []
    (ward.inbox / "a.png").write_bytes(png(scan()))
    assert ward.look(2) == ["a.png"]


@pytest.mark.parametrize("name", [".a.png", "a.png.part", "a.png.tmp", "a.txt", ".hidden/a.png"])
def test_other_names_are_none_of_its_business(ward: Ward, name: str) -> None:
    (ward.inbox / name).parent.mkdir(exist_ok=True)
    (ward.inbox / name).write_bytes(png(scan()))
    assert ward.look(MAX_POLLS) == []
    (ward.inbox / name).rename(ward.inbox / "b.png")
    assert ward.look(2) == ["b.png"]


def test_nothing_is_answered_twice_after_a_restart(ward: Ward) -> None:
    (ward.inbox / "below").mkdir()
    for n, name in enumerate(("a.png", "below/a.png")):
        (ward.inbox / name).write_bytes(png(scan(n)))
    assert ward.look(2) == ["a.png", "a.png"]
    ward.restart()
    (ward.inbox / "b.png").write_bytes(png(scan(2)))
    assert ward.look(3) == ["b.png"]


def test_changed_scan_is_answered_again(ward: Ward) -> None:
    path = ward.inbox / "a.png"
    path.write_bytes(png(scan()))
    ward.look(2)
    path.write_bytes(png(scan(1)))
    assert ward.look(4) == ["a.png"]


def test_touched_scan_is_not(ward: Ward) -> None:
    path = ward.inbox / "a.png"
    path.write_bytes(png(scan()))
    ward.look(2)
    os.utime(path, ns=(10**18, 10**18))
    assert ward.look(MAX_POLLS) == []
    ward.restart()
    assert ward.look(MAX_POLLS) == []


def test_stop_comes_after_the_scan_at_hand(ward: Ward) -> None:
    for n in range(3):
        (ward.inbox / f"{n}.png").write_bytes(png(scan(n)))
    assert ward.look(2, stop=True) == ["0.png"]
    ward.restart()
    assert ward.look(2) == ["1.png", "2.png"]


def test_line_cut_by_a_kill_costs_that_answer_alone(ward: Ward) -> None:
    for name in ("a.png", "b.png"):
        (ward.inbox / name).write_bytes(png(scan()))
    ward.look(2)
    whole = ward.state.read_bytes()
    for end in range(len(whole) - 2, whole.index(b"\n"), -40):
        ward.state.write_bytes(whole[:end])
        ward.restart()
        assert ward.look(2) == ["b.png"]


@pytest.mark.parametrize("content", [b"notes of my own\n", b"notes", b'{"file": 1}\n', b'{"file":"a"}\n', b"\xff\n"])
def test_file_that_is_no_state_is_left_alone(inbox: Path, content: bytes) -> None:
    state = inbox.parent / "notes"
    state.write_bytes(content)
    with pytest.raises(UsageError, match="is not the state of a watch"):
        Watch(inbox, state)
    assert state.read_bytes() == content


def test_second_watch_with_the_same_state_is_refused(ward: Ward) -> None:
    for _ in range(2):
        with pytest.raises(UsageError, match="another edge-run watches"):
            Watch(ward.inbox, ward.state)
        ward.restart()


def test_state_forgets_what_is_gone_and_holds_no_name(ward: Ward) -> None:
    for name in ("jane doe.png", "b.png"):
        (ward.inbox / name).write_bytes(png(scan()))
    ward.look(2)
    assert len(ward.state.read_text().splitlines()) == 2
    assert "jane" not in ward.state.read_text()
    assert ward.state.stat().st_mode & 0o077 == 0
    (ward.inbox / "jane doe.png").unlink()
    ward.restart()
    assert len(ward.state.read_text().splitlines()) == 1
    assert ward.state.stat().st_mode & 0o077 == 0


def test_drive_that_is_not_mounted_is_waited_for(ward: Ward) -> None:
    (ward.inbox / "a.png").write_bytes(png(scan()))
    ward.look(2)
    away = ward.inbox.rename(ward.inbox.with_name("away"))
    assert ward.look(3) == []
    assert len([text for text in ward.told if "cannot be reached" in text]) == 1
    ward.inbox.mkdir()
    ward.restart()
    ward.inbox.rmdir()
    away.rename(ward.inbox)
    assert ward.look(3) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "missing argument 'dir'"),
        ((".", "--json"), "no such option"),
        ((".", "--jsonl", "--csv"), "more than one output format"),
        (("gone",), "gone is not a folder"),
        ((".", "--state", "/proc/none/s"), "cannot be kept"),
    ],
)
def test_wrong_use(
    capsys: pytest.CaptureFixture[str], bundle: Path, inbox: Path, arguments: tuple[str, ...], complaint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(inbox)
    answered = edge_run(capsys, "watch", "--bundle", bundle, *arguments)
    assert (answered.code, answered.out) == (2, "")
    assert complaint in answered.err.lower()


@pytest.mark.parametrize("number", _watching.STOPPING)
def test_signal_ends_it_and_is_given_back(ensemble: Ensemble, inbox: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    for n in range(3):
        (inbox / f"{n}.png").write_bytes(png(scan(n)))
    names: list[str] = []

    def write(answer: ScanResult) -> None:
        names.append(Path(answer.input.name).name)
        os.kill(os.getpid(), number)

    ending = pytest.raises(Interrupted, match="which scans were answered") if number == signal.SIGINT else nullcontext()
    with ending:
        _watching.run(ensemble, inbox, None, 0.01, writer(write))
    assert names == ["0.png"]
    assert signal.getsignal(number) == before


def test_default_state_is_one_per_folder_by_any_way(inbox: Path) -> None:
    link = inbox.with_name("link")
    link.symlink_to(inbox)
    assert default_state(link) == default_state(inbox)
    assert default_state(inbox) != default_state(inbox.parent)
    assert default_state(inbox).is_relative_to(os.environ["XDG_DATA_HOME"])


def test_processes_share_the_work_over_time(bundle: Path, inbox: Path) -> None:
    """Two processes, one after the other, each stopped with SIGTERM."""
    script = "from edge_run.cli import main; main()"
    command = [sys.executable, "-c", script, "watch", str(inbox), "--bundle", str(bundle), "--jsonl"]
    for n in range(2):
        (inbox / f"{n}.png").write_bytes(png(scan(n)))
        with subprocess.Popen([*command, "--every", "0.1"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            record = json.loads(process.stdout.readline())
            process.terminate()
            assert Path(record["path"]).name == f"{n}.png"
            assert record["case"]
            assert process.stdout.read() == ""
            assert process.wait(60) == 0


def test_heatmaps_are_drawn_as_scans_arrive(bundle: Path, inbox: Path) -> None:
    script = "from edge_run.cli import main; main()"
    maps = inbox.with_name("maps")
    command = [sys.executable, "-c", script, "watch", str(inbox), "--bundle", str(bundle), "--jsonl", "--every", "0.1"]
    (inbox / "a.png").write_bytes(png(scan()))
    with subprocess.Popen([*command, "--heatmap", str(maps)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        record = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert [str(path) for path in maps.iterdir()] == [record["heatmap"]]
