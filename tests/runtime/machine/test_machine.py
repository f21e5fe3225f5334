from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from edge_run.machine.cores import allowed_cores
from edge_run.machine.processor import cpu_flags, cpu_name

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),  # a core and a half keeps two threads busy
        ("10000 100000\n", 1),
        ("50000 25000\n", 2),
        ("9900000 100000\n", 8),
        ("", 8),
        ("max", 8),
        ("abc 100000", 8),
        ("100000 0", 8),
    ],
)
def test_quota_cuts_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert allowed_cores(tmp_path / "cpu.max") == cores


@pytest.mark.usefixtures("eight_cores")
def test_no_quota_file_means_no_quota(tmp_path: Path) -> None:
    assert allowed_cores(tmp_path / "gone") == 8


def test_affinity_mask_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5, 6}, raising=False)
    assert allowed_cores(tmp_path / "gone") == 3


def test_systems_without_affinity_count_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert allowed_cores(tmp_path / "gone") == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert allowed_cores(tmp_path / "gone") == 1


X86 = "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nflags\t\t: sse avx512_vnni\n\nprocessor\t: 1\nflags\t\t: sse\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU part\t: 0xd42\n"


@pytest.mark.parametrize(
    ("text", "flags"), [(X86, {"sse", "avx512_vnni"}), (ARM, {"fp", "asimd", "asimddp"}), ("nothing\n", set())]
)
def test_flags_of_the_first_core(tmp_path: Path, text: str, flags: set[str]) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_flags(tmp_path / "cpuinfo") == flags


def test_name_of_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    (tmp_path / "cpuinfo").write_text(X86)
    assert cpu_name(tmp_path / "cpuinfo") == "Some CPU @ 2.00GHz"
    (tmp_path / "cpuinfo").write_text(ARM)
    assert cpu_name(tmp_path / "cpuinfo") == "aarch64"
    assert cpu_name(tmp_path / "gone") == "aarch64"
    assert cpu_flags(tmp_path / "gone") == frozenset()
