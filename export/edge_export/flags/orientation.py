"""Fit the models that tell inverted and turned scans, and measure what they do on the validation scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from edge_run.flags.orientation import SIDE, Orientation
from edge_run.flags.quality import standardised
from edge_train.data.decode import read_each

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

PENALTY = 100.0
"""Of the squared weights, beside a sum over the scans. Of 100, 1,000 and 10,000, this found most turned scans among the
validation scans of both CT sets (`python -m benchmarks.studies.orientation`)."""

MOST_FLAGGED = 0.05
"""A check that marks more of the validation scans as they are would be ignored after a week: it is left out."""


class FittedOrientation(NamedTuple):
    """Models and their shares of the validation scans, see :class:`edge_run.bundle.manifest.OrientationCheck`."""

    models: NDArray[np.float32]
    flagged: float
    inverted: float
    turned: float

    @property
    def usable(self) -> bool:
        """Whether few enough scans are marked that are as they should be."""
        return self.flagged <= MOST_FLAGGED

    def in_words(self) -> str:
        """Describe what the check does on the validation scans, in one line."""
        found = f"marks {self.inverted:.1%} of inverted and {self.turned:.1%} of turned validation scans"
        line = f"orientation: {found}, and {self.flagged:.1%} of them as they are"
        return line if self.usable else f"{line}: too many, it is left out"


def fit_orientation(
    training: Sequence[Path], validation: Sequence[Path], *, penalty: float = PENALTY
) -> FittedOrientation:
    """Fit logistic models on thumbnails of the training scans, and count on the validation scans.

    Each scan stands for an upright one, mirrored and not, and for its wrong forms; the wrong forms together weigh as
    much as the upright one.

    Parameters
    ----------
    training, validation
        Files of scans.
    """
    upright = _thumbnails(training)
    upright = np.concatenate([upright, upright[:, :, ::-1]])
    models = np.stack([_logistic(upright, forms(upright), penalty) for forms in (_inverted, _turned)])
    judged = Orientation(models.astype(np.float32))
    seen = _thumbnails(validation)

    def share(thumbnails: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = thumbnails.reshape(len(thumbnails), -1)
        return np.asarray((judged.score_rows(rows) > 0).mean(axis=0), dtype=np.float64)

    marked = np.asarray([judged.wrong(row) for row in seen.reshape(len(seen), -1)]).any(axis=1)
    turned = min(float(share(form)[1]) for form in _turned(seen))
    return FittedOrientation(models.astype(np.float32), float(marked.mean()), float(share(-seen)[0]), turned)


def _thumbnails(paths: Sequence[Path]) -> NDArray[np.float64]:
    found = np.zeros((len(paths), SIDE, SIDE))
    for position, scan in read_each(paths):
        found[position] = standardised(scan.pixels, SIDE)
    return found


def _inverted(thumbnails: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return [-thumbnails]


def _turned(thumbnails: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return [*(np.rot90(thumbnails, turns, axes=(1, 2)) for turns in (1, 2, 3)), thumbnails[:, ::-1]]


def _logistic(right: NDArray[np.float64], wrong: Sequence[NDArray[np.float64]], penalty: float) -> NDArray[np.float64]:
    """Fit weights and intercept ``[pixels + 1]`` by penalised maximum likelihood."""
    rows = np.concatenate([right, *wrong]).reshape(len(right) * (1 + len(wrong)), -1)
    sign = np.repeat([-1.0, 1.0], [len(right), len(rows) - len(right)])
    weight = np.where(sign > 0, 1.0 / len(wrong), 1.0)

    def loss(model: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (rows @ model[:-1] + model[-1])
        slope = -weight * sign * expit(-margin)
        value = float((weight * np.logaddexp(0.0, -margin)).sum() + penalty / 2 * model[:-1] @ model[:-1])
        return value, np.append(rows.T @ slope + penalty * model[:-1], slope.sum())

    return np.asarray(minimize(loss, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B").x, dtype=np.float64)
