"""A node's configuration: what it takes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_run.errors import UsageError
from edge_run.node.parsing import destination_of, peer_of
from edge_run.node.settings import ANYBODY_HERE, Peer, Settings, checked, read_settings

ROOT = Path(__file__).parents[3]


def write(folder: Path, text: str) -> Path:
    path = folder / "node.toml"
    path.write_text(text)
    return path


def test_example_of_the_documents_is_read(tmp_path: Path):
    text = (ROOT / "docs" / "node.md").read_text().split("```toml\n")[1].split("```")[0]
    settings = read_settings(write(tmp_path, text))
    assert settings.peers
    assert settings.destinations


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "unknown field `prot`"),
        ("port = 70000", "70000 is no port"),
        ('ae_title = "FAR TOO LONG A TITLE"', "is no AE title"),
        ("host = '0.0.0.0'", "anybody who reaches 0.0.0.0 could send"),
        ('[[peers]]\nname = "a"\nae_title = "A"\naddresses = []', "needs ae_title and addresses"),
        ('[[peers]]\nname = "a"\nae_title = "A"\naddresses = ["nowhere"]', "peer a"),
        ('[[destinations]]\nname = "a"\nae_title = "A"', "needs either url, or ae_title, host and port"),
        ('[[destinations]]\nname = "a"\nurl = "ftp://x"', "no http or https address"),
        ('[[destinations]]\nname = "a"\nurl = "http://x"\nverify = "commitment"', "over DICOM"),
        ('also = ["XY"]', "XY is not known"),
        ("port = ", "no configuration"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text, message):
    with pytest.raises(UsageError) as error:
        read_settings(write(tmp_path, text))
    assert message in str(error.value)


def test_missing_file_is_a_usage_error(tmp_path: Path):
    with pytest.raises(UsageError, match="does not exist"):
        read_settings(tmp_path / "none.toml")


def test_senders_and_archives_as_options():
    assert peer_of("ct=SCANNER 1@10.0.0.1,10.1.0.0/16") == Peer("ct", "SCANNER 1", ("10.0.0.1", "10.1.0.0/16"))
    assert peer_of("SCANNER@10.0.0.1").name == "scanner"
    pacs = destination_of("pacs=PACS@archive.local:104")
    assert (pacs.name, pacs.ae_title, pacs.host, pacs.port) == ("pacs", "PACS", "archive.local", 104)
    assert destination_of("PACS@[::1]:104").host == "::1"
    assert destination_of("web=https://pacs/dicom-web").verify == "qido"
    for wrong in ("PACS", "PACS@host", "@host:1", ""):
        with pytest.raises(UsageError):
            destination_of(wrong)
    with pytest.raises(UsageError):
        peer_of("SCANNER")


def test_without_peers_this_machine_alone_may_send():
    assert checked(Settings()) == Settings()
    assert ANYBODY_HERE.allows("127.0.0.1")
    assert ANYBODY_HERE.allows("::ffff:127.0.0.1")
    assert not ANYBODY_HERE.allows("10.0.0.1")
