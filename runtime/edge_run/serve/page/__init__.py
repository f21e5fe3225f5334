"""The page for the review of flagged cases: what a person at the bedside opens in a browser.

It is HTML from templates, works without JavaScript, and loads nothing from elsewhere.
"""

from __future__ import annotations

from .review import Review
from .routes import routes

__all__ = ["Review", "routes"]
