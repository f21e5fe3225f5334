"""No dependency is accepted in a version with a hole that SECURITY.md knows of."""

from __future__ import annotations

import datetime as dt
import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
SECTION = (ROOT / "SECURITY.md").read_text().split("\n## Dependencies\n")[1].split("\n## ")[0]
FLOORS = dict(re.findall(r"^\| ([\w-]+) \| (\d[\d.]*) \|", SECTION, re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXCEPTIONS = {"onnxruntime": "python_version < '3.11'"}
"""Where a newer version does not exist; SECURITY.md says what stands against the hole there."""


def requirements() -> list[Requirement]:
    extras = PROJECT["project"]["optional-dependencies"].values()
    texts = [
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *(t for extra in extras for t in extra),
    ]
    return [Requirement(text) for text in texts]


def accepts(requirement: Requirement, version: str) -> bool:
    return requirement.specifier.contains(version, prereleases=True)


@pytest.mark.parametrize("name", FLOORS)
def test_versions_with_a_known_hole_are_not_accepted(name):
    below = [f"{n}.99" for n in range(int(FLOORS[name].split(".")[0]))]
    parts = [int(part) for part in FLOORS[name].split(".")]
    below += [".".join(map(str, [*parts[:n], parts[n] - 1, 999])) for n in range(1, len(parts)) if parts[n]]
    for requirement in requirements():
        if requirement.name == name and str(requirement.marker).replace('"', "'") != EXCEPTIONS.get(name):
            assert [version for version in below if accepts(requirement, version)] == []


def test_malicious_versions_are_not_accepted():
    (lightning,) = [requirement for requirement in requirements() if requirement.name == "lightning"]
    assert [accepts(lightning, version) for version in ("2.6.1", "2.6.2", "2.6.3", "2.6.4")] == [
        True,
        False,
        False,
        True,
    ]


def test_every_dependency_was_looked_up():
    rest = SECTION.split("found no hole in the accepted versions of ")[1].split(".")[0]
    looked_up = {*FLOORS, *re.findall(r"[\w-]+", rest)}
    tools = {Requirement(text).name for text in PROJECT["project"]["optional-dependencies"]["dev"]}
    assert {requirement.name for requirement in requirements()} - tools - looked_up - {"edge-run"} == set()


def test_table_has_a_date_and_ci_runs_accepted_versions():
    (date,) = re.findall(r"as of (\d{4}-\d\d-\d\d)", SECTION)
    assert dt.date.fromisoformat(date)
    pinned = dict(re.findall(r"^([\w-]+)==([\d.]+)$", (ROOT / "constraints.txt").read_text().lower(), re.MULTILINE))
    assert [name for name in FLOORS if name in pinned and Version(pinned[name]) < Version(FLOORS[name])] == []
