"""The description of ``/v1`` as an OpenAPI 3.1 document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge_run._version import __version__
from edge_run.voting.prediction import Flag, MemberVote, SkippedBackend

if TYPE_CHECKING:
    from edge_run.bundle.manifest import Manifest

    Schema = dict[str, Any]

_REF = "#/components/schemas/"
_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "number"}
_NUMBERS: dict[str, Any] = {"type": "object", "additionalProperties": _NUMBER}
_STATUS = {
    400: "The request is not as described here.",
    401: "A token is missing, unknown or expired.",
    403: "The token may not do this, or another site's page asks.",
    404: "There is no such case, or its scan was not kept.",
    408: "The body arrives too slowly.",
    409: "Another bundle answered the case.",
    413: "The body is too large.",
    415: "The body is compressed.",
    422: "The body is no scan that edge-run reads, or the key came with another scan before.",
    429: "All slots are taken and the queue is full; Retry-After says when to ask again.",
    503: "The answer could not be computed or logged.",
}


def document(manifest: Manifest) -> Schema:
    """Describe the interface to a server that answers with this bundle."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "edge-run",
            "version": __version__,
            "summary": f"Answers scans with the bundle {manifest.name}.",
            "description": manifest.card.intended_use,
        },
        "paths": _paths(),
        "components": {
            "schemas": _schemas(manifest),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        # Where the server was started without tokens, it asks for none.
        "security": [{}, {"token": []}],
    }


def _paths() -> Schema:
    case = {"name": "case", "in": "path", "required": True, "schema": _TEXT, "description": "Id of a case."}
    return {
        "/v1/scans": {"post": _scans()},
        "/v1/cases": {"get": _cases()},
        "/v1/cases/{case}": {
            "get": _operation("getCase", "Return one case with its notes.", _json("Case"), 401, 403, 404),
            "parameters": [case],
        },
        "/v1/cases/{case}/heatmap.png": {
            "get": _operation(
                "getHeatmap", "Draw the heatmap of a case whose scan was kept.",
                {"image/png": {}}, 401, 403, 404, 409, 429, 503,
            ),
            "parameters": [case],
        },
        "/v1/cases/{case}/notes": {
            "post": {
                **_operation("addNote", "Add a note to a case.", _json("Case"), 400, 401, 403, 404, 413, done=201),
                "requestBody": {"required": True, "content": _json("Note")},
            },
            "parameters": [case],
        },
        "/v1/bundle": {"get": _operation("getBundle", "Describe the bundle that answers.", _json("Bundle"), 401)},
        "/v1/ready": {"get": _ready()},
    }  # fmt: skip


def _scans() -> Schema:
    answers = {"oneOf": [_ref("Answer"), {"type": "array", "items": {"oneOf": [_ref("Answer"), _ref("Failure")]}}]}
    described = _operation(
        "answerScan",
        "Answer a scan: the body is the file, and the answer one record. "
        "Or answer the files of a form: the answer is then a list, as edge-run predict --json writes it.",
        {"application/json": {"schema": answers}},
        400, 401, 403, 408, 413, 415, 422, 429, 503,
    )  # fmt: skip
    key = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "minLength": 1, "maxLength": 255}}
    form = {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}
    return {
        **described,
        "parameters": [
            _switch("heatmap", "Bring the picture of the heatmap, as a data URL."),
            _switch("early_exit", "Let members answer stage by stage, or not; else as the server was started."),
            {**key, "description": "The same key and scan get the same answer, and one case."},
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {},
                "image/png": {},
                "image/jpeg": {},
                "image/tiff": {},
                "application/dicom": {},
                "multipart/form-data": {"schema": form},
            },
        },
    }


def _cases() -> Schema:
    described = _operation("listCases", "List cases, the newest first.", _json("Cases"), 400, 401, 403, 404)
    return {
        **described,
        "parameters": [
            _switch("flagged", "Only cases with a flag."),
            _query("before", _TEXT, "Only cases before this one: the next page."),
            _query("after", _TEXT, "Only cases after this one, the oldest of them first: what is new."),
            _query("limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 20}, "At most so many."),
        ],
    }


def _ready() -> Schema:
    described = _operation("isReady", "Tell whether scans are answered now.", _json("Ready"))
    described["responses"]["503"] = {"description": "They are not, and why.", "content": _json("Ready")}
    return {**described, "security": [{}]}


def _operation(name: str, summary: str, content: Schema, *errors: int, done: int = 200) -> Schema:
    responses: Schema = {str(done): {"description": "It is done.", "content": content}}
    for status in errors:
        responses[str(status)] = {"description": _STATUS[status], "content": _json("Error")}
    return {"operationId": name, "summary": summary, "responses": responses}


def _schemas(manifest: Manifest) -> Schema:
    _, shared = msgspec.json.schema_components([MemberVote, Flag, SkippedBackend], ref_template=_REF + "{name}")
    label = {"enum": list(manifest.task.labels)}
    note = {"utc": _TEXT, "label": {"type": ["string", "null"]}, "remark": _TEXT}
    answered = _answered(label)
    case = {
        **answered, "id": _TEXT, "utc": _TEXT, "seq": {"type": "integer"}, "hash": _TEXT,
        "kept_image": {"type": ["string", "null"]}, "notes": {"type": "array", "items": _object(note)},
        # A case may be of another bundle than the one that answers now.
        "label": _TEXT,
    }  # fmt: skip
    record = {**answered, "path": _TEXT, "case": {"type": ["string", "null"]}, "left_out": _list(_TEXT)}
    given = {"label": {"type": ["string", "null"]}, "remark": {"type": "string", "maxLength": 2000}}
    return {
        **shared,
        "Answer": {**_object(record), "properties": {**record, "heatmap": {"type": "string", "format": "uri"}}},
        "Failure": _object({"path": _TEXT, "error": _ref("Trouble")}),
        "Case": _object(case),
        "Cases": _object({"cases": _list(_ref("Case")), "next": {"type": ["string", "null"]}}),
        "Note": {"type": "object", "properties": given, "additionalProperties": False},
        "Bundle": {"type": "object", "required": ["name", "sha256", "labels", "members", "intended_use"]},
        "Ready": _object({"ready": {"type": "boolean"}, "reasons": _list(_TEXT)}),
        "Error": _object({"error": _ref("Trouble")}),
        "Trouble": _object({"kind": _TEXT, "message": _TEXT, "hint": _TEXT}),
    }


def _answered(label: Schema) -> Schema:
    """Describe what an answer and a case both say."""
    return {
        "label": label,
        "probability": _NUMBER,
        "probabilities": _NUMBERS,
        "interval": {"oneOf": [{"type": "null"}, {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}]},
        "flags": _list(_ref("Flag")),
        "members": _list(_ref("MemberVote")),
        "measures": _NUMBERS,
        "bundle": _TEXT,
        "bundle_sha256": _TEXT,
        "bundle_parent_sha256": {"type": ["string", "null"]},
        "precision": _TEXT,
        "backend": _TEXT,
        "skipped_backends": _list(_ref("SkippedBackend")),
        "version": _TEXT,
        "scan_sha256": _TEXT,
        "steps": _list(_TEXT),
        "timing_ms": _NUMBERS,
    }


def _object(properties: Schema) -> Schema:
    return {"type": "object", "required": sorted(properties), "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": _REF + name}


def _json(name: str) -> Schema:
    return {"application/json": {"schema": _ref(name)}}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _switch(name: str, description: str) -> Schema:
    return _query(name, {"enum": ["1", "0", "true", "false", "yes", "no"]}, description)
