"""What a scan can be read from: the same picture gives the same scan, and anything else is named."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import image_files
from edge_run import InputError, UsageError, read, read_frames
from edge_run.scan.frames import frames_of
from edge_run.scan.inputs import Input
from edge_run.scan.scan import Limits

if TYPE_CHECKING:
    from pathlib import Path

GREY = np.random.default_rng(3).integers(0, 256, (9, 12), np.uint8)
PNG = image_files.grey_png(GREY)


class Picture:
    """A PIL image as far as it is looked at, so that Pillow is not needed."""

    def __init__(self, pixels: np.ndarray, mode: str, orientation: int = 1, **converted: np.ndarray) -> None:
        self.pixels, self.mode, self.orientation, self.converted = pixels, mode, orientation, converted
        self.size = pixels.shape[1::-1]

    def convert(self, mode: str) -> Picture:
        return Picture(self.converted[mode], mode)

    def getexif(self) -> dict[int, int]:
        return {0x0112: self.orientation}

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.pixels if dtype is None else self.pixels.astype(dtype)


@pytest.mark.parametrize("source", [PNG, bytearray(PNG), memoryview(PNG), io.BytesIO(PNG), GREY, Picture(GREY, "L")])
def test_each_kind_of_source_gives_the_same_pixels(source: Any) -> None:
    (scan,) = read_frames(source)
    np.testing.assert_array_equal(scan.pixels, GREY)
    assert scan.pixels.dtype == np.uint8


def test_path_file_and_scan(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(PNG)
    with path.open("rb") as file:
        scan = read(file)
    assert scan.sha256 == read(path).sha256 == read(str(path)).sha256
    assert read(scan) is scan


def test_a_file_object_is_bounded_and_binary() -> None:
    with pytest.raises(InputError, match="over the limit of 10 bytes"):
        read(io.BytesIO(PNG), limits=Limits(max_bytes=10))
    with pytest.raises(UsageError, match="str instead of bytes") as caught:
        read(io.StringIO("text"))  # type: ignore[arg-type]
    assert "'rb'" in caught.value.hint
    closed = io.BytesIO(PNG)
    closed.close()
    with pytest.raises(InputError, match="cannot be read"):
        read(closed)


@pytest.mark.parametrize(
    "picture",
    [
        Picture(GREY > 9, "1", L=GREY),
        Picture(GREY // 2, "P", RGB=np.dstack([GREY] * 3)),
        Picture(np.dstack([GREY] * 4), "CMYK", RGB=np.dstack([GREY] * 3)),
        Picture(np.dstack([GREY, GREY // 2]), "LA"),
        Picture(np.dstack([GREY] * 3 + [GREY // 2]), "RGBA"),
        Picture(np.rot90(GREY), "L", orientation=6),
    ],
    ids=["1", "P", "CMYK", "LA", "RGBA", "turned"],
)
def test_a_picture_of_any_mode_is_read_as_it_is_shown(picture: Picture) -> None:
    np.testing.assert_array_equal(read(picture).pixels, GREY)


def test_wide_pictures_are_stretched_as_a_wide_array_is() -> None:
    wide = GREY.astype(np.uint16) * 16
    np.testing.assert_array_equal(read(Picture(wide.astype(np.int32), "I")).pixels, read(wide).pixels)
    with pytest.raises(InputError, match="no fixed grey scale"):
        read(Picture(GREY.astype(np.int32) - 500, "I"))


def test_a_picture_that_cannot_be_loaded_is_one_bad_input() -> None:
    class Cut(Picture):
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            raise OSError("image file is truncated")

    with pytest.raises(InputError, match="image file is truncated"):
        read(Cut(GREY, "L"))
    with pytest.raises(InputError, match="over the limit of 5 pixels"):
        read(Picture(GREY, "L"), limits=Limits(max_pixels=5))


@pytest.mark.parametrize(("source", "says"), [(None, "None"), (7, "int"), ([PNG, PNG], "list"), ({}, "dict")])
def test_anything_else_is_named_with_what_is_accepted(source: Any, says: str) -> None:
    with pytest.raises(UsageError, match=f"^{says} is no scan, expected a path, encoded bytes") as caught:
        read(source)
    assert caught.value.hint


def test_repr_tells_shape_and_steps_without_the_path(tmp_path: Path) -> None:
    path = tmp_path / "doe-jane.png"
    path.write_bytes(PNG)
    scan = read(path)
    assert repr(scan) == f"Scan(9x12 uint8, sha256 {scan.sha256[:12]}, decoded PNG 8-bit grey 12x9)"


def test_frames_of_an_input_are_named_and_its_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(PNG)
    (frame,) = frames_of(Input("scan.png", path))
    assert (frame.name, frame.number, frame.last, frame.data) == ("scan.png", None, True, PNG)
    with pytest.raises(InputError, match="nothing there"):
        list(frames_of(Input("gone", None, InputError("nothing there"))))


def test_names_of_the_package_load_nothing_until_they_are_used() -> None:
    script = (
        "import sys, edge_run.scan as scan, edge_run.scan.inputs\n"
        "assert not {'cv2', 'numpy'} & {*sys.modules}, 'loaded'\n"
        "print(*[name for name in scan.__all__ if getattr(scan, name) is None])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
