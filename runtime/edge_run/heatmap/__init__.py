"""Where in a scan the compiled members saw what they voted for."""

from __future__ import annotations

from .files import place, put, write
from .maps import Heatmap, Maps, limit
from .overlay import bar, overlay
from .picture import draw

__all__ = ["Heatmap", "Maps", "bar", "draw", "limit", "overlay", "place", "put", "write"]
