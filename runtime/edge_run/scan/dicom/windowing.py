"""Stored values -> grey: modality LUT, window or VOI LUT, padding, polarity (PS3.4 N.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.scan.formats.header import FormatError
from edge_run.scan.grey import look_up, present_levels

from . import lut
from .layout import GREY, PALETTE
from .series import modality
from .values import each
from .window import LINEAR, LUNG, Window

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from .layout import Layout
    from .values import Elements

_TRANSFORM, _VOI = "PixelValueTransformationSequence", "FrameVOILUTSequence"
# Some scanners name a value for padding that tissue has, too.
_TISSUE = (-1000.0, 3000.0)
_HOUNSFIELD, _NO_UNIT, _OTHER_UNIT = "Hounsfield", "none", "other"
_UNSPECIFIED = frozenset({"US", "UNSPECIFIED", "NONE", "UNKNOWN"})
_CHANNELS = ("Blue", "Green", "Red")


class _Values(NamedTuple):
    """What stored values mean: ``[levels] float64``, and whether they are Hounsfield units or just as stored."""

    of: NDArray[np.float64]
    hounsfield: bool = False
    as_stored: bool = False


def to_grey(
    stored: NDArray[np.integer[Any]], elements: Elements, layout: Layout, steps: list[str]
) -> NDArray[np.uint8]:
    """Map one frame of grey values to what a person would be shown.

    Parameters
    ----------
    stored
        ``[rows, columns]``, 8 or 16 bits.
    steps
        What is done is added to it.

    Returns
    -------
    ``[rows, columns] uint8``, black 0.
    """
    # Every value that a pixel can have, rather than every pixel: at most 65536, in the order of their bits.
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    index = stored.view(f"u{stored.dtype.itemsize}")
    levels = np.arange(np.iinfo(index.dtype).max + 1).astype(index.dtype).view(stored.dtype).astype(np.float64)
    values = _modality(levels, elements, layout, steps)
    padded = _padding(levels, values, elements, layout)
    present = present_levels(index, len(levels))
    white = _voi(values, elements, layout, steps)
    if white is None:
        white = _own_range(values, present, padded, layout, steps)
    table = np.floor(white * 255 + 0.5).astype(np.uint8)
    if layout.photometric == "MONOCHROME1":
        table = 255 - table
        steps.append("inverted: MONOCHROME1 shows low values white")
    if (padded & present).any():
        table[padded] = 0
        steps.append("padding set to black")
    return look_up(table, index)


def to_bgr(stored: NDArray[np.integer[Any]], elements: Elements, layout: Layout, steps: list[str]) -> NDArray[np.uint8]:
    """Look up palette colours, ``[rows, columns]`` -> ``[rows, columns, 3] uint8`` BGR."""
    steps.append("palette applied")
    values = stored.astype(np.float64)
    tables = []
    for colour in _CHANNELS:
        name = f"{colour}PaletteColorLookupTable"
        tables.append(_table(elements.get(f"{name}Descriptor"), elements.get(f"{name}Data"), elements, layout))
    highest = max(table.highest for table in tables)
    channels = [np.floor((table(values) / highest).clip(0, 1) * 255 + 0.5) for table in tables]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _modality(levels: NDArray[np.float64], elements: Elements, layout: Layout, steps: list[str]) -> _Values:
    computed = modality(elements) == "CT"
    slope, intercept = (elements.numbers(f"Rescale{word}", _TRANSFORM) for word in ("Slope", "Intercept"))
    unit = _unit(elements)
    for item in each(elements.get("ModalityLUTSequence"))[:1]:
        steps.append("modality LUT applied")
        return _Values(_table(item.get("LUTDescriptor"), item.get("LUTData"), elements, layout)(levels))
    if not slope or not intercept:
        if computed:
            steps.append("CT without a rescale slope and intercept: no Hounsfield units")
        return _Values(levels, as_stored=True)
    if slope[0] == 0:
        raise FormatError("is a DICOM file whose rescale slope is 0")
    steps.append(f"rescaled by slope {slope[0]:g} and intercept {intercept[0]:g}")
    if computed and unit == _OTHER_UNIT:
        steps.append("CT of another unit than Hounsfield's")
    elif computed and unit == _NO_UNIT:
        steps.append("CT of no stated unit, taken for Hounsfield's")
    same = slope[0] == 1 and intercept[0] == 0
    return _Values(levels * slope[0] + intercept[0], hounsfield=computed and unit != _OTHER_UNIT, as_stored=same)


def _unit(elements: Elements) -> str:
    """Whether rescaled values of a CT are Hounsfield units (PS3.3 C.8.2.1.1.2: they are where it does not say).

    ITK, SimpleITK and GDCM write ``US``, which means unspecified (PS3.3 C.11.1.1.2), into every CT.
    """
    words = {re.sub("[^A-Z]", "", str(word).upper()) for word in each(elements.get("RescaleType", _TRANSFORM))} - {""}
    if not words or all(word.startswith(("HU", "HOUNSFIELD")) for word in words):
        return _HOUNSFIELD
    return _NO_UNIT if words <= _UNSPECIFIED else _OTHER_UNIT


def _voi(values: _Values, elements: Elements, layout: Layout, steps: list[str]) -> NDArray[np.float64] | None:
    """Share of white of every level, as the file wants it shown; None where it does not say."""
    if values.hounsfield:
        # The file's own window is whatever was looked at last, and often not the lung.
        steps.append(f"lung window: {LUNG} (HU)")
        return LUNG(values.of)
    for item in each(elements.get("VOILUTSequence"))[:1]:
        table = _table(item.get("LUTDescriptor"), item.get("LUTData"), elements, layout)
        steps.append("VOI LUT applied")
        return (table(values.of) / table.highest).clip(0, 1)
    centres, widths = (elements.numbers(f"Window{word}", _VOI) for word in ("Center", "Width"))
    if not centres or not widths:
        return None
    function = str(elements.get("VOILUTFunction", _VOI) or LINEAR).strip().upper()
    window = Window(centres[0], widths[0], function)
    if not window.usable:
        steps.append("the file's window has no meaning and is left out")
        return None
    others = f", the first of {len(centres)}" if len(centres) > 1 else ""
    steps.append(f"window of the file{others}: {window}")
    return window(values.of)


def _own_range(
    values: _Values, present: NDArray[np.bool_], padded: NDArray[np.bool_], layout: Layout, steps: list[str]
) -> NDArray[np.float64]:
    if layout.stored == 8 and not layout.signed and values.as_stored:
        return values.of.clip(0, 255) / 255
    shown = values.of[present & ~padded]
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 0.0)
    if low == high:
        steps.append(f"constant {low:g} set to 0")
        return np.zeros(len(values.of))
    steps.append(f"no window in the file: stretched {low:g}..{high:g} to 0..255")
    return ((values.of - low) / (high - low)).clip(0, 1)


def _padding(levels: NDArray[np.float64], values: _Values, elements: Elements, layout: Layout) -> NDArray[np.bool_]:
    """Which levels stand for no measurement (PS3.3 C.7.5.1.1.2)."""
    first = elements.numbers("PixelPaddingValue")
    last = elements.numbers("PixelPaddingRangeLimit") or first
    if not first:
        return np.zeros(len(levels), bool)
    # Written as unsigned by some, of signed pixels.
    wrap = 2**layout.allocated
    one, other = ((v - wrap if layout.signed and v >= wrap // 2 else v) for v in (first[0], last[0]))
    padded = np.asarray((levels >= min(one, other)) & (levels <= max(one, other)))
    if values.hounsfield:
        padded &= (values.of < _TISSUE[0]) | (values.of > _TISSUE[1])
    return padded


def _table(descriptor: object, data: object, elements: Elements, layout: Layout) -> lut.Lut:
    little = elements.dataset.file_meta.TransferSyntaxUID.is_little_endian
    return lut.read(descriptor, data, signed=layout.signed, little=little)


def is_grey(layout: Layout) -> bool:
    """Whether stored values are brightness, not colours or their numbers."""
    return layout.photometric in GREY


def is_palette(layout: Layout) -> bool:
    """Whether stored values are numbers of colours."""
    return layout.photometric == PALETTE
