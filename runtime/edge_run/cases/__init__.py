"""The case log: what was answered, when, by what, kept so that a change shows.

>>> from edge_run.cases import CaseLog
>>> with CaseLog.open() as log:  # doctest: +SKIP
...     case_id = log.append(prediction)
"""

from __future__ import annotations

from .errors import CaseLogError
from .location import default_path
from .log import CaseLog

__all__ = ["CaseLog", "CaseLogError", "default_path"]
