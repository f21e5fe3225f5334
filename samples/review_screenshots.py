"""Photograph the page for review, on drawn scans of no real person.

    python -m samples.review_screenshots [FOLDER]

logs answers to phantoms, starts ``edge-run serve`` on a free port, and writes ``review-list.png``, ``review-case.png``
and ``review-phone.png`` into ``docs/images`` or ``FOLDER``. It needs Debian's chromium and chromium-driver, and the
Python package selenium.
"""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple
from unittest.mock import patch

import cv2
import numpy as np
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from edge_run import Ensemble
from edge_run.cases import CaseLog
from edge_run.cases.ids import now_ms
from edge_run.cases.notes import note
from samples.draw import chest_ct, chest_xray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

IMAGES = Path(__file__).parents[1] / "docs" / "images"
CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
MINUTE = 60_000


class Shot(NamedTuple):
    """One picture: its file, the page, its size in pixels, and whether it is dark."""

    file: str
    path: str
    width: int
    height: int
    dark: bool


def main(folder: Path = IMAGES) -> None:
    """Log, serve, photograph."""
    with TemporaryDirectory(prefix="edge-run-review-") as temporary:
        log = Path(temporary) / "cases.sqlite"
        newest, second = fill(log)
        shots = (
            Shot("review-list.png", "/?show=all", 1200, 640, dark=False),
            Shot("review-case.png", f"/cases/{newest}", 1360, 1110, dark=True),
            Shot("review-phone.png", f"/cases/{second}", 400, 1180, dark=False),
        )
        with served(log) as url, browser() as driver:
            for shot in shots:
                (folder / shot.file).write_bytes(photographed(driver, url, shot))
                print(folder / shot.file)


def fill(path: Path) -> tuple[str, str]:
    """Log answers to phantoms as if they had come over a day, and return the ids of the two newest."""
    ct = [chest_ct(seed=seed, opacities=opacities) for seed, opacities in ((1, 3), (0, 0), (5, 6), (3, 3))]
    inverted, blurred = 255 - ct[2], np.asarray(cv2.GaussianBlur(ct[3], (0, 0), 9), np.uint8)
    scans: list[tuple[int, NDArray[np.uint8]]] = [
        (1500, ct[0]), (1100, inverted), (530, ct[1]), (140, np.asarray(cv2.resize(ct[2], (56, 56)), np.uint8)),
        (45, blurred), (18, ct[3]), (4, chest_xray()),
    ]  # fmt: skip
    ids, now = [], now_ms()
    with Ensemble.load(early_exit=True) as ensemble, CaseLog.open(path, keep_images=True) as log:
        for minutes, pixels in scans:
            data = cv2.imencode(".png", pixels)[1].tobytes()
            with patch("edge_run.cases.log.now_ms", return_value=now - minutes * MINUTE):
                ids.append(log.append(ensemble.predict(data), data))
        note(log, ids[0], label="covid", remark="")
        note(log, ids[1], label=None, remark="unsure: black and white look exchanged")
    return ids[-1], ids[-2]


@contextmanager
def served(log: Path) -> Iterator[str]:
    """Serve a case log on a free port, and give out the address."""
    command = [sys.executable, "-m", "edge_run", "serve", "--port", "0", "--keep-images", "--case-log", str(log)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = iter(process.stderr.readline, "")
        url = next((found[1] for line in told if (found := re.search(r"serving on (\S+);", line))), None)
        if url is None:
            raise SystemExit("edge-run serve did not start")
        try:
            yield url
        finally:
            process.kill()


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """Start Chromium without a window; both paths are given, so that selenium downloads nothing."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def photographed(driver: webdriver.Chrome, url: str, shot: Shot) -> bytes:
    """Take one picture as PNG."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if shot.dark else "light"}
    # Of a usual screen: the page fits the scan to it.
    size = {"width": shot.width, "height": 850, "deviceScaleFactor": 1, "mobile": shot.width < 600}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get(url + shot.path)
    time.sleep(0.5)
    clip = {"x": 0, "y": 0, "width": shot.width, "height": shot.height, "scale": 1}
    asked = {"format": "png", "captureBeyondViewport": True, "clip": clip}
    return base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", asked)["data"])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
