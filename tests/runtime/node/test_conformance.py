"""The conformance statement is current, complete, and what the node negotiates row by row."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom")

from answers import PROOF, answer, ct_series, radiograph
from edge_run.node.conformance import statement
from edge_run.node.conformance.attributes import COMMON, OBJECTS
from edge_run.node.outbox import Sending
from edge_run.node.results import ResultOptions, result_objects
from edge_run.node.results.sources import INHERITED
from edge_run.node.settings import Destination, Settings
from edge_run.node.storing import send
from node_peers import dcmtk, slices, write
from toy import edge_run

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
ALL = ResultOptions(image_library=True, key_objects=True, presentation_state=True, parametric_map=True)
LITTLE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
UID = re.compile(r"\d+(\.\d+){5,}")


def rows(heading):
    """The rows of a section of the page that name a UID, as lists of cells."""
    section = PAGE.read_text().split(f"{heading}\n", 1)[1].split("\n### ")[0].split("\n## ")[0]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return [row for row in found if any(UID.fullmatch(cell) for cell in row)]


def uid_of(row):
    return next(cell for cell in row if UID.fullmatch(cell))


def accepted():
    """Abstract syntaxes of images and their transfer syntaxes, as the page lists them."""
    listed = rows("### 3.1 Accepted associations")
    classes = [uid_of(row) for row in listed if "table below" in row]
    syntaxes = [uid_of(row) for row in listed if row[-1] in ("nothing", "a decoder")]
    return classes, syntaxes


def negotiated(port, contexts, *, title="TESTER", called="EDGE-RUN"):
    """Propose pairs of abstract and transfer syntax, each in a context of its own; which are accepted."""
    from pynetdicom import AE
    from pynetdicom.presentation import build_context

    entity = AE(title)
    entity.requested_contexts = [build_context(*pair) for pair in contexts]
    association = entity.associate("127.0.0.1", port, ae_title=called)
    if not association.is_established:
        return association
    found = [(str(one.abstract_syntax), str(one.transfer_syntax[0])) for one in association.accepted_contexts]
    association.release()
    return found


def test_page_is_what_the_command_writes(capsys):
    if importlib.util.find_spec("gdcm") is None:
        pytest.skip("python-gdcm is not installed: the page lists its transfer syntaxes")
    written = edge_run(capsys, "node", "conformance")
    assert written.code == 0
    assert written.out == PAGE.read_text(), "edge-run node conformance > docs/conformance.md"


def test_statement_follows_the_settings():
    assert "| Associations at once | 3 by default |" in statement(Settings(max_associations=3))


def test_each_context_of_the_page_is_accepted_and_no_other(run_node):
    node = run_node()
    classes, syntaxes = accepted()
    assert (len(classes), len(syntaxes) > 3) == (4, True)
    images = [(one, syntax) for one in classes for syntax in syntaxes]
    assert sorted(negotiated(node.port, images)) == sorted(images)
    echo = [("1.2.840.10008.1.1", syntax) for syntax in LITTLE]
    strange = [
        ("1.2.840.10008.5.1.4.1.1.4", LITTLE[0]),  # MR
        ("1.2.840.10008.5.1.4.1.2.2.1", LITTLE[0]),  # study root find
        (classes[0], "1.2.840.10008.1.2.2"),  # big endian
        (classes[0], "1.2.840.10008.1.2.4.100"),  # MPEG2
    ]
    assert sorted(negotiated(node.port, [*echo, *strange])) == sorted(echo)


def discarded():
    """Keys of the setting ``also`` and the classes that it accepts, as the page lists them."""
    return [
        (row[0], uid_of(row)) for row in rows("### 3.1 Accepted associations") if len(row) == 3 and row[0].isupper()
    ]


def test_other_classes_are_refused_unless_the_setting_names_them(run_node):
    contexts = [(uid, LITTLE[1]) for _, uid in discarded()]
    echo = ("1.2.840.10008.1.1", LITTLE[0])
    assert negotiated(run_node().port, [*contexts, echo]) == [echo]


def test_each_discarded_class_is_accepted_where_the_setting_names_it(run_node):
    listed = discarded()
    assert {key for key, _ in listed} == {"SR", "PR", "SC", "KO", "DX-PROCESSING"}
    contexts = [(uid, LITTLE[1]) for _, uid in listed]
    assert sorted(negotiated(run_node(also=tuple({key for key, _ in listed})).port, contexts)) == sorted(contexts)


@pytest.mark.parametrize(
    ("title", "called", "expected"), [("STRANGER", "EDGE-RUN", (1, 1, 3)), ("TESTER", "OTHER", (1, 1, 7))]
)
def test_rejections_are_those_of_the_page(run_node, title, called, expected):
    association = negotiated(run_node().port, [("1.2.840.10008.1.1", LITTLE[0])], title=title, called=called)
    answered = association.acceptor.primitive
    assert (answered.result, answered.result_source, answered.diagnostic) == expected
    assert f"| {' | '.join(map(str, expected))} | permanent |" in PAGE.read_text()


def test_dcmtk_echoes_and_stores_what_the_page_lists(tmp_path, run_node):
    node = run_node()
    echoed = dcmtk("echoscu", "-aet", "TESTER", "-aec", "EDGE-RUN", "127.0.0.1", node.port)
    assert echoed.returncode == 0
    (file,) = write(slices(1), tmp_path / "ct")
    (other,) = radiograph(tmp_path / "cr")
    for option in ("-xe", "-xi"):
        stored = dcmtk("storescu", option, "-aet", "TESTER", "-aec", "EDGE-RUN", "127.0.0.1", node.port, file, other)
        assert stored.returncode == 0, stored.stderr


def test_each_proposed_context_of_the_page_is_proposed_and_no_other(tmp_path):
    from pynetdicom import AE, build_context, evt

    asked: list[tuple[str, str]] = []

    def note(event):
        asked.extend(
            (str(one.abstract_syntax), str(syntax))
            for one in event.assoc.requestor.requested_contexts
            for syntax in one.transfer_syntax
        )

    listed = [uid_of(row) for row in rows("### 3.2 Proposed associations") if "Explicit VR Little Endian, I" in row[2]]
    archive = AE("ARCHIVE")
    archive.supported_contexts = [build_context(uid) for uid in listed]
    server = archive.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_REQUESTED, note), (evt.EVT_C_STORE, lambda _event: 0)]
    )
    try:
        paths = ct_series(tmp_path / "series")
        batch = []
        for one in result_objects(paths, answer(paths), PROOF, None, ALL):
            path = tmp_path / f"{one.SOPInstanceUID}.dcm"
            one.save_as(path, enforce_file_format=True)
            batch.append(Sending(one.SOPInstanceUID, one.SOPClassUID, path, 0, "queued", None))
        destination = Destination("a", ae_title="ARCHIVE", host="127.0.0.1", port=server.server_address[1])
        outcomes = send(Settings(), destination, batch)
    finally:
        server.shutdown()
    assert {one.outcome.value for one in outcomes.values()} == {"stored"}
    assert sorted(asked) == sorted((uid, syntax) for uid in listed for syntax in LITTLE)


def test_every_attribute_of_every_object_is_on_the_page(tmp_path):
    # Without these two, an image has Laterality instead of a body part, and compression shows.
    paths = ct_series(tmp_path / "series", LossyImageCompression="01", TimezoneOffsetFromUTC="+0000")
    bare = ct_series(tmp_path / "bare", BodyPartExamined=None)
    made = [
        *result_objects(paths, answer(paths, version=2), PROOF, "2.25.1", ALL),
        *result_objects(bare, answer(bare), PROOF, None, ALL),
    ]
    seen: dict[str, set[str]] = {}
    for one in made:
        seen.setdefault(one.SOPClassUID.name, set()).update(element.keyword for element in one)
    assert set(seen) == set(OBJECTS)
    for name, keywords in seen.items():
        assert keywords - set(INHERITED) == set(COMMON) | set(OBJECTS[name]), name


def test_codes_that_need_confirmation_are_marked():
    text = PAGE.read_text()
    assert "| 840539006 | SCT | COVID-19 | SNOMED CT international edition | **to be confirmed** |" in text
    assert text.count("**to be confirmed**") >= 5
