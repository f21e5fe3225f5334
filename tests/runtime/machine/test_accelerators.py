from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_run.machine import accelerators

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLOSED = """NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023
GCC version:  gcc version 11.4.0
"""
OPEN = """NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs@builder)
GCC version:
"""
JETSON = """NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  (buildbrain@mobile)
"""
L4T = "# R36 (release), REVISION: 4.7, GCID: 1, BOARD: generic, EABI: aarch64, DATE: Thu Sep 18 22:54:44 UTC 2025\n"
MODES = """# < POWER_MODEL ID=2 NAME=comment >
< PARAM TYPE=FILE NAME=CPU_ONLINE >
< POWER_MODEL ID=0 NAME=15W >
CPU_ONLINE CORE_0 1
< POWER_MODEL ID=2 NAME=MAXN_SUPER >
< POWER_MODEL ID=12 NAME=other >
< PM_CONFIG DEFAULT=0 >
"""


@pytest.mark.parametrize(("text", "version"), [(CLOSED, "535.104.05"), (OPEN, "580.65.06"), (JETSON, "540.4.0")])
def test_driver(tmp_path: Path, text: str, version: str) -> None:
    (tmp_path / "version").write_text(text)
    assert accelerators.nvidia_driver(tmp_path / "version") == version


def test_board_without_its_final_nul(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"NVIDIA Jetson Orin Nano Developer Kit\0")
    assert accelerators.board(tmp_path / "model") == "NVIDIA Jetson Orin Nano Developer Kit"


def test_release(tmp_path: Path) -> None:
    (tmp_path / "nv_tegra_release").write_text(L4T)
    assert accelerators.l4t_release(tmp_path / "nv_tegra_release") == "R36.4.7"


@pytest.mark.parametrize(
    ("status", "mode"), [("pmode:0002\n", "2 (MAXN_SUPER)"), ("pmode:0000", "0 (15W)"), ("pmode:0007", "7"), ("", "")]
)
def test_power_mode(tmp_path: Path, status: str, mode: str) -> None:
    (tmp_path / "status").write_text(status)
    (tmp_path / "modes").write_text(MODES)
    assert accelerators.power_mode(tmp_path / "status", tmp_path / "modes") == mode


def test_power_mode_without_a_table_of_names(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("pmode:0002\n")
    assert accelerators.power_mode(tmp_path / "status", tmp_path / "modes") == "2"


@pytest.mark.parametrize("reader", [accelerators.nvidia_driver, accelerators.board, accelerators.l4t_release])
def test_elsewhere_there_is_nothing_to_read(tmp_path: Path, reader: Callable[[Path], str]) -> None:
    assert reader(tmp_path / "gone") == ""
    (tmp_path / "other").write_bytes(b"\n")
    assert reader(tmp_path / "other") == ""


def test_gpu_is_seen_by_any_of_its_files(tmp_path: Path) -> None:
    files = [str(tmp_path / "nvidiactl"), str(tmp_path / "nvhost-gpu")]
    assert not accelerators.has_nvidia_gpu(files)
    (tmp_path / "nvhost-gpu").touch()
    assert accelerators.has_nvidia_gpu(files)
