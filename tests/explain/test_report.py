"""The page that explains a case. As a script, it photographs one:

PYTHONPATH=tests python tests/explain/test_report.py REPORT.html PICTURE.png
"""

from __future__ import annotations

import base64
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge_explain import report
from edge_explain.explanation import Curve, Explanation, MapParity, Regions, Trust
from edge_explain.report.pictures import innermost, map_picture
from edge_explain.report.questions import questions
from edge_explain.report.summary import title_of
from edge_explain.trust.trust_warnings import COSINE, OUTSIDE_BODY, RANDOMISATION
from edge_run import Bundle, Ensemble
from edge_run.flags import NAMES
from edge_run.flags.causes import CAUSES
from edge_run.heatmap import Heatmap, mapped_label, overlay
from edge_run.heatmap.activation import contrast_map
from edge_run.scan import read as image
from edge_run.scan.preprocessing import preprocess
from edge_run.voting.prediction import Flag
from toy import write_toy_bundle

SAMPLE = Path(__file__).parents[2] / "samples" / "ct.png"
BROWSER = next(
    filter(None, map(shutil.which, (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"))),
    None,
)
browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
HOSTILE = "\"><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>\u202egnp.\x00\udcff'&lt;"


def fake(bundle: str | Path, **changes: object) -> Explanation:
    """An explanation of the drawn scan whose answer and maps are real, and whose other figures are made up."""
    scan = image.read(SAMPLE)
    rng = np.random.default_rng(0)
    with Ensemble.load(bundle) as ensemble:
        prediction = msgspec.structs.replace(ensemble.predict(scan), path="some/ward/ct.png")
        inputs = preprocess(scan.pixels, ensemble.manifest.preprocess)
        archs = [member.id for member in ensemble.manifest.members]
        features = {arch: out.features[0] for arch, out in zip(archs, ensemble.outputs(inputs), strict=True)}
        heatmap = Heatmap(ensemble.bundle, ensemble.precision)
        label = heatmap.label(prediction.decision)
        found = heatmap.maps(features, label)
        temperatures = [member.artefacts[ensemble.precision].temperature for member in ensemble.manifest.members]
    maps = {arch: found.members[arch] * np.float32(t) for arch, t in zip(archs, temperatures, strict=True)}
    size = inputs.shape[-1]
    noise = {arch: cv2.GaussianBlur(rng.normal(0, 1, (size, size)), (0, 0), 1.5).astype(np.float32) for arch in archs}
    rows, columns = np.indices((size, size)) * 6 // size
    values = rng.normal(0, 0.02, 36) * np.linspace(0.2, 2, 36)
    shares = tuple(np.linspace(0, 1, 15).tolist())
    rising = tuple((0.2 + 0.6 * np.linspace(0, 1, 15) ** 0.4).tolist())
    known = {
        "scan": scan,
        "prediction": prediction,
        "case_id": "",
        "label": label,
        "origin": "originals rebuilt from the bundle, fp32",
        "network_input": inputs[0, 0],
        "originals": prediction.decision.probabilities,
        "maps": maps,
        "ensemble_map": found.ensemble,
        "grad_cams": maps,
        "parity": {arch: MapParity(0.9991 - 0.001 * n, 0.012) for n, arch in enumerate(archs)},
        "shap": {arch: 1e-3 * noise[arch] * (inputs[0, 0] > 40) for arch in archs},
        "completeness": {arch: 0.03 * n - 0.04 for n, arch in enumerate(archs)},
        "regions": Regions(rows * 6 + columns, values, 0.2, 0.2 + float(values.sum()), 1e-4, 434),
        "trust": Trust(
            Curve(shares, rising, 0.63, 0.51, 0.03),
            Curve(shares, rising[::-1], 0.41, 0.51, 0.03),
            dict.fromkeys(archs, 0.012),
            dict.fromkeys(archs, 0.21),
            {arch: 0.05 * n - 0.07 for n, arch in enumerate(archs)},
            0.11,
            0.07,
            {f"{a}, {b}": 0.6 - 0.1 * n for n, (a, b) in enumerate(pairwise(archs))},
            (),
        ),
        "provenance": {
            "original resnet18 sha256": "ab" * 32,
            "seed": "0",
            "torch": "2.9",
            "command": "edge-run explain",
        },
    }
    return Explanation(**known | changes)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    return write_toy_bundle(tmp_path_factory.mktemp("report") / "toy", size=64)


@pytest.fixture(scope="session")
def explained(bundle):
    return fake(bundle)


@pytest.fixture(scope="session")
def folder(explained, bundle, tmp_path_factory):
    """Where the page and the numbers of ``explained`` lie."""
    return report.write(explained, Bundle(bundle).manifest, tmp_path_factory.mktemp("page")).parent


@pytest.fixture(autouse=True)
def small(monkeypatch, request):
    """Pictures are what takes time."""
    if "folder" not in request.fixturenames:
        monkeypatch.setattr("edge_explain.report.summary.LARGE", 64)
        monkeypatch.setattr("edge_explain.report.pictures.LARGE", 64)


def written(explanation, bundle, folder):
    return report.write(explanation, Bundle(bundle).manifest, folder).read_text("utf-8")


class Page(html.parser.HTMLParser):
    """Tags and their attributes, the text between them, and whether every tag is closed."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data if not self.open or self.open[-1] != "style" else ""


def test_says_nothing_loud_without_reason(folder):
    assert 'role="alert"' not in (folder / "report.html").read_text("utf-8")


def test_says_what_was_answered(explained, bundle, folder):
    page = Page((folder / "report.html").read_text("utf-8"))
    decision, card = explained.prediction.decision, Bundle(bundle).manifest.card
    assert not page.open
    for text in (
        "ct.png", f"{decision.probability:.1%}",
        *(m.id for m in decision.members), *(f.reason for f in decision.flags),
        card.intended_use, *card.limits, explained.prediction.scan_sha256, *explained.provenance.values(),
        "Research use only", "not a medical device",
    ):  # fmt: skip
        assert text in page.text, text
    assert "ward" not in page.text  # the folder


def test_loads_nothing(folder):
    text = (folder / "report.html").read_text("utf-8")
    addresses = [v for _, attrs in Page(text).tags for k, v in attrs.items() if k in ("src", "href", "xlink:href")]
    assert len(addresses) == 2 + 4 + 4 + 1 + 3  # scan and ensemble, maps, GradientShap, regions, three scales
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
    assert not re.search(r"https?:|//|url\(|@import|<script", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text))


def test_every_picture_has_words(folder):
    tags = Page((folder / "report.html").read_text("utf-8")).tags
    assert all(attrs.get("alt") for tag, attrs in tags if tag == "img")
    assert all(attrs.get("aria-label") for tag, attrs in tags if tag == "svg")
    assert next(tag for tag, _ in tags if tag in ("h1", "h2")) == "h1"


def test_text_of_others_stays_text(explained, tmp_path):
    def mutate(manifest):
        manifest["name"] = HOSTILE.replace("\x00\udcff", "")
        manifest["card"]["limits"] = [HOSTILE.replace("\x00\udcff", "")]

    hostile = write_toy_bundle(tmp_path / "toy", size=64, mutate=mutate)
    prediction = msgspec.structs.replace(explained.prediction, path=HOSTILE.replace("/", "_"))
    changes = {"prediction": prediction, "provenance": {HOSTILE: HOSTILE}}
    trust = msgspec.structs.replace(explained.trust, warnings=(HOSTILE[:-8],))
    page = Page(written(replace(explained, **changes, trust=trust), hostile, tmp_path / "out"))
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "iframe"})
    assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)
    assert "<script>alert(1)" in page.text
    assert "\u202e" not in page.text


@pytest.mark.parametrize(
    ("path", "case_id", "title"),
    [
        ("", "", "Scan abababababab"),
        ("/", "", "Scan abababababab"),
        ("..", "", ".."),
        ("C:\\ward\\x.png", "", "x.png"),
        ("ward/x.png", "01KF3", "Case 01KF3"),
    ],
)
def test_title_is_the_case_the_file_or_the_hash(explained, path, case_id, title):
    prediction = msgspec.structs.replace(explained.prediction, path=path, scan_sha256="ab" * 32)
    assert title_of(replace(explained, prediction=prediction, case_id=case_id)) == title


def test_shouts_when_the_originals_answer_otherwise(explained, bundle, tmp_path):
    label = explained.prediction.decision.label
    other = next(one for one in explained.originals if one != label)
    text = written(replace(explained, originals={label: 0.1, other: 0.9}), bundle, tmp_path)
    assert 'role="alert"' in text
    assert f"Originals: {other} 90.0%" in text


def test_the_originals_are_held_to_the_operating_point(explained, tmp_path):
    strict = write_toy_bundle(tmp_path / "toy", size=64, mutate=lambda m: m["task"].update(threshold=0.95))
    answer = msgspec.structs.replace(explained.prediction.decision, label="non_covid")
    prediction = msgspec.structs.replace(explained.prediction, decision=answer)
    calm = replace(explained, prediction=prediction, originals={"covid": 0.9, "non_covid": 0.1})
    assert 'role="alert"' not in written(calm, strict, tmp_path / "out")


def test_quick_leaves_out_what_was_not_made(explained, bundle, tmp_path):
    trust = msgspec.structs.replace(
        explained.trust, insertion=None, deletion=None, infidelity={}, sensitivity={}, randomisation={}, agreement={}
    )
    quick = replace(explained, regions=None, shap={}, completeness={}, trust=trust)
    page = Page(written(quick, bundle, tmp_path))
    assert "GradientShap" not in page.text
    assert "Shapley" not in page.text
    assert "Does it look at the patient?" in page.text
    assert json.loads((tmp_path / "report.json").read_bytes())["regions"] is None


def test_members_that_did_not_answer_are_named(explained, bundle, tmp_path):
    decision = explained.prediction.decision
    early = msgspec.structs.replace(decision, members=decision.members[:1], interval=(0.6, 0.9))
    prediction = msgspec.structs.replace(explained.prediction, decision=early)
    text = Page(written(replace(explained, prediction=prediction), bundle, tmp_path)).text
    assert "1 of 4 members answered" in text
    assert text.count("did not answer") == 3


def test_numbers_hold_every_figure_and_no_image(explained, folder):
    found = json.loads((folder / "report.json").read_bytes())
    assert found["prediction"]["path"] == found["title"] == "ct.png"
    assert found["originals"] == explained.originals
    assert found["regions"]["values"] == pytest.approx(explained.regions.values.tolist())
    assert sum(found["regions"]["share_of_scan"]) == pytest.approx(1)
    assert found["trust"]["insertion"]["area"] == explained.trust.insertion.area
    np.testing.assert_allclose(found["ensemble_map"], explained.ensemble_map, rtol=1e-6)
    assert "base64" not in json.dumps(found)


def test_what_is_no_number_is_null(explained, bundle, tmp_path):
    trust = msgspec.structs.replace(explained.trust, agreement={"a, b": float("nan")}, infidelity={"a": float("inf")})
    written(replace(explained, trust=trust), bundle, tmp_path)
    assert json.loads((tmp_path / "report.json").read_bytes())["trust"]["agreement"]["a, b"] is None


def test_largest_regions_are_numbered_inside_themselves():
    inside = np.zeros((40, 60), bool)
    inside[5:35, 5:10] = inside[5:35, 50:55] = inside[5:12, 5:55] = True  # its centre lies outside
    x, y = innermost(inside)
    assert inside[y, x]
    assert inside[y - 2 : y + 3, x - 2 : x + 3].all()


def test_advice_says_what_to_do_with_the_answer(explained, bundle, tmp_path):
    decision = explained.prediction.decision
    for flags, advice in (
        ((), "never instead of it"),
        ((Flag("inverted", "light and dark look exchanged"),), "Judge the scan yourself"),
    ):
        prediction = msgspec.structs.replace(
            explained.prediction, decision=msgspec.structs.replace(decision, flags=flags)
        )
        text = Page(written(replace(explained, prediction=prediction), bundle, tmp_path)).text
        assert advice in text
        assert ("Usual causes: an image that was exported with black and white exchanged" in text) == bool(flags)


def test_every_flag_of_a_bundle_has_a_usual_cause():
    assert set(NAMES) <= CAUSES.keys()


def test_warnings_say_not_to_rely_on_the_map(explained, bundle, tmp_path):
    assert "Do not rely on this map" not in written(explained, bundle, tmp_path)
    trust = msgspec.structs.replace(explained.trust, warnings=("30% of the evidence lies outside the body.",))
    text = Page(written(replace(explained, trust=trust), bundle, tmp_path)).text
    assert text.index("Where the networks found evidence") < text.index("Do not rely on this map")
    assert "30% of the evidence lies outside the body." in text


def test_figures_for_engineers_are_folded(folder):
    page = (folder / "report.html").read_text("utf-8")
    first, _, folded = page.partition("<details>")
    for heading in ("What each region adds", "Can the explanation be relied on?", "Where this comes from"):
        assert heading in folded
        assert heading not in first
    assert "Where the networks found evidence" in first


def test_date_and_bundle_stand_under_the_title(explained, bundle, tmp_path):
    created = datetime(2026, 3, 4, 5, 6, tzinfo=timezone.utc)
    report.write(explained, Bundle(bundle).manifest, tmp_path, created=created)
    text = Page((tmp_path / "report.html").read_text("utf-8")).text
    assert "04 March 2026, 05:06" in text
    assert f"bundle {explained.prediction.source.bundle}" in text
    assert json.loads((tmp_path / "report.json").read_bytes())["created"] == "2026-03-04T05:06:00+00:00"


@pytest.mark.parametrize(("gap", "answer"), [(0.09, "yes"), (0.4, "in part"), (-0.6, "no")])
def test_attributions_add_up_where_the_gap_is_small(explained, gap, answer):
    shap = {"resnet18": np.full((2, 2), (1 + gap) / 4, np.float32)}  # the difference that is explained is 1
    found = questions(replace(explained, shap=shap, completeness={"resnet18": gap}))
    assert [each.answer for each in found if each.question == "Do the attributions add up?"] == [answer]


def test_index_links_every_report(explained, tmp_path):
    trust = msgspec.structs.replace(explained.trust, warnings=("a",))
    entries = [
        report.index_entry(replace(explained, case_id="AB1"), Path("AB1/report.html")),
        report.index_entry(replace(explained, trust=trust), Path('a b"<#?/report.html')),
    ]
    page = Page(report.write_index(entries, tmp_path).read_text("utf-8"))
    assert not page.open
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert links == ["AB1/report.html", "a%20b%22%3C%23%3F/report.html"]
    assert "Case AB1" in page.text
    assert page.text.count("do not rely on it") == 1


def test_the_legend_names_the_class_where_there_are_three(tmp_path):
    labels = ("covid", "other pneumonia", "healthy")
    three = write_toy_bundle(tmp_path / "toy", size=64, labels=labels)
    explained = fake(three)
    assert explained.label == explained.prediction.decision.label
    page = Page(written(explained, three, tmp_path))
    assert page.text.count(f"for {explained.label}") >= 3
    assert mapped_label(Bundle(three).manifest.task, "healthy") == "healthy"


def test_only_this_user_may_read_a_report(explained, bundle, tmp_path):
    written(explained, bundle, tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()} == {0o600}


def signs_of(picture):
    """1 where a picture is clearly orange, -1 where it is clearly blue, else 0."""
    difference = picture[..., 2].astype(int) - picture[..., 0]
    return np.where(np.abs(difference) > 20, np.sign(difference), 0)


@pytest.mark.parametrize("answer", ["covid", "non_covid"])
def test_a_colour_means_the_same_in_the_heatmap_and_in_the_report(bundle, answer):
    """Orange is evidence for the positive class in both pictures, whatever the answer is."""
    opened = Bundle(bundle)
    grey = np.full((140, 140), 100, np.uint8)
    with Ensemble.load(bundle, backend="cpu") as ensemble:
        member = ensemble.manifest.members[0]
        head = opened.read_array(member.head)
        features = np.zeros((head.shape[1], 7, 7), np.float32)
        features[:, 5, 1], features[:, 1, 5] = 40 * (head[0] - head[1]), -40 * (head[0] - head[1])
        heatmap = Heatmap(opened, ensemble.precision)
        decision = msgspec.structs.replace(fake(bundle).prediction.decision, label=answer)
        maps = heatmap.maps({member.id: features}, heatmap.label(decision))
    bedside = np.empty((*grey.shape, 3), np.uint8)
    overlay(grey, maps.ensemble, maps.limit, line=0, out=bedside)
    label = mapped_label(opened.manifest.task, answer)
    values = contrast_map(features, head, opened.manifest.task.labels.index(label))
    address = map_picture(grey, values, maps.limit, "map", longest=140, line=0).address
    in_report = cv2.imdecode(np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8), cv2.IMREAD_COLOR)
    assert (signs_of(bedside) * signs_of(in_report) >= 0).all()  # one of them is pale where its scale is wider
    assert (signs_of(bedside)[110, 30], signs_of(bedside)[30, 110]) == (1, -1)
    assert signs_of(in_report)[110, 30] == 1  # evidence for the positive class
    assert signs_of(in_report)[30, 110] == -1


def crowded(explained):
    """With as much to say as there is to expect."""
    trust = msgspec.structs.replace(explained.trust, warnings=("Something that takes a whole line to be told of.",) * 2)
    decision = msgspec.structs.replace(explained.prediction.decision, flags=(Flag("a", "a reason"), Flag("b", "more")))
    other = {label: 1 - p for label, p in decision.probabilities.items()}
    hashes = {f"original network{n} sha256": "ab" * 32 for n in range(5)}
    versions = {f"package {n}": "1.2.3" for n in range(10)}
    texts = {"settings": "regions 32, permutations 12, " * 4, "command": "edge-run explain " + "argument " * 12}
    prediction = msgspec.structs.replace(explained.prediction, decision=decision)
    return replace(explained, trust=trust, originals=other, provenance=hashes | versions | texts, prediction=prediction)


@browser
def test_renders_and_prints_on_two_pages(explained, bundle, tmp_path):
    written(crowded(explained), bundle, tmp_path)
    unfolded = (tmp_path / "report.html").read_text("utf-8").replace("<details>", "<details open>")
    (tmp_path / "unfolded.html").write_text(unfolded, "utf-8")
    photograph(tmp_path / "unfolded.html", tmp_path / "page.png")
    seen = cv2.imread(str(tmp_path / "page.png"))
    assert seen.shape[1] == 1080
    assert seen.shape[0] > 1800
    assert all(part.std() > 20 for part in np.array_split(seen[:2000], 4))  # nowhere blank
    saturated = np.ptp(seen.astype(int), axis=2) > 60
    assert saturated[400:1000, 560:].mean() > 0.01  # the ensemble's map has its colours
    run(
        "--no-pdf-header-footer",
        f"--print-to-pdf={tmp_path / 'page.pdf'}",
        (tmp_path / "report.html").as_uri(),
        at=tmp_path,
    )
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "page.pdf").read_bytes())) <= 2


def test_the_bounds_in_the_documentation_are_those_of_the_code():
    text = (Path(__file__).parents[2] / "docs" / "explanations.md").read_text()
    assert f'rank correlation up to {RANDOMISATION / 2}; "partly" up to {RANDOMISATION}' in text
    assert f"at most {OUTSIDE_BODY:.0%}".replace("%", " %") in text
    assert f'"nearly" from {COSINE}' in text


def photograph(page: Path, picture: Path) -> None:
    """The page at 1080 pixels, without the empty paper below."""
    size = ("--hide-scrollbars", "--window-size=1080,4000")
    run(*size, f"--screenshot={picture.resolve()}", page.resolve().as_uri(), at=picture)
    seen = cv2.imread(str(picture))
    written = np.nonzero((seen != seen[-1, 0]).any(axis=(1, 2)))[0]
    cv2.imwrite(str(picture), seen[: written[-1] + 30] if len(written) else seen[:1])


def run(*arguments: str, at: Path) -> None:
    home = at.with_name(f"{at.name}.browser")
    given = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={home}"]
    try:
        subprocess.run([BROWSER, *given, *arguments], capture_output=True, check=True, timeout=120)
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    photograph(Path(sys.argv[1]), Path(sys.argv[2]))
