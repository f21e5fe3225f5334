"""Command-line arguments -> the inputs they stand for: files, folders, globs and standard input."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_run._files.read import beginning
from edge_run.errors import InputError
from edge_run.scan.dicom.sniff import LENGTH, is_dicom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STDIN = "-"
SUFFIXES = frozenset(
    {
        ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".bmp", ".dib", ".tif", ".tiff", ".webp",
        ".pgm", ".ppm", ".pnm", ".dcm", ".dicom",
    }
)  # fmt: skip
_MAGIC = frozenset("*?[")


@dataclass(frozen=True)
class Input:
    """One input of a command, or one argument that stands for none.

    Attributes
    ----------
    name
        How records call it: its path, printable, or ``-`` for standard input.
    path
        The file, which may still turn out to be missing; ``None`` for standard input, and beside ``error`` or ``load``.
    error
        Why an argument stands for no input at all, so that it can be reported without stopping the others.
    load
        Gets the encoded bytes of what is no file, such as an object of a store; raises `InputError`.
    """

    name: str
    path: Path | None
    error: InputError | None = None
    load: Callable[[], bytes] | None = None


def expand(arguments: Sequence[str]) -> list[Input]:
    """List the inputs that command-line arguments stand for.

    Arguments keep their order; what one folder or glob brings is sorted by path. Folders are searched to any
    depth for image suffixes, and for DICOM files without one by their first bytes, hidden names left out. A file that
    several arguments reach, or several links, is listed once, under the name it was reached by first.

    Parameters
    ----------
    arguments
        Files, folders, globs that the shell left as they are (``scans/**/*.png``), or ``-``.

    Returns
    -------
    A folder without images, or a glob without a match, is an input whose ``error`` is set.
    """
    seen: set[str] = set()
    found: list[Input] = []
    for argument in arguments:
        for one in _expand_one(argument):
            key = one.name if one.path is None else os.path.realpath(one.path)
            if key not in seen:
                seen.add(key)
                found.append(one)
    return found


def _expand_one(argument: str) -> Iterator[Input]:
    if argument == STDIN:
        yield Input(STDIN, None)
    elif not argument:
        # Path("") is the current folder, which is not what an unset shell variable means.
        yield _failed(argument, "an argument is empty.", "Check the variable that the shell expanded to nothing.")
    elif _is_folder(Path(argument)):
        yield from _folder_or_error(Path(argument))
    elif _MAGIC.intersection(argument) and not os.path.lexists(argument):
        yield from _glob(argument)
    else:
        yield _file(Path(argument))


def _folder_or_error(folder: Path) -> Iterator[Input]:
    inputs = list(_folder(folder))
    if inputs:
        yield from inputs
    else:
        suffixes = " ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        yield _failed(str(folder), f"{folder} holds no image.", f"Give a folder with files of type {suffixes}.")


def _folder(folder: Path) -> Iterator[Input]:
    """Walk a folder in sorted order, through links, entering each real folder once."""
    unlisted: list[OSError] = []
    entered: set[str] = set()
    images: list[Path] = []
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=unlisted.append):
        real = os.path.realpath(parent)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = (Path(parent, name) for name in files if not name.startswith("."))
        images += (path for path in visible if is_image(path))
    for error in unlisted:
        yield _failed(str(error.filename), f"{error.filename} cannot be listed: {error.strerror}.", "Check its rights.")
    yield from (_file(path) for path in sorted(images))


def is_image_name(name: str) -> bool | None:
    """Whether a file of this name in a folder is an image; None where it is if it begins like DICOM.

    Scanners and archives name DICOM files by number or UID, which leaves no suffix, or digits for one. A DICOMDIR is an
    index of the others.
    """
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a watch asks this of many thousand names a second
    if suffix in SUFFIXES:
        return True
    unnamed = not suffix or suffix[1:].isdigit() or suffix == ".ima"
    return None if unnamed and name.upper() != "DICOMDIR" else False


def is_image(path: Path) -> bool:
    """Whether a file of a folder is an image that is to be read; looks into a file whose name does not tell."""
    known = is_image_name(path.name)
    return is_dicom(beginning(path, LENGTH)) if known is None else known


def _glob(pattern: str) -> Iterator[Input]:
    parts = Path(pattern).parts
    first = next(index for index, part in enumerate(parts) if _MAGIC.intersection(part))
    base, rest = Path(*parts[:first]), parts[first:]
    try:
        matches = sorted(path for path in base.glob(str(Path(*rest))) if _is_visible(path.relative_to(base), rest))
    except (OSError, ValueError) as error:
        yield _failed(pattern, f"{pattern} is no usable pattern: {error}.", "Write ** only as a whole folder name.")
        return
    if rest[-1] == "**":
        # Python up to 3.12 matches folders only here, later ones files too; the folders hold those anyway.
        matches = [path for path in matches if _is_folder(path)]
    inputs = [one for path in matches for one in (_folder(path) if _is_folder(path) else (_file(path),))]
    if inputs:
        yield from inputs
    else:
        yield _failed(pattern, f"{pattern} matches no image.", "Check the pattern, or give the folder itself.")


def _is_visible(path: Path, pattern: tuple[str, ...]) -> bool:
    """Whether no part of a match is hidden, save those the pattern spells with their dot, as in a shell."""
    spelled = any(part.startswith(".") for part in pattern)
    return spelled or not any(part.startswith(".") for part in path.parts)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _file(path: Path) -> Input:
    return Input(_printable(str(path)), path)


def _failed(name: str, message: str, hint: str) -> Input:
    return Input(_printable(name), None, InputError(_printable(message), hint=hint))


def _printable(text: str) -> str:
    """Replace what a file name may hold and UTF-8 may not: undecodable bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")
