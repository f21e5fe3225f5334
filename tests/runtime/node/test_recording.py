"""What the node logs of an answer, and what proves it."""

from __future__ import annotations

from answers import FLAG, answer, ct_series
from edge_run.cases import CaseLog
from edge_run.cases.series import series_entries
from edge_run.node.recording import Recorder
from edge_run.node.results import result_objects


def test_answer_that_is_given_again_after_a_crash_has_the_same_proof_and_objects(tmp_path, toy_ensemble):
    paths = ct_series(tmp_path / "series")
    one, inputs = answer(paths, flags=(FLAG,)), [path.name for path in paths]
    with CaseLog.open(tmp_path / "cases.sqlite") as log:
        recorder = Recorder(toy_ensemble, log)
        first = recorder.record(one, inputs)
        # The process ends here, and the next one answers again.
        second = Recorder(toy_ensemble, log).record(one, inputs)
        assert first == second
        objects = result_objects(paths, one, second)
        recorder.made(second, objects)
        (entry,) = series_entries(log)
    assert entry.logged.case == first.case
    assert [logged.modality for logged in entry.objects] == ["SR", "OT"]


def test_answer_without_a_log_has_no_case_and_is_reported(tmp_path, toy_ensemble):
    paths = ct_series(tmp_path / "series")
    proof = Recorder(toy_ensemble, None).record(answer(paths), ["a"])
    assert (proof.case, proof.chain_head) == ("", "")
    assert "case: " not in str(result_objects(paths, answer(paths), proof)[0])
