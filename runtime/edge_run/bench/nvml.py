"""The energy counters of NVIDIA's GPUs, from the library that comes with the driver.

``nvidia-smi`` samples power from time to time; the counter behind it misses nothing. Functions and units are those of
NVIDIA's NVML API reference: ``nvmlDeviceGetTotalEnergyConsumption``, millijoules since the driver was loaded.
"""

from __future__ import annotations

import ctypes
from typing import Any

LIBRARY = "libnvidia-ml.so.1"


class Gpu:
    """The energy counter of one GPU."""

    range_j = float("inf")

    def __init__(self, library: Any, index: int) -> None:  # noqa: ANN401 - foreign functions
        self.name = f"gpu {index}"
        self._library, self._handle = library, ctypes.c_void_p()
        _checked(library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(self._handle)))

    def joules(self) -> float:
        """Read the counter, joules.

        Raises
        ------
        OSError
            The GPU has no such counter.
        """
        counted = ctypes.c_ulonglong()
        _checked(self._library.nvmlDeviceGetTotalEnergyConsumption(self._handle, ctypes.byref(counted)))
        return counted.value / 1e3


def gpus(library: Any = None) -> list[Gpu]:  # noqa: ANN401
    """Return the GPUs that have a counter; none without the driver."""
    try:
        library = library or ctypes.CDLL(LIBRARY)
        _checked(library.nvmlInit_v2())
        count = ctypes.c_uint()
        _checked(library.nvmlDeviceGetCount_v2(ctypes.byref(count)))
    except (OSError, AttributeError):
        return []
    return [gpu for index in range(count.value) if (gpu := _opened(library, index))]


def _opened(library: Any, index: int) -> Gpu | None:  # noqa: ANN401
    try:
        gpu = Gpu(library, index)
        gpu.joules()
    except (OSError, AttributeError):
        return None
    return gpu


def _checked(code: int) -> None:
    if code:
        raise OSError(f"NVML returns error {code}")
