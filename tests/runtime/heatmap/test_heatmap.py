"""The bedside's heatmap: exact, legible, and nowhere but where it should be."""

from __future__ import annotations

import errno
import stat

import cv2
import numpy as np
import pytest

from edge_run import Bundle, Ensemble
from edge_run.errors import BundleError, UsageError
from edge_run.heatmap import Heatmap, lettering, overlay, picture_path, scale_limit, write_picture
from edge_run.heatmap.overlay import AGAINST, FOR
from edge_run.heatmap.picture import LARGEST, PAPER, _grid
from edge_run.scan.preprocessing import preprocess
from toy import npy, replace_file, scan, write_toy_bundle

SHA = "ab" * 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_toy_bundle(tmp_path_factory.mktemp("heatmap") / "toy", size=64)


@pytest.fixture(scope="module")
def answered(folder):
    """Decision, features by network and logits by network of one scan."""
    pixels = scan(3, (90, 120))
    with Ensemble.load(folder, backend="cpu", precision="int8-cpu", threads=1) as ensemble:
        batch = preprocess(pixels, ensemble.manifest.preprocess)
        outputs = dict(zip([m.id for m in ensemble.manifest.members], ensemble.outputs(batch), strict=True))
        decision = ensemble.vote(batch, [pixels])[0].decision
    return (
        pixels,
        decision,
        {a: o.features[0] for a, o in outputs.items()},
        {a: o.logits[0] for a, o in outputs.items()},
    )


@pytest.fixture
def heatmap(folder):
    return Heatmap(Bundle(folder), "int8-cpu")


def drawn(values, grey=None, limit=1.0, line=0):
    grey = np.full((64, 64), 100, np.uint8) if grey is None else grey
    out = np.zeros((*grey.shape, 3), np.uint8)
    overlay(grey, np.asarray(values, np.float32), limit, line=line, out=out)
    return out.astype(int)


def test_map_of_a_member_averages_to_its_calibrated_log_odds(heatmap, answered):
    _, decision, features, logits = answered
    maps = heatmap.maps(features, "covid")
    for vote in decision.members:
        p = vote.probabilities
        assert maps.members[vote.id].mean() == pytest.approx(np.log(p["covid"] / p["non_covid"]), abs=1e-5)
        assert maps.members[vote.id].mean() == pytest.approx((logits[vote.id][0] - logits[vote.id][1]) / 2, abs=1e-5)


def test_map_of_the_ensemble_is_the_votes_mean(heatmap, answered):
    maps = heatmap.maps(answered[2], "covid")
    wanted = sum(vote.weight * maps.members[vote.id] for vote in answered[1].members)
    np.testing.assert_allclose(maps.ensemble, wanted, atol=1e-6)
    assert np.abs(maps.ensemble).max() <= maps.limit


def test_members_that_did_not_answer_have_no_map_and_no_say(heatmap, answered):
    features = {arch: answered[2][arch] for arch in ("resnet18", "resnet50")}
    maps = heatmap.maps(features, "covid")
    assert list(maps.members) == ["resnet18", "resnet50"]
    np.testing.assert_allclose(
        maps.ensemble, (0.4 * maps.members["resnet18"] + 0.2 * maps.members["resnet50"]) / 0.6, atol=1e-6
    )


def test_two_classes_mirror_each_other(heatmap, answered):
    one, other = (heatmap.maps(answered[2], label) for label in ("covid", "non_covid"))
    np.testing.assert_allclose(one.ensemble, -other.ensemble, atol=1e-6)
    assert heatmap.label(answered[1]) == "covid"


