"""Run directory -> bundle. Needs the extra ``export``."""

from .export import export

__all__ = ["export"]
