"""The glossary explains the terms that the documents rely on, sorted, and its cross-references have entries."""

from __future__ import annotations

import re
from pathlib import Path

GLOSSARY = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text()
ENTRIES = dict(re.findall(r"^\*\*([^*]+)\*\*([^*].*?)(?=^\*\*|\Z)", GLOSSARY, flags=re.MULTILINE | re.DOTALL))
MUST = {
    "activation map", "AUROC", "backend", "Brier score", "bundle", "calibration", "case", "certified early exit",
    "conformal / risk control", "ECE", "ensemble", "flag", "FP32, FP16", "Grad-CAM", "group", "infidelity",
    "INT8", "logits", "member", "NLL", "OOD", "operating point", "Orthogonal Spheres (OS)", "parity", "precision",
    "run", "SHAP", "temperature", "vote",
}  # fmt: skip


def test_terms_are_explained_and_sorted():
    assert set(ENTRIES) >= MUST
    assert list(ENTRIES) == sorted(ENTRIES, key=str.lower)


def test_words_in_italics_have_an_entry():
    known = {part.strip().lower() for term in ENTRIES for part in re.split(r"[,()]", term)}
    linked = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", GLOSSARY)) - {"italics", "k"}
    missing = [w for w in linked if not known & {w.lower(), f"{w.lower()}s", w.lower().removesuffix("s")}]
    assert missing == []
