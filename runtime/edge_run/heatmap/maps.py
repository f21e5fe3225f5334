"""Members' features -> class-activation maps of the vote, in one unit and on one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edge_run.errors import BundleError
from edge_run.heatmap.activation import contrast_map, vote_map

from .picture import draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_run.voting.prediction import Decision

FAINT = 2.0
"""The least that a scale reaches to, in log-odds: what is nearly nothing shall not glow."""

_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Maps(NamedTuple):
    """What each place of a scan says for a class, and against it.

    Attributes
    ----------
    label
        The class.
    ensemble
        ``[h, w] float32``: mean of ``members``, weighted by the vote.
    members
        ``[h, w] float32`` by network, of those that answered: contribution of each place to the class's logit over the
        mean of the others', divided by the temperature. The mean over a map is, but for the bias, what the member
        answers; with two classes that is the log-odds.
    limit
        Where the one scale of all of them ends, on both sides of 0. The ensemble stays within; a member may go beyond.
    """

    label: str
    ensemble: NDArray[np.float32]
    members: dict[str, NDArray[np.float32]]
    limit: float


class Heatmap:
    """The final layers of a bundle's members, read once.

    Parameters
    ----------
    bundle
        Whose members answer.
    precision
        At which they answer: their temperatures depend on it.

    Raises
    ------
    BundleError
        A final layer is missing, damaged or of another shape than the labels need.
    """

    def __init__(self, bundle: Bundle, precision: str) -> None:
        self.manifest, self.precision = bundle.manifest, precision
        self._heads = {member.id: bundle.read_array(member.head) for member in bundle.manifest.members}
        for member_id, head in self._heads.items():
            if head.ndim != 2 or len(head) != len(self.manifest.task.labels) or not np.isfinite(head).all():
                raise _unfit(member_id)

    def label(self, decision: Decision) -> str:
        """Which class to map: of two the positive one, whatever the answer, so that a colour never changes sides."""
        task = self.manifest.task
        return task.positive if len(task.labels) == 2 else decision.label

    def maps(self, features: Mapping[str, NDArray[np.float32]], label: str) -> Maps:
        """Map one scan.

        Parameters
        ----------
        features
            ``[width, h, w]`` by network, of the members that answered.
        label
            The class to map.

        Raises
        ------
        BundleError
            Features do not fit the final layer.
        """
        index = self.manifest.task.labels.index(label)
        answered = [member for member in self.manifest.members if member.id in features]
        found = []
        for member in answered:
            head, block = self._heads[member.id], features[member.id]
            if block.ndim != 3 or len(block) != head.shape[1]:
                raise _unfit(member.id)
            found.append(contrast_map(block, head, index) / np.float32(member.artefacts[self.precision].temperature))
        weights = [member.weight for member in answered]
        ensemble = vote_map(_alike(found), weights, [1.0] * len(found))
        members = {member.id: one for member, one in zip(answered, found, strict=True)}
        return Maps(label, ensemble, members, limit(found, weights))

    def draw(self, pixels: NDArray[np.uint8], maps: Maps, decision: Decision) -> NDArray[np.uint8]:
        """Draw maps beside and over their scan; see :func:`edge_run.heatmap.draw`."""
        return draw(pixels, maps, decision, self.manifest)


def limit(members: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> float:
    """End of the scale: the vote's mean of the members' peaks as a round number, :data:`FAINT` at least.

    The ensemble's map never goes beyond it. A member's may, when it is shriller than those that weigh more: it is not
    worth making their maps pale.
    """
    peak = max(FAINT, float(np.average([np.abs(one).max() for one in members], weights=weights)))
    power = 10.0 ** np.floor(np.log10(peak))
    return float(next(step for step in _STEPS if step * power >= peak * (1 - 1e-6)) * power)


def _alike(maps: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Bring maps to the size of the finest."""
    height, width = max(one.shape for one in maps)
    return [
        one if one.shape == (height, width) else np.asarray(cv2.resize(one, (width, height)), np.float32)
        for one in maps
    ]


def _unfit(member_id: str) -> BundleError:
    return BundleError(f"the final layer of {member_id} does not fit its network", hint="export the bundle again")
