"""Energy meters of a machine: counters of the processor and of NVIDIA's GPUs, and a Jetson's power rails."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from . import nvml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

POWERCAP = Path("/sys/class/powercap")
INA3221 = Path("/sys/bus/i2c/drivers/ina3221")
BETWEEN_S = 0.05
"""Seconds between two readings of a rail, whose sensor averages over a few milliseconds."""


class Meter(Protocol):
    """A counter of joules; ``range_j`` is where it wraps around to 0, infinite where it does not."""

    name: str
    range_j: float

    def joules(self) -> float:
        """Read the counter, joules."""
        ...


class Rapl:
    """A zone of the processor's running average power limit, as Linux shows it."""

    def __init__(self, zone: Path) -> None:
        self._counter = zone / "energy_uj"
        self.name = f"rapl {zone.name.partition(':')[2]} {_text(zone / 'name')}"
        self.range_j = int(_text(zone / "max_energy_range_uj")) / 1e6

    def joules(self) -> float:
        """Read the counter."""
        return int(_text(self._counter)) / 1e6


class Rail:
    """One channel of a Jetson's INA3221, which measures power; energy is its integral by the trapezoidal rule.

    Parameters
    ----------
    label
        The file that names the channel, ``in1_label``; millivolts and milliamperes lie beside it.
    clock
        Returns seconds.
    """

    range_j = float("inf")

    def __init__(self, label: Path, clock: Callable[[], float] = time.monotonic) -> None:
        channel = label.name[2 : -len("_label")]
        self._volts, self._amperes = (label.with_name(f"{kind}{channel}_input") for kind in ("in", "curr"))
        self.name = f"rail {_text(label)}"
        self._clock, self._sum, self._lock = clock, 0.0, threading.Lock()
        self._then = (clock(), self._watts())

    def joules(self) -> float:
        """Read the power, and return the energy since the beginning, joules."""
        with self._lock:
            (before, then), (now, watts) = self._then, (self._clock(), self._watts())
            self._sum += (now - before) * (then + watts) / 2
            self._then = (now, watts)
            return self._sum

    def _watts(self) -> float:
        return int(_text(self._volts)) * int(_text(self._amperes)) / 1e6


def meters(powercap: Path = POWERCAP, ina3221: Path = INA3221) -> list[Meter]:
    """Return the meters that this user may read."""
    # Packages, and memory, which is not part of a package; a package's other zones would be counted twice.
    zones = [z for z in sorted(powercap.glob("*-rapl:*")) if z.name.count(":") == 1 or _is_memory(z)]
    labels = sorted(ina3221.glob("*/hwmon/hwmon*/in[123]_label"))
    found: list[Meter] = []
    for kind, places in ((Rapl, zones), (Rail, labels)):
        for place in places:
            # On many systems the counter is root's alone; a channel may be unconnected.
            with contextlib.suppress(OSError, ValueError):
                meter: Meter = kind(place)
                meter.joules()
                found.append(meter)
    return [*found, *nvml.gpus()]


@contextlib.contextmanager
def metered(found: Sequence[Meter]) -> Iterator[dict[str, float]]:
    """Yield a mapping that holds the joules of each meter once the with-block has ended."""
    spent: dict[str, float] = {}
    before = _read(found)
    with _polled([meter for meter in found if isinstance(meter, Rail)]):
        yield spent
    after = _read(found)
    for meter in found:
        if meter.name in before and meter.name in after:
            counted = after[meter.name] - before[meter.name]
            spent[meter.name] = counted if counted >= 0 else counted + meter.range_j


@contextlib.contextmanager
def _polled(rails: Sequence[Rail]) -> Iterator[None]:
    ended = threading.Event()

    def poll() -> None:
        while not ended.wait(BETWEEN_S):
            _read(rails)

    thread = threading.Thread(target=poll, name="rails", daemon=True)
    if rails:
        thread.start()
    yield
    ended.set()
    if rails:
        thread.join()


def _read(found: Sequence[Meter]) -> dict[str, float]:
    read: dict[str, float] = {}
    for meter in found:
        with contextlib.suppress(OSError, ValueError):
            read[meter.name] = meter.joules()
    return read


def _is_memory(zone: Path) -> bool:
    try:
        return _text(zone / "name") == "dram"
    except OSError:
        return False


def _text(file: Path) -> str:
    return file.read_text().strip()
