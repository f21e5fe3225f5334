from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

if TYPE_CHECKING:
    from serving import Served


@pytest.fixture(scope="module")
def document(server: Served) -> dict[str, Any]:
    found: dict[str, Any] = server.client.get("/v1/openapi.json").json()
    return found


def check(document: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def of(document: dict[str, Any], path: str, method: str, status: int) -> dict[str, Any]:
    response = document["paths"][path][method]["responses"][str(status)]
    schema: dict[str, Any] = response["content"]["application/json"]["schema"]
    return schema


def test_document_is_valid(document: dict[str, Any]) -> None:
    validator = pytest.importorskip("openapi_spec_validator", reason="needs openapi-spec-validator")
    validator.validate(document)


def test_document_names_every_route(server: Served, document: dict[str, Any]) -> None:
    from edge_run.serve.v1 import V1
    from edge_run.serve.v1_cases import V1Cases

    routes = [*V1(server.service).routes(), *V1Cases(server.service, server.log).routes()]
    served = {(route.path, method.lower()) for route in routes for method in route.methods - {"HEAD"}}  # type: ignore[attr-defined]
    described = {
        (path, method) for path, methods in document["paths"].items() for method in methods if method != "parameters"
    }
    assert served - {("/v1/openapi.json", "get")} == described


def test_answers_are_as_described(server: Served, document: dict[str, Any], png: bytes) -> None:
    client = server.client
    answer = client.post("/v1/scans?heatmap=1", content=png)
    check(document, of(document, "/v1/scans", "post", 200), answer.json())
    form = client.post("/v1/scans", files=[("a", ("a.png", png)), ("b", ("b.png", b"no scan"))])
    check(document, of(document, "/v1/scans", "post", 200), form.json())
    check(document, of(document, "/v1/scans", "post", 422), client.post("/v1/scans", content=b"x").json())
    case = answer.json()["case"]
    noted = client.post(f"/v1/cases/{case}/notes", json={"remark": "seen"})
    check(document, of(document, "/v1/cases/{case}/notes", "post", 201), noted.json())
    check(document, of(document, "/v1/cases/{case}", "get", 200), client.get(f"/v1/cases/{case}").json())
    check(document, of(document, "/v1/cases/{case}", "get", 404), client.get("/v1/cases/zz").json())
    check(document, of(document, "/v1/cases", "get", 200), client.get("/v1/cases").json())
    check(document, of(document, "/v1/bundle", "get", 200), client.get("/v1/bundle").json())
    check(document, of(document, "/v1/ready", "get", 200), client.get("/v1/ready").json())


def test_record_has_no_field_that_is_not_described(server: Served, document: dict[str, Any], png: bytes) -> None:
    schemas = document["components"]["schemas"]
    record = server.client.post("/v1/scans?heatmap=1", content=png).json()
    assert set(record) == set(schemas["Answer"]["properties"])
    case = server.client.get(f"/v1/cases/{record['case']}").json()
    assert set(case) - {"kind", "request"} == set(schemas["Case"]["properties"])
