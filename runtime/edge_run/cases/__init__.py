"""The case log: a record of every answer in a hash chain, so that a later change can be detected.

>>> from edge_run.cases import CaseLog
>>> with CaseLog.open() as log:  # doctest: +SKIP
...     case_id = log.append(prediction)
"""

from __future__ import annotations

from .errors import CaseLogError
from .location import default_path
from .log import CaseLog

__all__ = ["CaseLog", "CaseLogError", "default_path"]
