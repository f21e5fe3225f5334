"""Files of one bundle in another: checked, linked where the disk allows, and only those that are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from edge_run.bundle.bundle import Bundle
from edge_run.bundle.writer import BundleWriter
from edge_run.errors import BundleError
from toy import write_toy_bundle, zip_folder


def test_folder_is_linked_and_a_zip_copied(tmp_path):
    folder = write_toy_bundle(tmp_path / "toy", members=1)
    for source, links in ((folder, 2), (zip_folder(folder), 1)):
        bundle = Bundle(source)
        with BundleWriter(tmp_path / f"new-{links}") as writer:
            writer.copy(bundle, bundle.manifest.files)
            writer.finish(bundle.manifest)
        file = tmp_path / f"new-{links}" / bundle.manifest.members[0].head.path
        assert file.stat().st_nlink == links
        assert Bundle(tmp_path / f"new-{links}").manifest == bundle.manifest


def test_only_what_is_asked_for_is_copied_and_what_is_there_stays(tmp_path):
    bundle = Bundle(write_toy_bundle(tmp_path / "toy", members=1))
    head = bundle.manifest.members[0].head
    with BundleWriter(tmp_path / "new") as writer:
        other = writer.add_array(head.path, np.zeros(3))
        writer.copy(bundle, [head, bundle.manifest.reference.image])
        writer.finish(bundle.manifest)
    found = {path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert found == {"bundle.json", head.path, bundle.manifest.reference.image.path}
    assert (tmp_path / "new" / head.path).stat().st_size == other.bytes


def test_damaged_file_is_not_handed_on(tmp_path):
    folder = write_toy_bundle(tmp_path / "toy", members=1)
    bundle = Bundle(folder)
    (folder / bundle.manifest.members[0].head.path).write_bytes(b"x")
    with BundleWriter(tmp_path / "new") as writer, pytest.raises(BundleError, match="is not the file its manifest"):
        writer.copy(bundle, bundle.manifest.files)
    assert not (tmp_path / "new").exists()
