"""A drawn scan in every format and kind of it that edge-run reads."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def drawing(side: int = 96, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth noise, ``[side, side + 8] uint8``."""
    noise = np.random.default_rng(seed).normal(128, 300, (side, side + 8))
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 4), 0, 255).astype(np.uint8)


def encoded(suffix: str, pixels: NDArray[Any], *options: int) -> bytes:
    """Encode by OpenCV."""
    return bytes(cv2.imencode(suffix, pixels, list(options))[1].tobytes())


def pnm(pixels: NDArray[Any]) -> bytes:
    """Binary PGM or PPM."""
    kind, greatest = (b"P6" if pixels.ndim == 3 else b"P5"), np.iinfo(pixels.dtype).max
    head = b"%b\n%d %d\n%d\n" % (kind, pixels.shape[1], pixels.shape[0], greatest)
    return head + pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()


def palette_png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG with a palette, written by hand."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 3, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
    colours = bytes(value for grey in range(256) for value in (grey, grey, grey))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"PLTE", colours)
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def seeds() -> dict[str, bytes]:
    """Return a file of each kind, by name; DICOM files where pydicom is installed."""
    grey = drawing()
    deep = grey.astype(np.uint16) * 16
    colour = np.dstack([grey, grey[::-1], grey[:, ::-1]])
    tiff = {"none": 1, "lzw": 5, "deflate": 8, "packbits": 32773}
    return {
        "png": encoded(".png", grey),
        "png 16": encoded(".png", deep),
        "png colour": encoded(".png", colour),
        "png palette": palette_png(grey),
        "jpeg": encoded(".jpg", grey),
        "jpeg colour": encoded(".jpg", colour),
        "jpeg progressive": encoded(".jpg", grey, cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_OPTIMIZE, 1),
        "jpeg restarts": encoded(".jpg", grey, cv2.IMWRITE_JPEG_RST_INTERVAL, 4),
        "bmp": encoded(".bmp", grey),
        "bmp colour": encoded(".bmp", colour),
        "webp": encoded(".webp", colour, cv2.IMWRITE_WEBP_QUALITY, 101),
        "webp lossy": encoded(".webp", colour, cv2.IMWRITE_WEBP_QUALITY, 80),
        "pgm": pnm(grey),
        "pgm 16": pnm(deep),
        "ppm": pnm(colour),
        **{f"tiff {name}": encoded(".tif", grey, 259, number, 278, 16) for name, number in tiff.items()},
        "tiff 16": encoded(".tif", deep, 259, 1, 278, 16),
        "tiff colour": encoded(".tif", colour, 259, 5, 278, 16),
        **dicom_seeds(grey),
    }


def dicom_seeds(grey: NDArray[np.uint8]) -> dict[str, bytes]:
    """Return DICOM files of the transfer syntaxes that can be written here."""
    try:
        from pydicom import uid
    except ImportError:
        return {}
    hounsfield = (grey.astype(np.int16) * 8) - 1000
    frames = np.stack([grey, grey[::-1], grey[:, ::-1]])
    found = {
        "dicom": dicom(hounsfield, modality="CT"),
        "dicom implicit": dicom(hounsfield, uid.ImplicitVRLittleEndian, modality="CT"),
        "dicom deflated": dicom(grey, uid.DeflatedExplicitVRLittleEndian),
        "dicom frames": dicom(frames),
        "dicom rle": dicom(grey, uid.RLELossless),
        "dicom jpeg": dicom(grey, uid.JPEGBaseline8Bit, [encoded(".jpg", grey)]),
    }
    return found | lossless(found["dicom"])


def lossless(data: bytes) -> dict[str, bytes]:
    """Return a DICOM file written again in the lossless syntaxes that GDCM writes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import gdcm
    except ImportError:
        return {}
    import tempfile
    from pathlib import Path

    syntaxes = {
        "dicom jpeg lossless": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
        "dicom jpeg-ls": gdcm.TransferSyntax.JPEGLSLossless,
        "dicom jpeg 2000": gdcm.TransferSyntax.JPEG2000Lossless,
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a.dcm", Path(folder) / "b.dcm"
        source.write_bytes(data)
        for name, syntax in syntaxes.items():
            reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
            reader.SetFileName(str(source))
            if not reader.Read():
                continue
            change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
            change.SetInput(reader.GetImage())
            if change.Change():
                writer.SetFileName(str(target))
                writer.SetFile(reader.GetFile())
                writer.SetImage(change.GetOutput())
                if writer.Write():
                    found[name] = target.read_bytes()
    return found


def dicom(
    pixels: NDArray[Any], syntax: str | None = None, frames: Sequence[bytes] | None = None, *, modality: str = "DX"
) -> bytes:
    """Write a DICOM file of ``[H, W]`` or ``[frames, H, W]``; with ``frames``, of these compressed ones."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, RLELossless

    meta, dataset = FileMetaDataset(), Dataset()
    meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian if syntax in (None, RLELossless) else syntax)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, UID("1.2.3.4")
    dataset.file_meta, dataset.preamble = meta, bytes(128)
    bits = pixels.dtype.itemsize * 8
    elements: dict[str, object] = {
        "SOPClassUID": CTImageStorage, "SOPInstanceUID": "1.2.3.4", "SeriesInstanceUID": "1.2.3", "Modality": modality,
        "StudyInstanceUID": "1.2", "InstanceNumber": 1, "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[-2], "Columns": pixels.shape[-1], "BitsAllocated": bits, "BitsStored": bits,
        "HighBit": bits - 1, "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PatientName": "Doe^Jane", "ImagePositionPatient": [0, 0, 1], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    }  # fmt: skip
    if pixels.ndim == 3:
        elements["NumberOfFrames"] = len(pixels)
    if modality == "CT":
        elements |= {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"}
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = encapsulate(list(frames)) if frames else pixels.tobytes()
    dataset["PixelData"].VR = "OB" if bits == 8 or frames else "OW"
    if frames:
        dataset["PixelData"].is_undefined_length = True
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
