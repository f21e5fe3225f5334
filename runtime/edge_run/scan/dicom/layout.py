"""What a file says of its pixels, checked before any is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_run.scan.formats.header import FormatError

from .values import Elements

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
PALETTE = "PALETTE COLOR"
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
MAX_FRAMES = 4096
_CONVERT = "Convert it first, to Explicit VR Little Endian, 8 or 16 bits (gdcmconv --raw, dcmdjpeg), or to PNG."


@dataclass(frozen=True)
class Layout:
    """The image pixel module (PS3.3 C.7.6.3), as far as it is read.

    Attributes
    ----------
    rows, columns, samples, frames
        Of ``frames`` images ``[rows, columns]`` or ``[rows, columns, samples]``.
    allocated, stored
        Bits of a sample, and those of them that count.
    shift
        How many bits lie below those that count: 0 but for left-aligned samples (PS3.5 8.1.1).
    """

    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    shift: int
    signed: bool
    photometric: str
    planar: int
    syntax: UID

    def __str__(self) -> str:
        sign = "signed " if self.signed else ""
        return f"{self.stored}-bit {sign}{self.photometric} {self.columns}x{self.rows}"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame, decoded."""
        return self.rows * self.columns * self.samples * (self.allocated // 8)


def layout(dataset: Dataset, max_pixels: int, *, single: bool) -> Layout:
    """Find how a file stores its pixels.

    Parameters
    ----------
    max_pixels
        Largest rows x columns x samples x frames.
    single
        Refuse several frames.

    Raises
    ------
    FormatError
        It holds none, too many, or some of a kind that is not read.
    """
    if "PixelData" not in dataset or not dataset.PixelData:
        raise _no_image(dataset)

    elements = Elements(dataset)

    def whole(keyword: str, otherwise: int) -> int:
        found = elements.numbers(keyword)
        return int(found[0]) if found else otherwise

    allocated = whole("BitsAllocated", 0)
    stored = whole("BitsStored", allocated)
    found = Layout(
        rows=whole("Rows", 0),
        columns=whole("Columns", 0),
        samples=whole("SamplesPerPixel", 1),
        frames=whole("NumberOfFrames", 1) or 1,
        allocated=allocated,
        stored=stored,
        shift=max(0, whole("HighBit", stored - 1) + 1 - stored),
        signed=whole("PixelRepresentation", 0) == 1,
        photometric=_photometric(dataset.get("PhotometricInterpretation")),
        planar=whole("PlanarConfiguration", 0),
        syntax=dataset.file_meta.TransferSyntaxUID,
    )
    if single and found.frames > 1:
        raise FormatError(
            f"is a DICOM file of {found.frames} frames, not one scan",
            hint="Read them with edge_run.read_frames, or give each frame as a file of its own.",
        )
    _require(found, max_pixels)
    return found


def name_of(uid: object) -> str:
    """Return the standard's name of a UID. One that is not the standard's could be anything, and is not repeated."""
    from pydicom.uid import UID

    name: str = UID(str(uid)).name
    return "an unknown kind" if name == str(uid) else name


def _photometric(value: object) -> str:
    said = str(value or "").strip().upper()
    return said if said in GREY | _COLOUR | {PALETTE} else ""


def _no_image(dataset: Dataset) -> FormatError:
    kind = dataset.get("SOPClassUID")
    what = f" ({name_of(kind)})" if kind else ""
    return FormatError(
        f"is a DICOM file without pixel data{what}: no image, or one that is kept elsewhere",
        hint="Give the images of the series; reports, plans and structure sets cannot be answered.",
    )


def _require(found: Layout, max_pixels: int) -> None:
    if found.rows < 1 or found.columns < 1 or found.frames < 1:
        size = f"{found.columns}x{found.rows}, {found.frames} frames"
        raise FormatError(f"has no pixels: its DICOM header says {size}")
    total = found.rows * found.columns * found.samples * found.frames
    if total > max_pixels or found.frames > MAX_FRAMES:
        raise FormatError(
            f"is {found.columns}x{found.rows} pixels of {found.samples} samples in {found.frames} frames, over the "
            f"limit of {max_pixels} samples or {MAX_FRAMES} frames",
            hint="Give its frames as files of their own.",
        )
    what = ""
    if not found.photometric:
        what = "a photometric interpretation that is not read"
    elif found.samples != (1 if found.photometric in GREY | {PALETTE} else 3):
        what = f"{found.samples} samples per pixel in {found.photometric}"
    elif found.allocated not in (8, 16) or not 1 <= found.stored <= found.allocated - found.shift:
        what = f"{found.stored} of {found.allocated} bits per sample"
    elif found.signed and found.photometric not in GREY:
        what = f"signed {found.photometric} pixels"
    if what:
        raise FormatError(f"is a DICOM image of {what}, which is not supported", hint=_CONVERT)
