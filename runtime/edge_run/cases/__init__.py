"""The case log: a record of every answer in a hash chain, so that a later change can be detected.

>>> from edge_run.cases import CaseLog
>>> with CaseLog.open() as log:  # doctest: +SKIP
...     case_id = log.append(prediction)
"""

from __future__ import annotations

from .backup import backup
from .chain import verify, verify_file
from .errors import CaseLogError, MissingCaseLogError
from .location import default_path
from .log import CaseLog
from .reading import cases, find, newest, of_accession, of_scan

__all__ = [
    "CaseLog",
    "CaseLogError",
    "MissingCaseLogError",
    "backup",
    "cases",
    "default_path",
    "find",
    "newest",
    "of_accession",
    "of_scan",
    "verify",
    "verify_file",
]
