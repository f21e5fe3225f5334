"""Members' features -> maps of the vote, in one unit and on one scale, and the picture of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run.errors import BundleError

from .activation import contrast_map, vote_map
from .maps import Maps, mapped_label, scale_limit
from .picture import draw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_run.voting.prediction import Decision


class Heatmap:
    """Draws maps for a bundle, whose members' final layers are read once.

    Parameters
    ----------
    bundle
        The bundle whose members answer.
    precision
        The precision at which they answer, on which their temperatures depend.

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
                raise _wrong_head(member_id)

    def label(self, decision: Decision) -> str:
        """Choose the class to map; see :func:`edge_run.heatmap.mapped_label`."""
        return mapped_label(self.manifest.task, decision.label)

    def maps(self, features: Mapping[str, NDArray[np.float32]], label: str) -> Maps:
        """Compute the maps of one scan.

        Parameters
        ----------
        features
            ``[width, h, w] float32`` by member, of those that answered.
        label
            The class to map.

        Raises
        ------
        BundleError
            Features do not fit the final layer.
        """
        index = self.manifest.task.labels.index(label)
        answered = [member for member in self.manifest.members if member.id in features]
        maps = []
        for member in answered:
            head, block = self._heads[member.id], features[member.id]
            if block.ndim != 3 or len(block) != head.shape[1]:
                raise _wrong_head(member.id)
            maps.append(contrast_map(block, head, index) / np.float32(member.artefacts[self.precision].temperature))
        weights = [member.weight for member in answered]
        ensemble = vote_map(_same_size(maps), weights, [1.0] * len(maps))
        members = {member.id: one for member, one in zip(answered, maps, strict=True)}
        return Maps(label, ensemble, members, scale_limit(maps, weights))

    def draw(self, pixels: NDArray[np.uint8], maps: Maps, decision: Decision) -> NDArray[np.uint8]:
        """Draw maps beside and over their scan; see :func:`edge_run.heatmap.draw`."""
        return draw(pixels, maps, decision, self.manifest)


def _same_size(maps: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Enlarge maps to the size of the largest one."""
    height, width = max(one.shape for one in maps)
    return [
        one if one.shape == (height, width) else np.asarray(cv2.resize(one, (width, height)), np.float32)
        for one in maps
    ]


def _wrong_head(member_id: str) -> BundleError:
    return BundleError(f"the final layer of {member_id} does not fit its network", hint="export the bundle again")
