"""``bundle.json``: what fits, and that schema and prose speak of the same fields.

``PYTHONPATH=tests python tests/runtime/bundle/test_manifest.py`` writes the schema anew.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
import pytest

from edge_run.bundle import manifest as manifest_module
from edge_run.bundle.bundle import Bundle, parse
from edge_run.bundle.manifest import MAX_FILE_BYTES, File, Manifest
from edge_run.errors import BundleError
from edge_run.scan.preprocessing import PreprocessSpec
from toy import write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA = DOCS / "bundle.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
MEMBER = "members", 0
ARTEFACT = *MEMBER, "artefacts", "fp32"
FLAGS = "flags", "fp32"
HISTOGRAM = "profile", "fp32", "measures", "score"
FAMILIAR = {"statistics": {"path": "flags/x.npy", "sha256": "0" * 64, "bytes": 1}, "threshold": 1.0}


def schema() -> str:
    found = {"$schema": DIALECT, **msgspec.json.schema(Manifest)}
    for record in found["$defs"].values():
        describe(record)
    return json.dumps(found, indent=2) + "\n"


def describe(record: dict[str, Any]) -> None:
    """Move what the docstring says of each attribute to that attribute."""
    summary, _, attributes = inspect.cleandoc(record.get("description", "")).partition("Attributes\n----------\n")
    if summary:
        record["description"] = summary.strip()
    for names, text in re.findall(r"^(\w[\w, ]*)\n((?:    .*\n?)+)", attributes, re.MULTILINE):
        for name in names.split(", "):
            record["properties"][name]["description"] = " ".join(text.split())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=2) / "bundle.json").read_bytes()


@pytest.fixture
def plain(written: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written)
    return found


def put(record: Any, at: tuple[str | int, ...], value: object) -> None:
    for step in at[:-1]:
        record = record[step]
    record[at[-1]] = value


def test_committed_schema_is_that_of_the_types() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema(), (
        "PYTHONPATH=tests python tests/runtime/bundle/test_manifest.py writes it anew"
    )


def test_bundle_fits_the_schema(plain: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    validator.check_schema(validator.schema)
    validator.validate(plain)
    plain["another"] = 1
    assert not validator.is_valid(plain)


def test_prose_speaks_of_every_field() -> None:
    prose = (DOCS / "bundle.md").read_text(encoding="utf-8")
    records = [r for _, r in inspect.getmembers(manifest_module, inspect.isclass) if issubclass(r, msgspec.Struct)]
    fields = {field for record in [*records, PreprocessSpec] for field in record.__struct_fields__}
    assert len(fields) > 50
    assert not [field for field in sorted(fields) if f"`{field}`" not in prose]


def test_written_and_read_it_is_the_same(written: bytes) -> None:
    found = parse(written)
    assert parse(msgspec.json.encode(found)) == found
    assert found.precisions == ("fp32", "int8-cpu")


def test_two_seeds_of_one_network_vote_together(plain: dict[str, Any]) -> None:
    put(plain, (*MEMBER, "arch"), "googlenet")
    found = parse(json.dumps(plain).encode())
    assert [(member.id, member.arch) for member in found.members] == [
        ("resnet18", "googlenet"),
        ("googlenet", "googlenet"),
    ]


def test_manifest_of_schema_1_is_read(plain: dict[str, Any]) -> None:
    for profile in plain["profile"].values():
        profile["flags"] = {"out-of-distribution": 3, "blank": 1}
    wanted = parse(json.dumps(plain).encode())
    for member in plain["members"]:
        del member["id"]
    for thresholds in plain["flags"].values():
        thresholds["familiarity"] = thresholds.pop("feature_distance")
    for profile in plain["profile"].values():
        profile["flags"] = {"unlike-training": 3, "blank": 1}
    plain["schema_version"] = 1
    assert parse(json.dumps(plain).encode()) == wanted
    plain["members"][0]["id"] = "resnet18"
    plain["members"][0]["another"] = 1
    with pytest.raises(BundleError, match="unknown field `another`"):
        parse(json.dumps(plain).encode())


@pytest.mark.parametrize("broken", ["members", "flags"])
@pytest.mark.parametrize("value", [None, 1, [1], {"a": 1}, [[]]])
def test_damaged_manifest_of_schema_1_is_refused(plain: dict[str, Any], broken: str, value: object) -> None:
    put(plain, (broken,), value)
    put(plain, ("schema_version",), 1)
    with pytest.raises(BundleError, match="does not fit its schema"):
        parse(json.dumps(plain).encode())


def test_whole_numbers_do_for_fractions(plain: dict[str, Any]) -> None:
    put(plain, ("task", "threshold"), 1)
    assert parse(json.dumps(plain).encode()).task.threshold == 1


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (("another",), 1, "unknown field `another`"),
        ((*ARTEFACT, "another"), 1, "unknown field `another`"),
        (("preprocess", "another"), 1, "unknown field `another`"),
        (("schema_version",), True, "schema"),
        ((*MEMBER, "weight"), 0.5, "are not shares of 1"),
        ((*MEMBER, "weight"), "0.6", "Expected `float`, got `str`"),
        ((*ARTEFACT, "temperature"), 0, "temperature 0.0 is out of range"),
        ((*ARTEFACT, "temperature"), -1, "temperature -1.0 is out of range"),
        ((*ARTEFACT, "temperature"), 1e-300, "temperature 1e-300 is out of range"),
        ((*ARTEFACT, "temperature"), 1e300, r"temperature 1e\+300 is out of range"),
        ((*ARTEFACT, "reference_logits"), [], "reference logits are not one row per reference scan"),
        ((*ARTEFACT, "reference_logits"), [[0, 0]], "reference logits are not one row per reference scan"),
        ((*ARTEFACT, "reference_logits"), [[0, 0, 0]] * 3, "one column per label"),
        ((*ARTEFACT, "reference_logits"), [[0], [0, 0], [0, 0]], "one column per label"),
        ((*ARTEFACT, "file", "sha256"), "00", "is not 64 hex digits"),
        ((*ARTEFACT, "file", "sha256"), "A" * 64, "is not 64 hex digits"),
        ((*ARTEFACT, "file", "bytes"), -1, "claims -1 bytes"),
        ((*ARTEFACT, "file", "bytes"), MAX_FILE_BYTES + 1, "the limit is"),
        ((*ARTEFACT, "file", "bytes"), True, "Expected `int`, got `bool`"),
        ((*MEMBER, "artefacts"), {}, "members differ in their precisions"),
        ((*MEMBER, "id"), "googlenet", "members must be at least one, and distinct"),
        (("members",), [], "members must be at least one, and distinct"),
        (("task", "labels"), ["covid"], "labels must be at least two"),
        (("task", "labels"), ["covid", "covid"], "labels must be at least two, distinct"),
        (("task", "positive"), "flu", "hold the positive class"),
        (("task", "threshold"), 1.5, "threshold 1.5 is no probability"),
        (("task", "threshold"), -0.1, "threshold -0.1 is no probability"),
        ((*FLAGS, "low_confidence"), 2, "flag thresholds are shares"),
        ((*FLAGS, "rate"), -0.5, "flag thresholds are shares"),
        ((*FLAGS, "disagreement"), -0.5, "flag thresholds are shares"),
        ((*FLAGS, "error_bound"), 1.5, "flag thresholds are shares"),
        ((*FLAGS, "feature_distance"), {"member": "googlenet", **FAMILIAR}, "a member that does not always answer"),
        ((*FLAGS, "feature_distance"), {"member": "another", **FAMILIAR}, "a member that does not always answer"),
        (("flags",), {}, "flags and a profile for each precision"),
        (("profile",), {}, "flags and a profile for each precision"),
        (("stages",), [["resnet18"]], "stages do not hold every member once"),
        (("stages",), [["resnet18", "googlenet"], ["googlenet"]], "stages do not hold every member once"),
        (("stages",), [[], ["resnet18", "googlenet"]], "there must be no empty stage"),
        ((*HISTOGRAM, "edges"), [0, 0.5, 0.5], "one rising edge more than counts"),
        ((*HISTOGRAM, "edges"), [0, 1], "one rising edge more than counts"),
        ((*HISTOGRAM, "counts"), [1, -1], "no count below 0"),
        (("reference", "tolerance"), {"fp32": 0.1}, "a tolerance for each"),
        (("preprocess", "size"), 31, "size is 31, expected 32 to 1024"),
        (("preprocess", "shrink"), "INTER_NEAREST", "interpolation 'INTER_NEAREST' is unknown"),
    ],
)
def test_what_does_not_fit(plain: dict[str, Any], at: tuple[str | int, ...], value: object, words: str) -> None:
    put(plain, at, value)
    with pytest.raises(BundleError, match=words):
        parse(json.dumps(plain).encode())


def negative(plain: dict[str, Any]) -> None:
    put(plain, ("members", 0, "weight"), 1.2)
    put(plain, ("members", 1, "weight"), -0.2)


def other_precision(plain: dict[str, Any]) -> None:
    artefacts = plain["members"][1]["artefacts"]
    artefacts["fp16"] = artefacts.pop("fp32")


def without_precisions(plain: dict[str, Any]) -> None:
    for member in plain["members"]:
        member["artefacts"] = {}


@pytest.mark.parametrize(
    ("mutate", "words"),
    [
        (negative, "are not shares of 1"),
        (other_precision, "members differ in their precisions"),
        (without_precisions, "there must be a precision"),
    ],
)
def test_what_does_not_fit_together(tmp_path: Path, mutate: Callable[[dict[str, Any]], None], words: str) -> None:
    with pytest.raises(BundleError, match=words):
        Bundle(write_toy_bundle(tmp_path / "toy", members=2, mutate=mutate))


def test_every_field_is_needed(plain: dict[str, Any]) -> None:
    def records(value: Any) -> list[dict[str, Any]]:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [value, *(r for v in inner for r in records(v))] if isinstance(value, dict) else [
            r for v in inner for r in records(v)
        ]  # fmt: skip

    optional = {*PreprocessSpec.__struct_fields__, "typical", "orientation", "error", "error_bound", "derived_from"}
    optional |= {"recalibration", "border_only"}
    by_content = {"artefacts", "tolerance", "parity", "evaluation", "figures", "weights", "versions", "profile"}
    maps = {id(record[name]) for record in records(plain) for name in by_content & record.keys()}
    # A member's parity is a record, the bundle's is a map of them.
    maps -= {id(r["parity"]) for r in records(plain) if "temperature" in r}
    profiles = list(plain["profile"].values())
    maps |= {id(plain["flags"]), *(id(one[name]) for one in profiles for name in ("measures", "flags", "labels"))}
    tried = 0
    for record in [r for r in records(plain) if id(r) not in maps]:
        for name in [name for name in record if name not in optional]:
            kept = record.pop(name)
            with pytest.raises(BundleError, match=f"missing required field `{name}`|names no schema version"):
                parse(json.dumps(plain).encode())
            record[name] = kept
            tried += 1
    assert tried > 60


@pytest.mark.parametrize(
    "path",
    [
        "", ".", "..", "../x", "models/../../x", "a/..", "/etc/passwd", "//server/share", "a\\b", "..\\x", "C:x",
        "C:/x", "file:x", "a\0b", "a\nb", "a\x1b[2J", "\u202eb",
    ],
)  # fmt: skip
def test_path_that_leaves_the_bundle(path: str) -> None:
    with pytest.raises(ValueError, match=r"leaves the bundle|holds a control character"):
        File(path, "0" * 64, 1)


@pytest.mark.parametrize("path", ["a", "models/résumé 1.onnx", "a/b/c.npy", "..a", "a..b/c"])
def test_path_inside_the_bundle(path: str) -> None:
    assert File(path, "0" * 64, 0).path == path


def test_path_that_leaves_is_refused_in_a_bundle(plain: dict[str, Any]) -> None:
    put(plain, (*ARTEFACT, "file", "path"), "../x")
    with pytest.raises(BundleError, match=r"path '../x' leaves the bundle"):
        parse(json.dumps(plain).encode())


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
