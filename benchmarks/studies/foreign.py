"""How often a bundle flags what it was made for, and what it was not.

    python -m benchmarks.studies.foreign BUNDLE [--data FOLDER ...] [--foreign FOLDER ...] [--scans N] [--precision P]

``--data``: folders of the bundle's own kind; their validation and test scans are shown, and the validation scans also
inverted, turned and cropped. ``--foreign``: folders of another kind, such as X-rays for a bundle of CT. Photographs, a
knee, a chest X-ray, noise and blank images are drawn (samples/foreign.py, samples/draw.py).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_run import Ensemble
from edge_run.flags import NAMES
from edge_run.scan import read as image
from edge_run.scan.preprocessing import preprocess
from edge_train.data.dataset import read_folders
from samples.draw import chest_xray
from samples.foreign import FOREIGN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

BATCH = 8


def inverted(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Exchange light and dark."""
    return 255 - pixels


def upside_down(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn by half a circle."""
    return np.ascontiguousarray(pixels[::-1, ::-1])


def on_its_side(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn by a quarter of a circle."""
    return np.ascontiguousarray(np.rot90(pixels))


def cropped(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Keep the middle quarter."""
    height, width = pixels.shape
    return np.ascontiguousarray(pixels[height // 4 : height - height // 4, width // 4 : width - width // 4])


def shrunk_into_a_frame(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put black around it, so that it takes up a quarter of the picture."""
    height, width = pixels.shape
    return np.pad(pixels, ((height // 2,) * 2, (width // 2,) * 2))


ALTERED: tuple[Callable[[NDArray[np.uint8]], NDArray[np.uint8]], ...] = (
    inverted, upside_down, on_its_side, cropped, shrunk_into_a_frame,
)  # fmt: skip


def main(bundle: str, data: Sequence[Path], others: Sequence[Path], scans: int, precision: str | None) -> None:
    """Print a line per kind of image: share flagged at all, and by each flag."""
    with Ensemble.load(bundle, precision=precision) as ensemble:
        print(f"{ensemble.manifest.name}, {ensemble.precision}; flags were fitted for ", end="")
        print(ensemble.manifest.flags[ensemble.precision].target)
        print(f"{'':28}{'images':>7}{'any':>7}" + "".join(f"{name:>18}" for name in NAMES))
        for kind, images in kinds(ensemble, data, others, scans):
            found = [names for batch in batches(images) for names in flags(ensemble, batch)]
            rates = [np.mean([bool(names) for names in found]), *(np.mean([n in f for f in found]) for n in NAMES)]
            print(
                f"{kind:28}{len(found):7}{rates[0]:7.0%}" + "".join(f"{rate:18.0%}" for rate in rates[1:]), flush=True
            )


def kinds(
    ensemble: Ensemble, data: Sequence[Path], others: Sequence[Path], scans: int
) -> Iterator[tuple[str, Iterable[NDArray[np.uint8]]]]:
    """Name and images of each kind, read or drawn when they are needed."""
    for name, drawn in FOREIGN.items():
        yield f"drawn {name}", (image.from_array(drawn(seed)).pixels for seed in range(scans))
    yield "drawn chest X-ray", (chest_xray(seed, size=384) for seed in range(min(scans, 10)))
    if data:
        dataset = read_folders(data, labels=ensemble.manifest.task.labels)
        for split in ("val", "test"):
            yield f"{split} scans", read([sample.path for sample in dataset.of(split).samples])
        val = [sample.path for sample in dataset.of("val").samples]
        for alter in ALTERED:
            every = max(1, len(val) // scans)
            yield f"val scans, {alter.__name__.replace('_', ' ')}", map(alter, read(val[::every]))
    for folder in others:
        paths = sorted(path for path in folder.rglob("*") if path.suffix in {".png", ".jpg", ".jpeg"})
        yield folder.name, read(paths[:: max(1, len(paths) // (4 * scans))])


def read(paths: Iterable[Path]) -> Iterator[NDArray[np.uint8]]:
    """Pixels of files, one at a time."""
    return (image.read(path).pixels for path in paths)


def batches(images: Iterable[NDArray[np.uint8]]) -> Iterator[list[NDArray[np.uint8]]]:
    """A few images at a time."""
    waiting: list[NDArray[np.uint8]] = []
    for one in images:
        waiting.append(one)
        if len(waiting) == BATCH:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def flags(ensemble: Ensemble, scans: list[NDArray[np.uint8]]) -> list[set[str]]:
    """Names of each image's flags."""
    batch = np.concatenate([preprocess(pixels, ensemble.manifest.preprocess) for pixels in scans])
    return [{flag.name for flag in vote.decision.flags} for vote in ensemble.vote(batch, scans)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle")
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    parser.add_argument("--foreign", type=Path, nargs="*", default=[])
    parser.add_argument("--scans", type=int, default=50, help="drawings of each kind, and scans altered in each way")
    parser.add_argument("--precision")
    given = parser.parse_args()
    main(given.bundle, given.data, given.foreign, given.scans, given.precision)
