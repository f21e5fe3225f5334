"""What the page shows and does, as a browser without JavaScript sees it."""

from __future__ import annotations

import re

import cv2
import msgspec
import numpy as np
import pytest

from edge_run import Ensemble
from edge_run.cases import CaseLog, find
from edge_run.cases.notes import MAX_REMARK
from edge_run.serve.page.review import PAGE
from edge_run.voting.prediction import Flag
from toy import png, scan, write_toy_bundle


def links(text):
    return re.findall(r'href="/cases/(\w+)', text)


def notes(answered, case):
    with CaseLog.existing(answered.path) as log:
        return [(note["label"], note["remark"]) for note in find(log, case)["notes"]]


# The list


def test_list_shows_flagged_cases_newest_first_with_reason_and_age(client, answered):
    text = client().get("/").text
    assert links(text) == [answered.ids[3], answered.ids[2], answered.ids[0]]
    assert "the vote is 53% sure" in text
    assert "members disagree" in text
    assert ">just now</time>" in text
    assert "68% to 97%" in text


def test_list_is_empty_before_the_first_answer(client, tmp_path):
    text = client(log=tmp_path / "none.sqlite").get("/").text
    assert "No case is flagged" in text
    assert not (tmp_path / "none.sqlite").exists()


@pytest.mark.parametrize("keep", [True, False])
def test_list_says_where_pictures_are_not_kept_and_how_to_keep_them(client, keep):
    text = client(keep_images=keep).get("/").text
    assert ("edge-run serve --keep-images" in text) != keep


def test_long_list_has_pages(client, answered, ensemble):
    prediction = ensemble.predict(scan(9))
    decision = msgspec.structs.replace(prediction.decision, flags=(Flag("blank", "the image is blank"),))
    flagged = msgspec.structs.replace(prediction, decision=decision)
    with CaseLog.open(answered.path) as log:
        for _ in range(PAGE):
            log.append(flagged)
    browser = client()
    first = browser.get("/").text
    older = re.search(r'href="(/\?before=\d+)"', first)[1]
    second = browser.get(older).text
    newer = re.search(r'href="(/\?after=\d+)"', second)[1]
    assert len(links(first)) == PAGE
    assert links(second) == [answered.ids[3], answered.ids[2], answered.ids[0]]
    assert links(browser.get(newer).text) == links(first)
    assert "before=" not in second


def test_reviewed_cases_leave_the_list_and_stay_under_all(client, answered):
    browser = client()
    browser.post(f"/cases/{answered.ids[2]}/review", data={"verdict": "agree"})
    assert links(browser.get("/").text) == [answered.ids[3], answered.ids[0]]
    everything = browser.get("/?show=all").text
    assert links(everything) == [answered.ids[3], answered.ids[2], answered.ids[0]]
    assert "agreed" in everything


# A case


def test_case_shows_members_flags_and_causes(client, answered):
    text = client().get(f"/cases/{answered.ids[0]}").text
    for shown in (
        "resnet18",
        "googlenet",
        "resnet50",
        "resnet101",
        "Members disagree",
        "Usual causes: early or atypical",
    ):
        assert shown in text
    assert text.count('<rect class="fill"') == 4
    assert "did not need to answer" not in text


def test_early_exit_shows_the_certified_interval_and_who_did_not_answer(client, answered):
    text = client().get(f"/cases/{answered.ids[2]}").text
    assert "Stopped early: 2 of 4 members answered" in text
    assert "between 68.1% and 97.2%" in text
    assert text.count("did not need to answer") == 2


def test_intended_use_stands_once_on_every_page(client, answered):
    browser = client()
    for path in ("/", f"/cases/{answered.ids[0]}", "/cases/zzzz"):
        assert browser.get(path).text.count("Tests only.") == 1


def test_pictures_have_the_same_size_and_the_layer_is_transparent(client, answered):
    browser = client()
    pictures = [browser.get(f"/cases/{answered.ids[0]}/{name}.png") for name in ("scan", "heatmap")]
    seen, layer = [cv2.imdecode(np.frombuffer(one.content, np.uint8), cv2.IMREAD_UNCHANGED) for one in pictures]
    assert (seen == scan(0)).all()
    assert layer.shape == (*seen.shape, 4)
    assert layer[..., 3].min() < 128
    assert {one.headers["content-type"] for one in pictures} == {"image/png"}
    assert {one.headers["cache-control"] for one in pictures} == {"no-store"}


