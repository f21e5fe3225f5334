"""Whether a change in the scans is seen, and chance alone is not."""

import json

import numpy as np
import pytest

from edge_run.bundle.bundle import Bundle
from edge_run.cases import reading
from edge_run.cases.drift import report
from edge_run.cases.notes import note
from toy import write_toy_bundle

EDGES = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def profile(manifest):
    manifest["profile"]["fp32"] = {
        "scans": 200,
        "measures": {
            "score": {"edges": EDGES, "counts": [40, 40, 40, 40, 40]},
            "distance": {"edges": EDGES, "counts": [80, 80, 38, 1, 1]},
        },
        "flags": {"low-confidence": 20},
        "labels": {"covid": 100, "non_covid": 100},
    }


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return Bundle(write_toy_bundle(tmp_path_factory.mktemp("drift") / "toy", members=1, mutate=profile))


@pytest.fixture
def scans(log, answer, bundle):
    """Log answers whose scores and distances are these, each of another scan."""
    log.connection.execute("PRAGMA synchronous = OFF")

    def add(scores, distances=None, *, flagged=0, **more):
        distances = np.resize([0.1, 0.3, 0.1, 0.3, 0.5], len(scores)) if distances is None else distances
        return [
            log.append(
                answer(
                    float(score),
                    measures={"score": float(score), "distance": float(distance)},
                    flags=("low-confidence",) if n < flagged else (),
                    scan=f"{n:064x}",
                    **{"bundle": bundle.sha256} | more,
                )
            )
            for n, (score, distance) in enumerate(zip(scores, distances, strict=True))
        ]

    return add


def judged(log, bundle):
    (found,) = report(bundle, reading.cases(log)).precisions
    return found, {one.name: one.verdict for one in found.comparisons}


EVEN = np.linspace(0.01, 0.99, 100)


def test_like_the_validation(log, bundle, scans):
    scans(EVEN, flagged=10)
    found, verdicts = judged(log, bundle)
    assert verdicts == dict.fromkeys(("score", "distance", "low-confidence", "label"), "stable")
    assert found.verdict == "stable"
    score = found.comparisons[0]
    assert (score.cases, score.scans, score.then) == (100, 200, pytest.approx(0.5))
    assert score.now == pytest.approx(0.5)
    assert score.psi < score.psi_expected < score.psi_99
    assert score.ks_p > 0.9


def test_scans_from_another_scanner(log, bundle, scans):
    scans(EVEN, np.full(100, 7.0), flagged=10)
    found, verdicts = judged(log, bundle)
    assert (found.verdict, verdicts["distance"], verdicts["score"]) == ("drifted", "drifted", "stable")
    assert "scanner" in found.comparisons[1].meaning
    # The last two bins have too few validation scans, so they are one with the third.
    assert found.comparisons[1].ks == pytest.approx(0.8)


def test_other_patients(log, bundle, scans):
    scans(np.linspace(0.55, 0.99, 100), flagged=10)
    _, verdicts = judged(log, bundle)
    assert (verdicts["score"], verdicts["label"], verdicts["distance"]) == ("drifted", "drifted", "stable")


def test_twice_the_flags(log, bundle, scans):
    scans(np.resize(EVEN, 300), flagged=60)
    found, verdicts = judged(log, bundle)
    assert (verdicts["low-confidence"], found.verdict) == ("shifted", "shifted")


def test_flag_that_no_validation_scan_had(log, bundle, scans, answer):
    scans(EVEN, flagged=10)
    for n in range(15):
        log.append(answer(n / 15, bundle=bundle.sha256, flags=("too-small",), scan=f"f{n:063x}"))
    found, verdicts = judged(log, bundle)
    assert (verdicts["too-small"], found.verdict) == ("drifted", "drifted")
    assert found.comparisons[3].then == 0


def test_too_few_cases_are_not_judged(log, bundle, scans):
    scans(EVEN[:49], np.full(49, 7.0))
    found, verdicts = judged(log, bundle)
    assert found.verdict == "unknown"
    assert set(verdicts.values()) == {"unknown"}
    assert found.comparisons[0].psi is None


def test_small_samples_alone_are_no_drift(log, bundle, scans):
    """An index of 0.1 is less than chance gives to sixty cases."""
    scans(np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], [8, 17, 8, 17, 10]), flagged=6)
    found, _ = judged(log, bundle)
    assert 0.1 < found.comparisons[0].psi < found.comparisons[0].psi_99
    assert found.verdict == "stable"


def test_bundle_without_a_profile(log, answer, tmp_path):
    bundle = Bundle(write_toy_bundle(tmp_path / "toy", members=1))
    for n in range(60):
        log.append(answer(bundle=bundle.sha256, scan=f"{n:064x}"))
    assert judged(log, bundle)[0].verdict == "unknown"


def test_what_is_left_out(log, bundle, scans):
    scans(EVEN, flagged=10)
    scans(EVEN[:7])
    scans(EVEN[:5], bundle="f" * 64)
    scans(EVEN[:3], precision="fp64")
    found = report(bundle, reading.cases(log))
    assert found.other == 8
    assert (found.precisions[0].cases, found.precisions[0].repeats) == (107, 7)


def early(log, bundle, scans, count):
    scans(EVEN, flagged=10)
    scans(np.full(count, 0.999), interval=(0.9, 1.0), distances=np.full(count, 0.123))
    found, verdicts = judged(log, bundle)
    assert found.early == count
    return {one.name: one.cases for one in found.comparisons}, verdicts


def test_a_few_early_answers_count_for_all_but_the_vote(log, bundle, scans):
    cases, verdicts = early(log, bundle, scans, 4)
    assert cases == {"score": 100, "distance": 104, "low-confidence": 104, "label": 104}
    assert verdicts["score"] == "stable"


def test_what_many_early_answers_leave_is_not_judged(log, bundle, scans):
    cases, verdicts = early(log, bundle, scans, 60)
    assert cases == {"score": 0, "distance": 160, "low-confidence": 160, "label": 160}
    assert verdicts["score"] == "unknown"


def test_each_precision_by_itself(log, bundle, scans):
    scans(EVEN)
    scans(EVEN[:2], precision="int8-cpu")
    found = report(bundle, reading.cases(log)).precisions
    assert {one.precision: one.cases for one in found} == {"fp32": 100, "int8-cpu": 2}


def test_command_says_whether_to_worry(log, bundle, scans, cases_command):
    case_id = scans(EVEN, np.full(100, 7.0), flagged=10)[0]
    note(log, case_id, label="covid", remark="")
    said = cases_command("drift", "--bundle", bundle.path)
    assert said.code == 0, said.err
    assert "DRIFT distance" in said.out
    assert "drift: the scans no longer look like" in said.out
    assert "people agreed with 0 of 1 answers" in said.out
    found = json.loads(cases_command("drift", "--bundle", bundle.path, "--json").out)
    assert found["precisions"][0]["verdict"] == "drifted"
    none = cases_command("drift", "--bundle", bundle.path, "--since", "2999-01-01")
    assert "nothing to compare" in none.out
