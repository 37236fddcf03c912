"""Discord's own REST specification, where it is at hand, as a check of what crosses the wire."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from sandbox.wire import Request

ROOT = Path(__file__).parents[2].parent / "shared" / "discord"


@cache
def load() -> Specification:
    return Specification(json.loads((ROOT / "openapi.json").read_text()))


class Specification:
    """Finds the operation of a request and checks both bodies against it."""

    def __init__(self, document: dict[str, Any]) -> None:
        _loosen(document)
        schemas = document["components"]["schemas"]
        # Forwards are documented, but missing from the specification's list of references.
        schemas["MessageReferenceType"]["oneOf"].append({"const": 1})
        # Discord takes numbers here too, and discord.py sends them.
        rights = schemas["ApplicationCommandUpdateRequest"]["properties"]
        rights["default_member_permissions"]["type"].append("integer")
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry = Registry().with_resource("urn:discord", resource)
        self._document = document
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path)
            for path in sorted(document["paths"], key=lambda path: path.count("{"))
        ]

    def faults_of(self, request: Request) -> list[str]:
        """What is wrong with a request and its answer; nothing, if all is well."""
        found = self._find(request)
        head = f"{request.method} {request.path}"
        if found is None:
            return [f"{head}: not in the specification"]
        path, operation = found
        faults = []
        if request.body is not None and "requestBody" in operation:
            kinds = operation["requestBody"]["content"]
            kind = next(kind for kind in kinds if kind in _JSON_OR_FORM)
            faults += self._check(request.body, path, request.method, "requestBody", kind)
        status = str(request.status)
        answers = operation["responses"]
        if status.startswith("4"):
            schema = "RatelimitedResponse" if status == "429" else "ErrorResponse"
            faults += self._against(f"components/schemas/{schema}", request.answer)
        elif status not in answers:
            faults.append(f"answered {status}, not one of {', '.join(answers)}")
        elif "content" in answers[status]:
            place = f"responses/{status}"
            faults += self._check(request.answer, path, request.method, place, "application/json")
        elif request.answer is not None:
            faults.append(f"answered {status} with a body")
        return [f"{head}: {fault}" for fault in faults]

    def _find(self, request: Request) -> tuple[str, dict[str, Any]] | None:
        for pattern, path in self._paths:
            operations = self._document["paths"][path]
            if pattern.fullmatch(request.path) and request.method.lower() in operations:
                return path, operations[request.method.lower()]
        return None

    def _check(self, body: Any, path: str, method: str, place: str, kind: str) -> list[str]:
        pointer = "/".join(
            part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
            for part in ("paths", path, method.lower())
        )
        kind = kind.replace("/", "~1")
        return self._against(f"{pointer}/{place}/content/{kind}/schema", body)

    def _against(self, pointer: str, body: Any) -> list[str]:
        validator = Draft202012Validator(
            {"$ref": f"urn:discord#/{pointer}"}, registry=self._registry
        )
        return [_told(error) for error in validator.iter_errors(body)]


_JSON_OR_FORM = ("application/json", "multipart/form-data")


def _told(error: Any) -> str:
    where = "/".join(map(str, error.absolute_path)) or "(body)"
    text = f"{where}: {error.message[:200]}"
    if error.context:
        # Of the alternatives, tell the one that was meant: whose "type" fits, then the closest.
        branches: dict[Any, list[Any]] = {}
        for inner in error.context:
            branches.setdefault(inner.schema_path[0], []).append(inner)
        meant = min(
            branches.values(),
            key=lambda found: (any(e.validator in ("enum", "const") for e in found), len(found)),
        )
        text = f"{where}: " + "; ".join(_told(inner) for inner in meant)
    return text


def _loosen(schema: Any) -> None:
    """Take whole numbers for snowflakes, and whole numbers in strings for integers."""
    if isinstance(schema, list):
        for part in schema:
            _loosen(part)
        return
    if not isinstance(schema, dict):
        return
    for part in schema.values():
        _loosen(part)
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if schema.get("format") == "snowflake" and isinstance(kinds, list):
        schema["type"] = [*kinds, "integer"]
    elif isinstance(kinds, list) and "integer" in kinds and schema.get("format") != "int64":
        # An int64 is one of two ways to write a nonce, of which a string is the other.
        schema["type"] = [*kinds, "string"]