def test_each_frame_of_a_dicom_file_has_its_own_picture(client, ensemble, tmp_path):
    pytest.importorskip("pydicom", reason="pydicom is not installed")
    from dicoms import encode, image

    frames = np.stack([scan(seed, (40, 30)) for seed in range(3)])
    data = encode(image(frames))
    with CaseLog.open(tmp_path / "frames.sqlite", keep_images=True) as log:
        cases = [log.append(result.prediction, data) for result in ensemble.predict_many([data])]
    browser = client(log=tmp_path / "frames.sqlite")
    for frame, case in zip(frames, cases, strict=True):
        shown = browser.get(f"/cases/{case}/scan.png").content
        assert (cv2.imdecode(np.frombuffer(shown, np.uint8), cv2.IMREAD_UNCHANGED) == frame).all()
        assert browser.get(f"/cases/{case}/heatmap.png").status_code == 200


def test_case_without_its_scan_says_so_and_how_to_keep_scans(client, answered):
    browser = client(keep_images=False)
    text = browser.get(f"/cases/{answered.ids[3]}").text
    assert "The scan was not kept" in text
    assert "--keep-images" in text
    assert "<img class=" not in text
    assert browser.get(f"/cases/{answered.ids[3]}/scan.png").status_code == 404


def test_scan_that_was_altered_is_not_shown(client, answered):
    (kept,) = {path for path in (answered.path.parent / "cases.images").iterdir() if path.read_bytes() == png(scan(0))}
    kept.write_bytes(png(scan(5)))
    assert client().get(f"/cases/{answered.ids[0]}/scan.png").status_code == 503


def test_case_of_another_bundle_has_no_heatmap(client, answered, monkeypatch):
    browser = client()
    monkeypatch.setattr(answered.ensemble.bundle, "sha256", "0" * 64)
    text = browser.get(f"/cases/{answered.ids[0]}").text
    assert "answered by another bundle" in text
    assert "heatmap.png" not in text
    assert browser.get(f"/cases/{answered.ids[0]}/heatmap.png").status_code == 404


def test_opacity_works_without_javascript(client, answered):
    text = client().get(f"/cases/{answered.ids[0]}?opacity=37").text
    assert 'class="layer o40"' in text
    assert 'value="40"' in text
    assert "<noscript><button>Apply</button></noscript>" in text


def test_labels_and_remarks_are_escaped(client, answered):
    browser = client()
    remark = '<script>alert(1)</script> "quoted" \u202eevil'
    browser.post(f"/cases/{answered.ids[0]}/review", data={"verdict": "unsure", "remark": remark})
    text = browser.get(f"/cases/{answered.ids[0]}").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "\u202e" not in text


# A review


def test_agree_notes_the_answer_and_goes_on_to_the_next(client, answered):
    browser = client()
    case = answered.ids[3]
    gone = browser.post(f"/cases/{case}/review", data={"verdict": "agree", "remark": "  clear \n case "})
    assert gone.status_code == 303
    assert gone.headers["location"].startswith(f"/cases/{answered.ids[2]}?")
    with CaseLog.existing(answered.path) as log:
        label = find(log, case)["label"]
    assert notes(answered, case) == [(label, "clear case")]
    assert "Noted: you agree" in browser.get(gone.headers["location"]).text


def test_disagree_notes_the_other_of_two_labels(client, answered):
    case = answered.ids[0]
    client().post(f"/cases/{case}/review", data={"verdict": "disagree"})
    with CaseLog.existing(answered.path) as log:
        label = find(log, case)["label"]
    assert notes(answered, case) == [({"covid": "non_covid", "non_covid": "covid"}[label], "")]


def test_unsure_notes_no_label(client, answered):
    browser, case = client(), answered.ids[0]
    browser.post(f"/cases/{case}/review", data={"verdict": "unsure", "remark": "motion"})
    assert notes(answered, case) == [(None, "unsure: motion")]
    assert ">unsure<" in browser.get("/?show=all").text


def test_last_review_leads_back_to_the_list(client, answered):
    browser = client()
    for case in (answered.ids[3], answered.ids[0]):
        browser.post(f"/cases/{case}/review", data={"verdict": "agree"})
    last = browser.post(f"/cases/{answered.ids[2]}/review", data={"verdict": "agree"})
    assert last.headers["location"].startswith("/?")
    assert "All flagged cases are reviewed" in browser.get(last.headers["location"]).text


