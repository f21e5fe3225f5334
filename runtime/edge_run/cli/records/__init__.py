"""What the command line writes of an answer or a case: one record, and its forms as text and as a row of a table."""

from __future__ import annotations

from .failures import Failures, failure, failure_text
from .prediction_text import prediction_text
from .table import PREDICTION, Table

__all__ = [
    "PREDICTION",
    "Failures",
    "Table",
    "failure",
    "failure_text",
    "prediction_text",
]