def test_finds_what_decides(folder):
    """A square that lights up one feature is where the map of the class that the feature speaks for is strongest."""
    features = np.zeros((8, 7, 7), np.float32)
    features[2, 5, 1] = 3.0
    heatmap = Heatmap(Bundle(folder), "fp32")
    head = np.zeros((2, 8), np.float32)
    head[0, 2] = 1.0
    heatmap._heads["resnet18"] = head
    maps = heatmap.maps({"resnet18": features}, "covid")
    assert np.unravel_index(maps.ensemble.argmax(), (7, 7)) == (5, 1)
    colours = drawn(maps.ensemble, np.full((140, 140), 100, np.uint8), maps.limit)
    y, x = np.unravel_index((colours[..., 2] - colours[..., 0]).argmax(), (140, 140))
    assert (y // 20, x // 20) == (5, 1)


def test_a_head_of_another_network_is_refused(tmp_path, answered):
    other = write_toy_bundle(tmp_path / "other", size=64)
    replace_file(other, "models/resnet18.head.npy", npy(np.zeros((3, 8), np.float32)))
    with pytest.raises(BundleError, match="resnet18"):
        Heatmap(Bundle(other), "fp32")
    replace_file(other, "models/resnet18.head.npy", npy(np.zeros((2, 9), np.float32)))
    with pytest.raises(BundleError, match="resnet18"):
        Heatmap(Bundle(other), "fp32").maps(answered[2], "covid")


ENDS = [((0.1, 0.1), 2), ((2, 2), 2), ((2.1, 2.1), 3), ((7, 7), 8), ((1, 40), 5), ((95, 95), 100)]


@pytest.mark.parametrize(("peaks", "end"), ENDS)
def test_scale_ends_at_a_round_number_that_the_vote_stays_within(peaks, end):
    members = [np.array([[peak, -peak / 2]], np.float32) for peak in peaks]
    assert scale_limit(members, [0.9, 0.1]) == end


def test_colours_have_a_sign_and_nothing_is_no_colour():
    grey = np.full((64, 64), 100, np.uint8)
    assert (drawn(np.zeros((7, 7))) == 100).all()
    for sign, colour in ((1, FOR), (-1, AGAINST)):
        half, full = (drawn(np.full((7, 7), sign * value), grey)[32, 32] for value in (0.5, 1.0))
        towards = np.sign(np.array(colour) - 100)
        assert (np.sign(full - 100) == towards).all()
        assert (np.abs(full - 100) > np.abs(half - 100)).all()
    # The scan shows through, however strong the evidence.
    assert drawn(np.ones((7, 7)), np.full((9, 9), 200, np.uint8))[0, 0].sum() > drawn(np.ones((7, 7)))[0, 0].sum()


def test_beyond_the_scale_is_its_end():
    values = np.zeros((7, 7), np.float32)
    values[3, 3] = 50
    grey = np.full((63, 63), 100, np.uint8)  # a pixel lies at the middle of a place
    assert (drawn(values, grey)[31, 31] == drawn(np.ones((7, 7)), grey)[31, 31]).all()


def test_lines_are_whole_for_and_dashed_against_and_not_on_the_border():
    values = np.zeros((7, 7), np.float32)
    values[3, 3], values[:, 0] = 2, 2
    lines = [((drawn(sign * values, line=1) == colour).all(axis=2)) for sign, colour in ((1, FOR), (-1, AGAINST))]
    assert lines[0].sum() > 1.3 * lines[1].sum() > 0
    assert not lines[0][:, 0].any()


@pytest.mark.parametrize("shape", [(90, 120), (700, 500), (1, 1), (3, 2000), (2000, 3)])
def test_scan_is_drawn_at_its_own_size_and_aspect(heatmap, answered, shape):
    pixels = scan(1, shape)
    image = heatmap.draw(pixels, heatmap.maps(answered[2], "covid"), answered[1])
    assert image.dtype == np.uint8
    times = max(1, round(384 / max(shape)))
    wanted = np.repeat(np.repeat(pixels, times, 0), times, 1)
    left, (height, width) = _grid(wanted.shape[1]).gap, wanted.shape
    found = [
        y
        for y in range(len(image) - height)
        if (image[y, left, 0] == wanted[0, 0])
        and (image[y : y + height, left : left + width] == wanted[..., None]).all()
    ]
    assert found


def test_a_larger_scan_than_any_screen_is_bounded(heatmap, answered):
    image = heatmap.draw(np.zeros((20, 3 * LARGEST), np.uint8), heatmap.maps(answered[2], "covid"), answered[1])
    assert 2 * LARGEST < image.shape[1] < 2.5 * LARGEST
    assert image.shape[0] < LARGEST


def test_early_exit_is_said_in_the_picture(heatmap, answered):
    import msgspec

    pixels, decision, features, _ = answered
    early = msgspec.structs.replace(decision, members=decision.members[:1], interval=(0.6, 0.9))
    every = heatmap.draw(pixels, heatmap.maps(features, "covid"), decision)
    some = heatmap.draw(pixels, heatmap.maps({"resnet18": features["resnet18"]}, "covid"), early)
    assert some.shape[0] > every.shape[0]  # a line more
    from edge_run.heatmap.wording import headline, member_caption, vote_caption

    assert vote_caption(heatmap.maps({"resnet18": features["resnet18"]}, "covid"), heatmap.manifest) == (
        "heatmap of the vote (1 of 4 members)"
    )

    lines = [line.text for line in headline(early, heatmap.manifest)]
    assert lines[0] == f"{early.label}  between 60.0% and 90.0%"
    assert any("1 of 4 members answered" in line for line in lines)
    assert member_caption(heatmap.manifest.members[2], early, "covid").startswith("did not answer")


@pytest.mark.parametrize("typeface", ["FontFace", "strokes"])
def test_letters_fit_in_either_opencv(typeface, monkeypatch):
    if typeface == "strokes":
        monkeypatch.delattr(cv2, "FontFace", raising=False)
        # OpenCV 5 draws Hershey's names with its own typeface, whose sizes differ by little.
    elif not hasattr(cv2, "FontFace"):
        pytest.skip("OpenCV 4")
    text = "covid 93.4 % of (gy) " * 3
    image = np.full((60, 900, 3), PAPER, np.uint8)
    lettering.write(image, text, 20, 35, 14, (0, 0, 0))
    ink = np.nonzero((image < 128).any(axis=(0, 2)))[0]
    assert ink[0] >= 19
    assert abs(ink[-1] - 20 - lettering.width(text, 14)) <= 14
    assert lettering.width(lettering.fit(text, 14, 100), 14) <= 100
    assert all(lettering.width(line, 14) <= 200 for line in lettering.wrap(text + "x" * 200, 14, 200))


def test_text_of_others_is_drawn_as_far_as_it_can_be():
    assert lettering.plain("a\nb\u202e\udcffc\x00") == "a?b??c?"
    assert len(lettering.plain("x" * 10**6)) == 400


def test_names_stay_in_the_folder_and_apart(tmp_path):
    names = [
        "a/scan.png",
        "b/scan.png",
        "../../etc/passwd",
        "-",
        "",
        "x" * 5000,
        "ct\n.png",
        "C:\\d\\scan.png",
        "\udcff",
        "..",
        "é中.png",
    ]
    paths = [picture_path(tmp_path, name, SHA) for name in names]
    assert len(set(paths)) == len(names)
    assert all(path.parent == tmp_path for path in paths)
    assert all(len(path.name.encode()) < 200 and path.name.endswith(".heatmap.png") for path in paths)
    assert paths[0].name.startswith("scan-")
    assert picture_path(tmp_path, "a/scan.png", SHA) == paths[0] != picture_path(tmp_path, "a/scan.png", "cd" * 32)


def test_pictures_are_written_whole_and_over_links(tmp_path):
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    outside = tmp_path / "outside"
    outside.write_text("mine")
    path = tmp_path / "out" / "deep" / "a.png"
    write_picture(path, image)
    path.unlink()
    path.symlink_to(outside)
    write_picture(path, image)
    assert outside.read_text() == "mine"
    assert (cv2.imread(str(path)) == image).all()
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]
    assert stat.S_ISREG(path.lstat().st_mode)


def test_a_folder_that_cannot_be_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_picture(tmp_path / "file" / "a.png", np.zeros((2, 2, 3), np.uint8))


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError, match="No space left on device") as caught:
        write_picture(tmp_path / "out" / "a.png", np.zeros((2, 2, 3), np.uint8))
    assert "make room" in caught.value.hint
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_only_this_user_may_see_a_picture(tmp_path):
    write_picture(tmp_path / "out" / "a.png", np.zeros((2, 2, 3), np.uint8))
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "out" / "a.png").stat().st_mode & 0o777 == 0o600
