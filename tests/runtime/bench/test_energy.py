"""Meters, on files and a library that are not those of this machine."""

from __future__ import annotations

import ctypes
import threading
import types

import pytest

from edge_run.bench import energy, nvml
from edge_run.bench.conditions import affinity, cgroup_cores, governor, load, peak_memory


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(energy.nvml, "gpus", list)


def zone(folder, name, *, energy_uj="1000000", range_uj=262143000000):
    folder.mkdir(parents=True)
    for file, text in (("name", name), ("energy_uj", energy_uj), ("max_energy_range_uj", range_uj)):
        (folder / file).write_text(f"{text}\n")
    return folder


def rail(hwmon, channel, label, *, millivolts=5000, milliamperes=400):
    hwmon.mkdir(parents=True, exist_ok=True)
    for file, text in (("label", label), ("input", millivolts)):
        (hwmon / f"in{channel}_{file}").write_text(f"{text}\n")
    (hwmon / f"curr{channel}_input").write_text(f"{milliamperes}\n")


@pytest.mark.usefixtures("no_gpu")
def test_packages_and_memory_are_counted_once(tmp_path):
    for folder, name in (
        ("intel-rapl:0", "package-0"), ("intel-rapl:0:0", "core"), ("intel-rapl:0:1", "dram"), ("intel-rapl:1", "psys"),
    ):  # fmt: skip
        zone(tmp_path / folder, name)
    zone(tmp_path / "intel-rapl:2", "package-1", energy_uj="not for you")
    found = energy.meters(tmp_path, tmp_path)
    assert [meter.name for meter in found] == ["rapl 0 package-0", "rapl 0:1 dram", "rapl 1 psys"]


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(("after", "joules"), [(3_500_000, 2.5), (500_000, 9.5)])
def test_counter_may_begin_again(tmp_path, after, joules):
    folder = zone(tmp_path / "intel-rapl:0", "package-0", range_uj=10_000_000)
    with energy.metered(energy.meters(tmp_path, tmp_path)) as spent:
        (folder / "energy_uj").write_text(str(after))
        assert spent == {}, "only known at the end"
    assert spent == {"rapl 0 package-0": pytest.approx(joules)}


@pytest.mark.usefixtures("no_gpu")
def test_a_meter_that_ends_while_it_counts_tells_nothing(tmp_path):
    folder = zone(tmp_path / "intel-rapl:0", "package-0")
    with energy.metered(energy.meters(tmp_path, tmp_path)) as spent:
        (folder / "energy_uj").unlink()
    assert spent == {}


def test_power_of_a_rail_is_summed_over_time(tmp_path):
    rail(tmp_path, 1, "VDD_IN")
    now = iter([0.0, 2.0, 3.0])
    found = energy.Rail(tmp_path / "in1_label", clock=now.__next__)
    assert found.name == "rail VDD_IN"
    assert found.joules() == pytest.approx(4.0), "2 W over 2 s"
    (tmp_path / "curr1_input").write_text("800")
    assert found.joules() == pytest.approx(4.0 + 3.0), "from 2 W to 4 W in 1 s"


@pytest.mark.usefixtures("no_gpu")
def test_rails_that_are_connected_are_looked_at_while_something_runs(tmp_path, monkeypatch):
    hwmon = tmp_path / "1-0040" / "hwmon" / "hwmon1"
    rail(hwmon, 1, "VDD_IN")
    rail(hwmon, 2, "VDD_SOC")
    (hwmon / "curr2_input").unlink()
    # The sum of the three shunts is no rail.
    (hwmon / "in7_label").write_text("sum of shunt voltages")
    (found,) = energy.meters(tmp_path / "none", tmp_path)
    monkeypatch.setattr(energy, "BETWEEN_S", 0.0)
    looked, joules = threading.Event(), energy.Rail.joules

    def look(self):
        if threading.current_thread().name == "rails":
            looked.set()
        return joules(self)

    monkeypatch.setattr(energy.Rail, "joules", look)
    with energy.metered([found]) as spent:
        assert looked.wait(5)
    assert set(spent) == {"rail VDD_IN"}


class Library:
    """NVML of two GPUs, of which the first has no counter."""

    nvmlInit_v2 = staticmethod(lambda: 0)  # noqa: N815

    def nvmlDeviceGetCount_v2(self, count):  # noqa: N802
        ctypes.cast(count, ctypes.POINTER(ctypes.c_uint))[0] = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):  # noqa: N802
        ctypes.cast(handle, ctypes.POINTER(ctypes.c_void_p))[0] = 1000 + index.value
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, counted):  # noqa: N802
        ctypes.cast(counted, ctypes.POINTER(ctypes.c_ulonglong))[0] = 2500
        return 3 if handle.value == 1000 else 0


def test_gpus_with_a_counter_are_meters_in_joules():
    (gpu,) = nvml.gpus(Library())
    assert (gpu.name, gpu.joules()) == ("gpu 1", 2.5)


def test_a_machine_without_the_driver_has_no_gpu_meter(monkeypatch):
    monkeypatch.setattr(nvml, "LIBRARY", "libno-such-library.so.1")
    assert nvml.gpus() == []
    assert nvml.gpus(types.SimpleNamespace(nvmlInit_v2=lambda: 9)) == []


def test_conditions_of_a_machine_that_tells(tmp_path, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (1.234, 0.0, 0.0))
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "governor").write_text("powersave\n")
    (tmp_path / "status").write_text("Name: x\nVmPeak: 9 kB\nVmHWM:\t  2048 kB\n")
    assert cgroup_cores(tmp_path / "cpu.max") == 1.5
    assert governor(tmp_path / "governor") == "powersave"
    assert peak_memory(tmp_path / "status") == 2 * 2**20
    assert list(affinity()) == sorted(affinity())
    assert load() == 1.23


def test_conditions_of_a_machine_that_does_not(tmp_path):
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "status").write_text("Name: x\n")
    assert cgroup_cores(tmp_path / "cpu.max") is None
    assert cgroup_cores(tmp_path / "none") is None
    assert governor(tmp_path / "none") == ""
    assert peak_memory(tmp_path / "status") is None
