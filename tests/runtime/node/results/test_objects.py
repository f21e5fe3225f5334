"""The objects that answer a series: valid, complete, readable, and the same when made again."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import subprocess
import warnings

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import EnhancedCTImageStorage

from answers import FLAG, PROOF, answer, answers, ct_series, radiograph
from edge_run.errors import InputError
from edge_run.node.results import Finding, ResultOptions, SeriesAnswer, codes, result_objects
from edge_run.node.results.uids import derived_uid
from edge_run.voting.prediction import Flag

ALL = ResultOptions(image_library=True, key_objects=True, presentation_state=True, parametric_map=True)
KINDS = ["present", "absent", "early", "abstains", "partly", "another finding", "failed"]


def tool(name, *arguments):
    """Run a program, or skip where it is not installed."""
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed (Debian: dcmtk, dicom3tools)")
    return subprocess.run([name, *map(str, arguments)], capture_output=True, text=True, check=False)


def saved(dataset, path):
    dataset.save_as(path, enforce_file_format=True)
    return path


def encoded(dataset):
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def items(dataset):
    """All content items of a report, from the top."""
    for item in dataset.get("ContentSequence", []):
        yield item
        yield from items(item)


def said(report):
    """Name and value of each content item, as text."""
    found = []
    for item in items(report):
        name = item.ConceptNameCodeSequence[0].CodeMeaning if item.get("ConceptNameCodeSequence") else ""
        value = item.get("TextValue") or item.get("UID")
        if item.ValueType == "CODE":
            value = item.ConceptCodeSequence[0].CodeMeaning
        elif item.ValueType == "NUM":
            value = item.MeasuredValueSequence[0].FloatingPointValue
        found.append((name, value))
    return found


@pytest.mark.parametrize(
    ("source", "kind"), [*((ct_series, kind) for kind in KINDS), (radiograph, "present"), (radiograph, "failed")]
)
def test_every_object_passes_dciodvfy_and_is_read_by_dcmtk(tmp_path, source, kind):
    paths = source(tmp_path / "series")
    one = answers(paths)[kind]
    objects = result_objects(paths, one, PROOF, "2.25.1" if one.version > 1 else None, ALL)
    expected = 2 if kind == "failed" else 5 if source is ct_series else 4
    assert len(objects) == expected
    for number, made in enumerate(objects):
        path = saved(made, tmp_path / f"{number}.dcm")
        checked = tool("dciodvfy", "-new", path)
        assert not [line for line in (checked.stdout + checked.stderr).splitlines() if line.startswith("Error")]
        as_json = tool("dcm2json", path)
        assert json.loads(as_json.stdout)["00080018"]["Value"] == [made.SOPInstanceUID]
        if made.Modality in ("SR", "KO"):
            dumped = tool("dsrdump", path)
            assert dumped.returncode == 0
            assert not [line for line in dumped.stderr.splitlines() if not line.startswith("W: Check for template")]


def test_report_is_valid_without_the_options_too(tmp_path):
    paths = ct_series(tmp_path / "series")
    report, picture = result_objects(paths, answer(paths), PROOF)
    for made in (report, picture):
        checked = tool("dciodvfy", "-new", saved(made, tmp_path / "one.dcm"))
        assert "Error" not in checked.stdout + checked.stderr


@pytest.mark.parametrize("kind", ["present", "failed"])
def test_objects_made_again_are_the_same_to_the_byte(tmp_path, kind):
    paths = ct_series(tmp_path / "series")
    first, second = (
        [encoded(made) for made in result_objects(order, answers(paths)[kind], PROOF, None, ALL)]
        for order in (paths, paths[::-1])
    )
    assert first == second


def test_another_image_bundle_or_version_makes_other_objects_in_the_same_series(tmp_path):
    paths = ct_series(tmp_path / "series")
    one = answer(paths)
    made = [
        result_objects(paths, one, PROOF)[0],
        result_objects(paths[1:], one, PROOF)[0],
        result_objects(paths, dataclasses.replace(one, version=2), PROOF)[0],
    ]
    assert len({report.SOPInstanceUID for report in made}) == 3
    assert len({report.SeriesInstanceUID for report in made}) == 1
    other = result_objects(paths, one, dataclasses.replace(PROOF, bundle_sha256="d" * 64))[0]
    assert other.SeriesInstanceUID != made[0].SeriesInstanceUID


def test_uids_are_valid_and_depend_on_where_one_part_ends():
    assert derived_uid("ab", "c") != derived_uid("a", "bc")
    assert derived_uid("a") == derived_uid("a")
    assert derived_uid("a").startswith("2.25.")
    assert len(derived_uid("a")) <= 64


def test_patient_and_study_are_those_of_the_source_to_the_letter(tmp_path):
    with warnings.catch_warnings():
        # pydicom warns of what some scanners write.
        warnings.simplefilter("ignore")
        odd = {
            "PatientName": "Müller^Jürgen",
            "PatientSex": "U",
            "PatientBirthDate": "0000",
            "StudyTime": "9:15",
            "AccessionNumber": "A/77 ",
            "ReferringPhysicianName": "Dr. X",
        }
        paths = ct_series(tmp_path / "series", **odd)
        for made in result_objects(paths, answer(paths), PROOF, None, ALL):
            assert str(made.PatientName) == "Müller^Jürgen"
            assert made.SpecificCharacterSet == "ISO_IR 100"
            assert (made.PatientSex, made.PatientBirthDate, made.StudyTime) == ("U", "0000", "9:15")
            assert (made.AccessionNumber, made.ReferringPhysicianName) == ("A/77", "Dr. X")
            assert made.StudyInstanceUID == result_objects(paths, answer(paths), PROOF)[1].StudyInstanceUID
            encoded(made)


def test_source_without_the_usual_elements_is_answered(tmp_path):
    dropped = dict.fromkeys(
        ("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
         "ReferringPhysicianName", "SeriesNumber", "InstanceNumber", "SpecificCharacterSet", "BodyPartExamined",
         "FrameOfReferenceUID", "ImagePositionPatient", "PixelSpacing", "Modality"),
    )  # fmt: skip
    paths = ct_series(tmp_path / "series", **dropped)
    made = result_objects(paths, answer(paths), PROOF, None, ALL)
    assert {one.Modality for one in made[:2]} == {"SR", "OT"}
    for one in made:
        encoded(one)


def test_report_says_the_finding_its_probability_and_what_it_can_be_checked_against(tmp_path):
    paths = ct_series(tmp_path / "series")
    (report, _) = result_objects(paths, answer(paths, flags=(FLAG,)), PROOF)
    assert (report.CompletionFlag, report.PreliminaryFlag, report.VerificationFlag) == (
        "COMPLETE",
        "PRELIMINARY",
        "UNVERIFIED",
    )
    content = said(report)
    assert ("COVID-19", "Present") in content
    assert ("Probability", 0.9371234567890123) in content
    assert ("Reason to check this answer", codes.FLAGS["doubtful-slices"]) in content
    for text in (f"bundle sha256: {'b' * 64}", "case: 0123456789ab", f"chain head: {'c' * 64}"):
        assert ("Algorithm Parameters", text) in content
    comments = " ".join(value for name, value in content if name == "Comment")
    assert "PRELIMINARY and UNVERIFIED" in comments
    assert PROOF.intended_use in comments
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert len(evidence) == len(paths)


@pytest.mark.parametrize(
    ("kind", "finding", "summary"),
    [
        ("absent", "Absent", "All algorithms succeeded; without findings"),
        ("abstains", "Indeterminate", "Not all algorithms succeeded; without findings"),
        ("partly", "Present", "Not all algorithms succeeded; with findings"),
        ("failed", "Indeterminate", "No algorithms succeeded; without findings"),
    ],
)
def test_negative_abstaining_and_failed_series_are_reported_in_codes(tmp_path, kind, finding, summary):
    paths = ct_series(tmp_path / "series")
    content = said(result_objects(paths, answers(paths)[kind], PROOF)[0])
    assert ("COVID-19", finding) in content
    assert ("CAD Processing and Findings Summary", summary) in content
    assert ("Probability" in [name for name, _ in content]) == (kind != "failed")


def test_bounds_of_an_early_exit_are_the_uncertainty_of_the_probability(tmp_path):
    paths = ct_series(tmp_path / "series")
    content = dict(said(result_objects(paths, answers(paths)["early"], PROOF)[0]))
    probability = content["Probability"]
    assert probability + content["+, range of upper measurement uncertainty"] == pytest.approx(0.97)
    assert probability - content["-, range of lower measurement uncertainty"] == pytest.approx(0.9)


def test_certainty_of_finding_replaces_the_probability_where_asked_for(tmp_path):
    paths = ct_series(tmp_path / "series")
    content = dict(said(result_objects(paths, answer(paths), PROOF, None, ResultOptions(certainty=True))[0]))
    assert content["Certainty of Finding"] == pytest.approx(93.71234567890123)
    assert "Probability" not in content


def test_late_answer_names_the_report_that_it_supersedes(tmp_path):
    paths = ct_series(tmp_path / "series")
    former = result_objects(paths[:2], answer(paths[:2]), PROOF)[0]
    (report, picture) = result_objects(paths, answer(paths, version=2), PROOF, former.SOPInstanceUID)
    named = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert named.SeriesInstanceUID == former.SeriesInstanceUID
    assert named.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == former.SOPInstanceUID
    assert "supersedes" in " ".join(str(value) for _, value in said(report))
    assert report.InstanceNumber > former.InstanceNumber
    assert picture.SOPInstanceUID != former.SOPInstanceUID


def test_picture_shows_slices_and_words_and_refers_to_its_sources(tmp_path):
    paths = ct_series(tmp_path / "series")
    shown = result_objects(paths, answer(paths), PROOF)[1]
    failed = result_objects(paths, SeriesAnswer.failed("covid", "no image could be decoded."), PROOF)[1]
    assert (shown.PhotometricInterpretation, shown.pixel_array.dtype) == ("RGB", np.uint8)
    assert shown.Rows > failed.Rows > 100
    assert len(shown.SourceImageSequence) == 2
    assert "SourceImageSequence" not in failed
    assert shown.BurnedInAnnotation == "NO"
    assert "no image could be decoded" in failed.ImageComments
    assert failed.pixel_array.max() > 200


def test_picture_has_no_text_that_leaves_it(tmp_path):
    paths = ct_series(tmp_path / "series")
    reason = "x" * 3000 + " " + "word " * 500
    made = result_objects(paths, SeriesAnswer.failed("covid", reason), PROOF)[1]
    assert not made.pixel_array[:, :20].any()
    assert not made.pixel_array[:, -20:].any()


def test_times_are_those_of_the_answer_in_the_zone_of_the_source(tmp_path):
    paths = ct_series(tmp_path / "series", TimezoneOffsetFromUTC="+0930")
    for made in result_objects(paths, answer(paths), PROOF, None, ALL):
        assert (made.SeriesDate, made.SeriesTime) == ("20260729", "233001")
        assert made.TimezoneOffsetFromUTC == "+0930"


def test_key_objects_are_the_slices_that_decided(tmp_path):
    paths = ct_series(tmp_path / "series")
    one = answer(paths)
    made = result_objects(paths, one, PROOF, None, ResultOptions(key_objects=True))[2]
    named = {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in items(made) if item.ValueType == "IMAGE"
    }
    assert named == {deciding.instance_uid for deciding in one.deciding}


def test_presentation_state_leaves_the_readers_window_alone(tmp_path):
    paths = ct_series(tmp_path / "series")
    made = result_objects(paths, answer(paths), PROOF, None, ResultOptions(presentation_state=True))[2]
    assert "SoftcopyVOILUTSequence" not in made
    assert (made.RescaleSlope, made.RescaleIntercept) == (1, -1024)
    annotation = made.GraphicAnnotationSequence[0]
    data = np.array(annotation.GraphicObjectSequence[0].GraphicData).reshape(-1, 2)
    assert (data[0] == data[-1]).all()
    assert data.min() >= 0
    assert data.max() <= 48
    assert "unverified" in annotation.TextObjectSequence[0].UnformattedTextValue


def test_parametric_map_has_the_size_of_the_images_and_the_values_of_the_map(tmp_path):
    paths = ct_series(tmp_path / "series")
    made = result_objects(paths, answer(paths), PROOF, None, ResultOptions(parametric_map=True))[2]
    assert (made.Rows, made.Columns, made.NumberOfFrames, made.ContentLabel) == (48, 48, 2, "HEATMAP")
    assert made.pixel_array[0, 0, 0] == pytest.approx(-3, abs=0.3)
    assert made.pixel_array[0, -1, -1] == pytest.approx(3, abs=0.3)


def test_files_that_say_nothing_are_left_out_and_named_as_error_where_there_is_nothing_else(tmp_path):
    paths = ct_series(tmp_path / "series")
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"not DICOM" * 100)
    one = SeriesAnswer.failed("covid", "nothing could be read.")
    assert len(result_objects([broken, *paths, tmp_path / "missing.dcm"], one, PROOF)) == 2
    with pytest.raises(InputError, match="which study"):
        result_objects([broken], one, PROOF)
    with pytest.raises(InputError, match="several series"):
        result_objects([*paths, *ct_series(tmp_path / "other", seed=5)], one, PROOF)


def test_a_slice_of_no_known_image_is_not_referred_to(tmp_path):
    paths = ct_series(tmp_path / "series")
    one = answer(paths)
    stranger = dataclasses.replace(one.deciding[0], instance_uid="1.2.3")
    report, picture = result_objects(paths, dataclasses.replace(one, deciding=(stranger,)), PROOF)
    assert not [item for item in items(report) if item.ValueType == "IMAGE"]
    assert "SourceImageSequence" not in picture


def test_every_code_names_its_source_and_fits_into_its_element():
    table = codes.table()
    assert len({(code.scheme, code.value) for code in table}) == len(table)
    for code in table:
        assert code.source
        assert len(code.meaning) <= codes.MAX_MEANING
        assert code.scheme in ("DCM", "SCT", "LN", "UCUM", codes.PRIVATE_SCHEME)
    assert codes.COVID_19.confirm
    assert not codes.PRESENT.confirm


def test_codes_are_those_of_pydicoms_copy_of_the_standard():
    from pydicom.sr._concepts_dict import concepts

    known = {
        (scheme, value): meaning
        for scheme, names in concepts.items()
        for values in names.values()
        for value, (meaning, _) in values.items()
    }
    for code in codes.table():
        if not code.confirm and code.scheme in ("DCM", "SCT"):
            assert (code.scheme, code.value) in known, code


def test_indeterminate_is_what_no_sound_slice_supports():
    from edge_run.ensemble.series import SeriesPrediction
    from edge_run.node.results import finding_of

    def prediction(label, *flags):
        return SeriesPrediction(label, 0.9, {"covid": 0.9, "non_covid": 0.1}, 5, 0.5, (0, 1, 2), {}, flags)

    assert finding_of(prediction("covid"), "covid", 0) is Finding.PRESENT
    assert finding_of(prediction("non_covid"), "covid", 2) is Finding.ABSENT
    assert finding_of(prediction("covid"), "covid", 3) is Finding.INDETERMINATE
    assert finding_of(prediction("covid", Flag("no-sound-slice", "")), "covid", 0) is Finding.INDETERMINATE


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("GB18030", "Wang^XiaoDong=王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        ("ISO_IR 192", "José^Ω"),
    ],
)
def test_names_in_any_character_set_are_those_of_the_source(tmp_path, character_set, name):
    paths = ct_series(tmp_path / "series", SpecificCharacterSet=character_set, PatientName=name)
    for made in result_objects(paths, answer(paths), PROOF):
        back = dcmread(io.BytesIO(encoded(made)))
        assert str(back.PatientName) == name
        assert back["PatientName"] == dcmread(paths[0])["PatientName"]


def test_frames_of_one_object_are_referred_to_by_number(tmp_path):
    frames = {"SOPClassUID": EnhancedCTImageStorage, "NumberOfFrames": 3}
    paths = ct_series(tmp_path / "series", slices=1, **frames)
    one = answer(paths)
    deciding = tuple(dataclasses.replace(one.deciding[0], frame=frame) for frame in (2, 3))
    options = dataclasses.replace(ALL, image_library=False)
    objects = result_objects(paths, dataclasses.replace(one, deciding=deciding), PROOF, None, options)
    assert [made.Modality for made in objects] == ["SR", "OT", "KO"]
    images = [item for item in items(objects[0]) if item.get("ReferencedSOPSequence")]
    assert [item.ReferencedSOPSequence[0].ReferencedFrameNumber for item in images] == [2, 3]
    assert [item.ReferencedFrameNumber for item in objects[1].SourceImageSequence] == [2, 3]
    assert len([item for item in items(objects[2]) if item.ValueType == "IMAGE"]) == 1
    for number, made in enumerate(objects):
        checked = tool("dciodvfy", "-new", saved(made, tmp_path / f"{number}.dcm"))
        assert "Error" not in checked.stdout + checked.stderr


def test_report_is_read_as_the_template_that_it_names(tmp_path):
    from highdicom.sr import srread

    paths = ct_series(tmp_path / "series")
    report = srread(saved(result_objects(paths, answer(paths), PROOF)[0], tmp_path / "report.dcm"))
    (group,) = report.content.get_image_measurement_groups()
    assert group.finding_type == codes.COVID_19.concept()
    (measured,) = group.get_measurements(name=codes.PROBABILITY.concept())
    assert measured.value == 0.9371234567890123
    assert len(group.source_images) == 2


def test_names_from_a_bundle_fit_into_any_object(tmp_path):
    paths = ct_series(tmp_path / "series", SpecificCharacterSet=None)
    odd = dataclasses.replace(PROOF, bundle="Lunge\\Größe " * 12, intended_use="Nur für Forschung, keine Diagnose")
    one = answer(paths, positive="weiß\\rot" * 20, flags=(Flag("ö" * 90, "größer"),), failure="")
    for number, made in enumerate(result_objects(paths, one, odd, None, ALL)):
        checked = tool("dciodvfy", "-new", saved(made, tmp_path / f"{number}.dcm"))
        assert not [line for line in (checked.stdout + checked.stderr).splitlines() if line.startswith("Error")]
