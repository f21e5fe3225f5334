"""``edge-run explain``: reports for files and cases, and a clear error for each thing that can be wrong."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from edge_run import Ensemble
from edge_run.cases import CaseLog
from edge_run.scan import read as image
from samples.draw import chest_ct
from toy import edge_run, png


def only(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGE_RUN_CASE_LOG", str(tmp_path / "log" / "cases.sqlite"))


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scans" / "chest 1.png"
    path.parent.mkdir()
    path.write_bytes(png(chest_ct(0, 96)))
    return path


@pytest.fixture
def ask(capsys, real, tmp_path):
    def asked(*arguments, **options):
        options = {"run": real.run, "bundle": real.bundle, "out": tmp_path / "out", "precision": "fp32"} | options
        words = [word for name, value in options.items() if value is not None for word in (f"--{name}", value)]
        return edge_run(capsys, "explain", *arguments, "--quick", *words)

    return asked


@pytest.fixture
def logged(real, scan):
    """Log an answer; flagged, and with its image, as asked for."""

    def log(data=None, *, flagged=True, keep=True, bundle=None):
        from msgspec.structs import replace

        from edge_run.voting.prediction import Flag

        data = scan.read_bytes() if data is None else data
        with Ensemble.load(real.bundle, precision="fp32", backend="cpu") as ensemble:
            prediction = ensemble.predict(image.read(data))
        flags = (Flag("low-confidence", "unsure"),) if flagged else ()
        source = replace(prediction.source, bundle_sha256=bundle or prediction.source.bundle_sha256)
        prediction = replace(prediction, decision=replace(prediction.decision, flags=flags), source=source)
        with CaseLog.open(keep_images=keep) as cases:
            return cases.append(prediction, data)

    return log


def test_report_is_written(ask, scan, tmp_path):
    answered = ask(scan)
    assert answered.code == 0, answered.err
    page = only(tmp_path / "out", "chest-1-*") / "report.html"
    assert str(page) in answered.out
    assert page.read_text(encoding="utf-8").startswith("<!")
    assert json.loads(page.with_name("report.json").read_bytes())
    assert answered.err == ""


def test_json_has_a_record_for_each_and_bad_ones_stop_none(ask, scan, tmp_path):
    (scan.parent / "empty.png").touch()
    (scan.parent / "more").mkdir()
    (scan.parent / "more" / "chest 1.png").write_bytes(png(chest_ct(1, 96)))
    answered = ask(scan.parent, "--json")
    assert answered.code == 3
    index = tmp_path / "out" / "index.html"
    assert answered.err.startswith(f"index of the reports: {index}\n1 of 3 scans could not be explained")
    first, failed, second = json.loads(answered.out)
    assert failed["path"].endswith("empty.png")
    assert failed["error"]["kind"] == "InputError"
    assert first["explained"] == first["label"]
    assert isinstance(first["warnings"], list)
    pages = [Path(record["report"]) for record in (first, second)]
    assert all(re.fullmatch("chest-1-[0-9a-f]{10}", page.parent.name) and page.is_file() for page in pages)
    assert pages[0] != pages[1]
    assert all(page.relative_to(index.parent).as_posix() in index.read_text() for page in pages)


def test_two_scans_of_one_name_have_two_reports(ask, tmp_path, monkeypatch):
    """Also where the second one is explained later, and from another folder."""
    for number in (0, 1):
        here = tmp_path / str(number)
        here.mkdir()
        (here / "scan.png").write_bytes(png(chest_ct(number, 96)))
        monkeypatch.chdir(here)
        assert ask("scan.png").code == 0
    assert ask(tmp_path / "0" / "scan.png").code == 0
    pages = list((tmp_path / "out").glob("scan-*/report.json"))
    assert len(pages) == 3
    assert len({json.loads(page.read_bytes())["scan"]["sha256"] for page in pages}) == 2


def test_second_time_comes_from_the_cache(ask, scan, tmp_path, monkeypatch):
    assert ask(scan).code == 0
    kept = list((tmp_path / "cache" / "edge-run" / "explanations").iterdir())
    assert len(kept) == 1
    monkeypatch.setattr("edge_explain.explain_scan.compute", lambda *_: pytest.fail("it was computed again"))
    assert ask(scan).code == 0


def test_no_cache_is_left_where_none_is_wanted(ask, scan, tmp_path):
    assert ask(scan, "--no-cache").code == 0
    assert not (tmp_path / "cache").exists()


def test_nothing_of_the_patient_reaches_report_or_cache(ask, scan, tmp_path):
    named = scan.with_name("Erika Mustermann.png")
    scan.rename(named)
    assert ask(named).code == 0
    written = [path for folder in ("out", "cache") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert len(written) > 4
    for path in written:
        assert b"Mustermann" not in path.read_bytes()
        assert str(tmp_path).encode() not in path.read_bytes()


def test_case_is_explained_by_its_id(ask, logged, tmp_path):
    case = logged()
    answered = ask(case[-6:])
    assert answered.code == 0, answered.err
    assert answered.out.startswith(f"case {case}\n")
    assert (tmp_path / "out" / case / "report.html").is_file()


def test_file_comes_before_a_case_of_that_name(ask, logged, scan, tmp_path, monkeypatch):
    case = logged()
    monkeypatch.chdir(tmp_path)
    scan.rename(tmp_path / case)
    assert ask(case).out.startswith(f"{case}\n")


def test_case_whose_scan_was_not_kept_says_so(ask, logged):
    case = logged(keep=False)
    answered = ask(case)
    assert answered.code == 3
    assert f"the scan of case {case} was not kept" in answered.out
    assert "--keep-images" in answered.out


def test_unknown_case_is_refused(ask, logged):
    logged()
    answered = ask("000")
    assert answered.code == 2
    assert "there is no case 000" in answered.err


def test_flagged_cases_are_explained_kept_or_found(ask, logged, scan, tmp_path):
    others = [png(chest_ct(seed, 96)) for seed in (2, 3, 4)]
    kept, found = logged(), logged(others[0], keep=False)
    logged(others[1], flagged=False)
    logged(png(chest_ct(5, 96)), bundle="f" * 64)
    lost = logged(others[2], keep=False)
    again = logged(others[0], keep=False)
    (scan.parent / "other.png").write_bytes(others[0])
    answered = ask("--flagged", scan.parent, "--json")
    assert answered.code == 3
    by_path = {record["path"]: record for record in json.loads(answered.out)}
    assert set(by_path) == {f"case {kept}", f"case {again}", f"case {lost}"}
    assert found not in answered.out
    assert "was not kept" in by_path[f"case {lost}"]["error"]["message"]
    assert (tmp_path / "out" / again / "report.html").is_file()
    assert f'href="{again}/report.html"' in (tmp_path / "out" / "index.html").read_text()


def test_flagged_without_a_log_or_cases_is_refused(ask, logged):
    answered = ask("--flagged")
    assert answered.code == 1
    assert "there is no case log" in answered.err
    logged(flagged=False)
    answered = ask("--flagged")
    assert answered.code == 2
    assert "flagged no case" in answered.err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"label": "pneumonia"}, 2, "choose from covid, non_covid"),
        ({"run": None}, 4, "cannot be rebuilt from the bundle toy"),
        ({"bundle": "nowhere"}, 4, "there is no bundle"),
    ],
)
def test_what_makes_no_sense_is_refused(ask, scan, options, code, words):
    answered = ask(scan, **options)
    assert answered.code == code
    assert words in answered.err
    assert answered.out == ""


def test_other_runs_weights_are_refused(ask, scan):
    answered = ask(scan, bundle="ct-covid")
    assert answered.code == 4
    assert "is not the run that the bundle ct-covid was exported from: other weights of resnet18" in answered.err


def test_nothing_to_explain_is_refused(ask):
    answered = ask()
    assert answered.code == 2
    assert "nothing to explain" in answered.err


def test_out_that_is_a_file_is_refused_at_once(ask, scan):
    answered = ask(scan, out=scan)
    assert answered.code == 2
    assert "cannot be made" in answered.err


def test_missing_package_names_the_extra(ask, scan, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("edge_explain")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    answered = ask(scan)
    assert answered.code == 5
    assert "captum" in answered.err
    assert "pip install 'edge-run[explain]'" in answered.err


def test_training_scans_are_the_background_when_they_are_given(capsys, real, scan, tmp_path, monkeypatch):
    import msgspec

    from edge_explain.settings import FULL

    few = msgspec.structs.replace(
        FULL, shap_samples=1, regions=4, permutations=2, steps=2, rankings=2, squares=1, noises=1, shuffles=1
    )
    monkeypatch.setattr("edge_explain.explain_scan.FULL", few)
    options = ("--run", real.run, "--bundle", real.bundle, "--out", tmp_path / "out", "--data", real.data)
    answered = edge_run(capsys, "explain", scan, "--precision", "fp32", *options)
    assert answered.code == 0, answered.err
    assert "8 training scans, evenly by class" in (only(tmp_path / "out", "chest-1-*") / "report.json").read_text()
