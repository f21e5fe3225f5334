"""Hashes of bytes, parts and files agree."""

import hashlib

from edge_run._files import sha256, sha256_file, sha256_parts


def test_bytes_parts_and_file_agree(tmp_path):
    data = bytes(range(256)) * 8193
    (tmp_path / "file").write_bytes(data)
    expected = hashlib.sha256(data).hexdigest()
    assert [sha256(data), sha256_parts([data[:5], data[5:]]), sha256_file(tmp_path / "file")] == [expected] * 3
