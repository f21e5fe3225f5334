"""Which accession numbers belong to which patient, as the hospital lists them: the log holds only salted hashes."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from edge_run._files.read import load
from edge_run.cases.accession import matches
from edge_run.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edge_run.cases.hashing import Entry

COLUMNS = ("accession", "patient")
MAX_BYTES = 16 * 2**20


def read_patients(path: Path) -> dict[str, str]:
    """Read a CSV file with the columns ``accession`` and ``patient``: patient by accession number.

    Raises
    ------
    UsageError
        It cannot be read, or has other columns.
    """
    hint = "give a CSV file with the columns accession,patient"
    try:
        rows = csv.DictReader(io.StringIO(load(path, MAX_BYTES).decode("utf-8-sig"), newline=""))
        if not set(COLUMNS) <= set(rows.fieldnames or ()):
            raise UsageError(f"{path} lacks the columns accession and patient", hint=hint)
        return {row["accession"].strip(): row["patient"].strip() for row in rows if row["accession"] and row["patient"]}
    except (InputError, UnicodeDecodeError, csv.Error) as error:
        reason = error.message if isinstance(error, InputError) else f"{path} is no table in UTF-8: {error}"
        raise UsageError(reason, hint=hint) from error


def patient_of(case: Entry, patients: Mapping[str, str]) -> str | None:
    """Return the patient of a case; None where it was logged without an accession number, or with an unknown one."""
    stored = case.get("accession")
    if not stored:
        return None
    return next((patient for number, patient in patients.items() if matches(stored, number)), None)
