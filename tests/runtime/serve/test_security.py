from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import toy
from edge_run.errors import UsageError
from edge_run.serve.hosts import Hosts, is_loopback, require_safe
from edge_run.serve.security import HEADERS
from edge_run.serve.tokens import Tokens
from serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Served


@pytest.mark.parametrize("path", ["/v1/bundle", "/nowhere", "/v2", "/v1/scans"])
def test_every_response_carries_the_headers(server: Served, path: str) -> None:
    found = server.client.get(path).headers
    assert {name: found[name] for name in HEADERS} == HEADERS
    assert "server" not in found
    assert "access-control-allow-origin" not in found


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil", "", "[::1", "localhost:x"]
)
def test_foreign_host_is_refused(server: Served, host: str) -> None:
    refused = server.client.get("/v1/bundle", headers={"Host": host})
    assert refused.status_code == 421
    assert "--allow-host" in refused.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:8080", "LOCALHOST"])
def test_own_host_is_answered(server: Served, host: str) -> None:
    assert server.client.get("/v1/bundle", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_page_of_another_site_may_not_ask(server: Served, png: bytes, headers: dict[str, str]) -> None:
    assert server.client.post("/v1/scans", content=png, headers=headers).status_code == 403
    # Reading is kept from it by the browser, since no response allows it.
    assert server.client.get("/v1/bundle", headers=headers).status_code == 200


def test_own_origin_may_ask(server: Served, png: bytes) -> None:
    headers = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert server.client.post("/v1/scans", content=png, headers=headers).status_code == 200


def test_names_and_addresses() -> None:
    assert Hosts("10.0.0.1", ["Box.ward"]).allow("box.ward:8443")
    # An address cannot be rebound.
    assert Hosts("0.0.0.0").allow("192.168.1.9")
    assert not Hosts("127.0.0.1").allow("192.168.1.9")
    assert not Hosts("0.0.0.0").allow("evil.example")
    assert is_loopback("127.8.8.8")
    assert is_loopback("::1")
    assert not is_loopback("localhost.evil.example")


@pytest.mark.parametrize(
    ("host", "tls", "tokens", "message"),
    [
        ("0.0.0.0", False, True, "no TLS"),
        ("::", True, False, "no tokens"),
        ("box.ward", False, False, "no TLS"),
        ("", False, False, "no TLS"),
    ],
)
def test_address_that_others_reach_needs_tls_and_tokens(host: str, tls: bool, tokens: bool, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        require_safe(host, tls=tls, tokens=tokens)
    assert "127.0.0.1" in refused.value.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_needs_neither(host: str) -> None:
    require_safe(host, tls=False, tokens=False)
    require_safe("0.0.0.0", tls=True, tokens=True)


# Tokens


SECRETS = {"asks": ["answer"], "reviews": ["review"], "measures": ["metrics"], "boss": ["admin"]}


@pytest.fixture(scope="module")
def guarded(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("guarded")
    tokens = Tokens(folder / "tokens.json")
    secrets = {name: tokens.add(name, scopes) for name, scopes in SECRETS.items()}  # type: ignore[arg-type]
    secrets["old"] = tokens.add("old", ["admin"], "2020-01-01T00:00:00.000Z")
    with served(bundle, folder / "cases.sqlite", tokens) as running:
        yield running, secrets


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/scans", {"asks", "boss"}),
        ("GET", "/v1/cases", {"reviews", "boss"}),
        ("GET", "/v1/cases/zzz", {"reviews", "boss"}),
        ("GET", "/v1/cases/zzz/heatmap.png", {"reviews", "boss"}),
        ("POST", "/v1/cases/zzz/notes", {"reviews", "boss"}),
        ("GET", "/v1/bundle", {"asks", "reviews", "measures", "boss"}),
        ("GET", "/v2", {"asks", "reviews", "measures", "boss"}),
        ("POST", "/v2/models/toys/infer", {"asks", "boss"}),
    ],
)
def test_each_token_may_do_what_its_scopes_say(
    guarded: tuple[Served, dict[str, str]], method: str, path: str, allowed: set[str]
) -> None:
    server, secrets = guarded
    for name, secret in secrets.items():
        status = server.client.request(method, path, headers={"Authorization": f"Bearer {secret}"}).status_code
        expected = 401 if name == "old" else 403
        assert (status == expected) == (name not in allowed), name
    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {secrets['boss']}"}):
        refused = server.client.request(method, path, headers=header)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")


def test_supervisors_need_no_token(guarded: tuple[Served, dict[str, str]]) -> None:
    server, _ = guarded
    paths = ("/v1/ready", "/v2/health/live", "/v2/health/ready", "/v1/openapi.json")
    assert [server.client.get(path).status_code for path in paths] == [200] * 4


# The command


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--host", "0.0.0.0"), "no TLS"),
        (("--host", "0.0.0.0", "--behind-proxy", "127.0.0.1"), "no tokens"),
        (("--tls-cert", "c.pem"), "a certificate and its key"),
        (("--tokens", "missing.json"), "no token that is valid"),
        (("--no-case-log", "--keep-images"), "contradicts"),
        (("--tls-cert", "no.pem", "--tls-key", "no.pem"), "there is no file no.pem"),
        (("--tls-cert", "bad.pem", "--tls-key", "bad.pem"), "TLS cannot be set up"),
    ],
)
def test_options_that_are_refused(
    capsys: pytest.CaptureFixture[str], bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pem").write_text("no certificate")
    answered = toy.edge_run(capsys, "serve", "--port", "0", "--bundle", bundle, *options)
    assert answered.code == 2
    assert message in answered.err
    assert "hint:" in answered.err
