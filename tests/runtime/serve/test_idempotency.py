from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import toy
from edge_run.cases import CaseLog, cases
from edge_run.serve.tokens import Tokens
from serving import served

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    import pytest

    from serving import Served


def ask(server: Served, png: bytes, key: str, **headers: str) -> httpx.Response:
    return server.client.post("/v1/scans", content=png, headers={"Idempotency-Key": key, **headers})


def count(log: Path) -> int:
    with CaseLog.existing(log) as opened:
        return len(list(cases(opened)))


def test_same_key_and_scan_give_the_same_answer_and_one_case(bundle: Path, png: bytes, tmp_path: Path) -> None:
    log = tmp_path / "cases.sqlite"
    with served(bundle, log) as server:
        first, again = ask(server, png, "a"), ask(server, png, "a")
        other = ask(server, png, "b")
    assert again.json() == first.json()
    assert [one.headers["Idempotent-Replayed"] for one in (first, again, other)] == ["false", "true", "false"]
    assert count(log) == 2


def test_key_is_known_after_a_restart(bundle: Path, png: bytes, tmp_path: Path) -> None:
    log = tmp_path / "cases.sqlite"
    with served(bundle, log) as server:
        first = ask(server, png, "a").json()
        early = server.client.post("/v1/scans?early_exit=1", content=png, headers={"Idempotency-Key": "b"}).json()
    with served(bundle, log) as server:
        assert ask(server, png, "a").json() == first
        assert ask(server, png, "b").json() == early
    assert count(log) == 2


def test_key_with_another_scan_is_refused(bundle: Path, png: bytes, tmp_path: Path) -> None:
    with served(bundle, tmp_path / "cases.sqlite") as server:
        ask(server, png, "a")
        refused = ask(server, toy.png(toy.scan(5)), "a")
    assert refused.status_code == 422
    assert "another scan" in refused.json()["error"]["message"]


def test_keys_of_two_clients_are_two(bundle: Path, png: bytes, tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    secrets = [tokens.add(name, ["answer"]) for name in ("one", "two")]
    with served(bundle, tmp_path / "cases.sqlite", tokens) as server:
        found = [ask(server, png, "a", Authorization=f"Bearer {secret}").json()["case"] for secret in secrets]
    assert len(set(found)) == 2


def test_requests_at_the_same_time_share_one_answer(
    bundle: Path, png: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, go = tmp_path / "cases.sqlite", threading.Event()
    append = CaseLog.append

    def late(*arguments: Any, **options: Any) -> str:
        go.wait(10)
        return append(*arguments, **options)

    with served(bundle, log) as server:
        monkeypatch.setattr(CaseLog, "append", late)
        answers: list[Any] = []
        threads = [threading.Thread(target=lambda: answers.append(ask(server, png, "a"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        go.set()
        for thread in threads:
            thread.join()
    assert len({one.json()["case"] for one in answers}) == 1
    assert sorted(one.headers["Idempotent-Replayed"] for one in answers) == ["false", "true", "true", "true"]
    assert count(log) == 1


def test_failure_is_not_remembered(bundle: Path, tmp_path: Path) -> None:
    with served(bundle, tmp_path / "cases.sqlite") as server:
        assert ask(server, b"no scan", "a").status_code == 422
        assert ask(server, b"no scan", "a").status_code == 422


def test_the_log_holds_no_key(bundle: Path, png: bytes, tmp_path: Path) -> None:
    with served(bundle, tmp_path / "cases.sqlite") as server:
        ask(server, png, "Doe^John")
        with CaseLog.existing(server.log) as log:
            (case,) = cases(log)
    assert "Doe" not in str(case)
    assert len(case["request"]) == 64
