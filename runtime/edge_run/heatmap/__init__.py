"""Where in a scan the compiled members see evidence for their answer, as maps and as a picture."""

from __future__ import annotations

from .files import picture_path, write_file, write_picture
from .heatmap import Heatmap
from .layer import layer
from .maps import Maps, mapped_label, scale_limit
from .overlay import draw_bar, overlay
from .picture import draw

__all__ = [
    "Heatmap",
    "Maps",
    "draw",
    "draw_bar",
    "layer",
    "mapped_label",
    "overlay",
    "picture_path",
    "scale_limit",
    "write_file",
    "write_picture",
]