def test_form_that_is_sent_twice_is_noted_once_and_a_second_review_is_noted(client, answered):
    browser, case = client(), answered.ids[0]
    for _ in range(2):
        browser.post(f"/cases/{case}/review", data={"verdict": "agree", "notes": "0"})
    assert len(notes(answered, case)) == 1
    browser.post(f"/cases/{case}/review", data={"verdict": "agree", "notes": "1"})
    assert len(notes(answered, case)) == 2


def test_disagreement_says_which_of_several_labels_it_is(client, tmp_path):
    with Ensemble.load(write_toy_bundle(tmp_path / "toys", labels=("covid", "flu", "none"))) as ensemble:
        prediction = ensemble.predict(scan(0))
        decision = msgspec.structs.replace(prediction.decision, flags=(Flag("blank", "the image is blank"),))
        with CaseLog.open(tmp_path / "several.sqlite") as log:
            case = log.append(msgspec.structs.replace(prediction, decision=decision))
        browser = client(log=tmp_path / "several.sqlite", bundle=ensemble.bundle, maps=None)
    others = [label for label in ("covid", "flu", "none") if label != prediction.label]
    text = browser.get(f"/cases/{case}").text
    assert re.findall(r"<option>(\w+)</option>", text) == others
    assert 'class="bar neutral"' in text
    assert browser.post(f"/cases/{case}/review", data={"verdict": "disagree", "label": ""}).status_code == 400
    assert browser.post(f"/cases/{case}/review", data={"verdict": "disagree", "label": "x"}).status_code == 400
    assert browser.post(f"/cases/{case}/review", data={"verdict": "disagree", "label": others[1]}).status_code == 303
    with CaseLog.existing(tmp_path / "several.sqlite") as log:
        assert [note["label"] for note in find(log, case)["notes"]] == [others[1]]


@pytest.mark.parametrize(
    "form",
    [{}, {"verdict": "delete"}, {"verdict": "agree", "remark": "x" * (MAX_REMARK + 1)}, {"verdict": "x" * 5000}],
)
def test_form_that_says_nothing_known_notes_nothing(client, answered, form):
    assert client().post(f"/cases/{answered.ids[0]}/review", data=form).status_code == 400
    assert notes(answered, answered.ids[0]) == []


def test_large_form_is_refused(client, answered):
    large = client().post(f"/cases/{answered.ids[0]}/review", data={"verdict": "agree", "remark": "x" * 100_000})
    assert large.status_code == 413
    assert notes(answered, answered.ids[0]) == []


def test_uploaded_file_is_refused(client, answered):
    sent = client().post(f"/cases/{answered.ids[0]}/review", files={"remark": ("a.txt", b"x")})
    assert sent.status_code == 400


# Trouble


@pytest.mark.parametrize("case", ["zzzzzzzzzzzz", "..%2f..%2fetc", "%00", "a" * 500, "il", "ünknown"])
def test_unknown_case_is_not_found(client, case):
    for path in ("", "/scan.png", "/heatmap.png", "/explanation"):
        assert client().get(f"/cases/{case}{path}").status_code == 404


@pytest.mark.parametrize("path", ["/static/../routes.py", "/static/%2e%2e/routes.py", "/static/%2e%2e%2froutes.py"])
def test_static_files_are_jailed(client, path):
    assert client().get(path).status_code == 404


def test_log_that_cannot_be_read_is_a_page_without_paths(client, answered):
    browser = client()
    answered.path.write_bytes(b"no database" * 100)
    shown = browser.get("/")
    assert shown.status_code == 503
    assert "The case log cannot be read" in shown.text
    assert str(answered.path.parent) not in shown.text


def test_pages_have_strict_headers(client, answered):
    for path in ("/", f"/cases/{answered.ids[0]}", "/cases/zzzz", f"/cases/{answered.ids[0]}/scan.png"):
        headers = client().get(path).headers
        assert headers["content-security-policy"] == (
            "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_pages_hold_no_inline_script_or_style(client, answered):
    for path in ("/", f"/cases/{answered.ids[0]}", f"/cases/{answered.ids[3]}"):
        text = client().get(path).text
        assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?! src=)|javascript:|https?://(?!www\.w3\.org)", text)


def test_own_javascript_has_100_lines_at_most():
    from edge_run.serve.page.environment import STATIC

    assert sum(len(path.read_text().splitlines()) for path in STATIC.glob("*.js")) <= 100
