from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import toy
from edge_run.errors import UsageError
from edge_run.serve import tokens as module
from edge_run.serve.tokens import Tokens

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "tokens.json"


def test_secret_opens_and_is_not_stored(path: Path) -> None:
    tokens = Tokens(path)
    secret = tokens.add("pacs", ["answer"])
    found = tokens.check(secret)
    assert found is not None
    assert found.name == "pacs"
    assert found.allows("answer")
    assert not found.allows("review")
    assert secret not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert tokens.check(secret + "x") is tokens.check("") is None


def test_admin_may_do_all(path: Path) -> None:
    tokens = Tokens(path)
    found = tokens.check(tokens.add("boss", ["admin"]))
    assert found is not None
    assert all(found.allows(scope) for scope in module.SCOPES)


def test_expired_token_opens_nothing(path: Path) -> None:
    tokens = Tokens(path)
    assert tokens.check(tokens.add("old", ["answer"], "2020-01-01T00:00:00.000Z")) is None
    assert tokens.check(tokens.add("new", ["answer"], "2999-01-01T00:00:00.000Z")) is not None


def test_revoked_token_is_refused_by_a_server_that_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.0)
    secret = Tokens(path).add("pacs", ["answer"])
    running = Tokens(path)
    assert running.check(secret) is not None
    Tokens(path).revoke("pacs")
    assert running.check(secret) is None


def test_file_that_became_unreadable_opens_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.0)
    running = Tokens(path)
    secret = running.add("pacs", ["answer"])
    path.write_text("{")
    assert running.check(secret) is None
    with pytest.raises(UsageError, match="no file of tokens"):
        Tokens(path)


def test_all_hashes_are_compared_in_constant_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(path)
    first = tokens.add("first", ["answer"])
    tokens.add("second", ["answer"])
    compare, compared = module.hmac.compare_digest, []

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return compare(one, other)

    monkeypatch.setattr(module.hmac, "compare_digest", counted)
    assert tokens.check(first) is not None
    assert len(compared) == 2


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_names_that_are_refused(path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="a name has"):
        Tokens(path).add(name, ["answer"])


def test_commands(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    added = toy.edge_run(capsys, "tokens", "add", "pacs", "--scope", "answer", "--scope", "review", "--tokens", path)
    assert added.code == 0
    found = Tokens(path).check(added.out.strip())
    assert found is not None
    assert found.scopes == ("answer", "review")
    listed = toy.edge_run(capsys, "tokens", "list", "--json", "--tokens", path)
    assert [(one["name"], one["expired"]) for one in json.loads(listed.out)] == [("pacs", False)]
    assert "pacs  answer review" in toy.edge_run(capsys, "tokens", "list", "--tokens", path).out
    assert toy.edge_run(capsys, "tokens", "revoke", "pacs", "--tokens", path).code == 0
    assert "there are no tokens" in toy.edge_run(capsys, "tokens", "list", "--tokens", path).err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "a", "--scope", "everything"), "is not a scope"),
        (("add", "a", "--scope", "answer", "--expires", "soon"), "no number of days"),
        (("revoke", "nobody"), "there is no token"),
    ],
)
def test_commands_that_are_refused(
    capsys: pytest.CaptureFixture[str], path: Path, arguments: tuple[str, ...], message: str
) -> None:
    answered = toy.edge_run(capsys, "tokens", *arguments, "--tokens", path)
    assert answered.code == 2
    assert message in answered.err
    assert "hint:" in answered.err
