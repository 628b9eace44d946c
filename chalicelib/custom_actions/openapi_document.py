"""An OpenAPI 3 document as actions, one for each operation. Pure.

Parameters and the body become the fields of the node's config, security schemes a credential field, the answer's schema the output's. What cannot be expressed is
left out and said.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from chalicelib.core.errors import ValidationFailed
from chalicelib.definitions.reserved import RESERVED_WORDS
from chalicelib.definitions.schemas import find_schema_issues
from chalicelib.registry.references import CREDENTIAL, KINDS

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
MAX_OPERATIONS = 1_000
MAX_SCHEMAS = 300
# The palette is one answer with all types in it: a schema larger than this keeps its fields and leaves their values to the API.
MAX_CONFIG_BYTES = 16_000
MAX_OUTPUT_BYTES = 8_000
_BODY_TYPES = {
    "application/json": "json",
    "application/x-www-form-urlencoded": "form",
    "multipart/form-data": "multipart",
    "application/octet-stream": "binary",
    "application/xml": "xml",
    "text/xml": "xml",
    "text/plain": "text",
}
_COMPONENT = re.compile(r"#/components/schemas/([^/]+)\Z")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_DROPPED = ("discriminator", "xml", "externalDocs", "example", "nullable", "readOnly", "$schema", "$id", "$anchor", "$dynamicAnchor", "$dynamicRef")
# OpenAPI's formats that mean something else here.
_FORMATS = {"cel", "literal", CREDENTIAL}


@dataclass(frozen=True, slots=True)
class Made:
    """An operation as an action's document, or why it is none."""

    operation: str
    document: dict[str, Any] | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to import: the first part of all types, the server when the document's does not do, and the one credential to use for all."""

    prefix: str | None = None
    server: str | None = None
    credential: str | None = None


def import_operations(document: Any, wishes: Wishes) -> list[Made]:
    """Every operation of a document. Raises ValidationFailed when it is no OpenAPI 3 document."""
    root = _root(document)
    info = root.get("info")
    title = info.get("title") if isinstance(info, Mapping) else None
    prefix = wishes.prefix or _slug(str(title or "api"))[:31].strip("_") or "api"
    if not prefix[0].isalpha():
        prefix = f"api_{prefix}"[:31]
    made: list[Made] = []
    taken: set[str] = set()
    for path, method, operation, shared in _operations(root):
        name = f"{method.upper()} {path}"
        if len(made) >= MAX_OPERATIONS:
            break
        try:
            action = _Operation(root, path, method, operation, shared, wishes).document(prefix)
        except _Cannot as error:
            made.append(Made(name, None, str(error)))
            continue
        action["type"] = _free(action["type"], taken)
        made.append(Made(name, action))
    return made


class _Cannot(Exception):
    """Why an operation is left out."""


def _root(document: Any) -> Mapping[str, Any]:
    version = document.get("openapi") if isinstance(document, Mapping) else None
    if not isinstance(version, str) or not version.startswith("3."):
        hint = "; convert it to OpenAPI 3 first" if isinstance(document, Mapping) and "swagger" in document else ""
        message = f"this is no OpenAPI 3 document (it has no `openapi: 3.x`){hint}"
        raise ValidationFailed([{"path": "/document", "code": "not_openapi", "message": message}])
    if not isinstance(document.get("paths"), Mapping):
        raise ValidationFailed([{"path": "/document/paths", "code": "missing", "message": "the document has no paths"}])
    found: Mapping[str, Any] = document
    return found


def _operations(root: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], list[Any]]]:
    for path, item in root["paths"].items():
        entry = _resolved(root, item)
        if not isinstance(entry, Mapping):
            continue
        shared = entry.get("parameters") if isinstance(entry.get("parameters"), list) else []
        for method in METHODS:
            if isinstance(entry.get(method), Mapping):
                yield str(path), method, entry[method], list(shared or [])


def _resolved(root: Mapping[str, Any], value: Any, depth: int = 0) -> Any:
    """A value, or what its `$ref` within the document leads to; None when that is nowhere."""
    if not isinstance(value, Mapping) or not isinstance(value.get("$ref"), str):
        return value
    reference = value["$ref"]
    if depth > 20 or not reference.startswith("#/"):
        return None
    found: Any = root
    for token in reference[2:].split("/"):
        token = token.replace("~1", "/").replace("~0", "~")
        found = found.get(token) if isinstance(found, Mapping) else None
    return _resolved(root, found, depth + 1)


def _slug(text: str) -> str:
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def _free(type: str, taken: set[str]) -> str:
    name, number = type, 2
    while name in taken:
        name, number = f"{type}_{number}", number + 1
    taken.add(name)
    return name


class _Schemas:
    """Schemas of the document as they stand in a config's schema: references become `#/$defs/…`, and what they lead to comes along."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        components = root.get("components")
        found = components.get("schemas") if isinstance(components, Mapping) else None
        self._known = found if isinstance(found, Mapping) else {}
        self._root = root
        self.defs: dict[str, Any] = {}

    def of(self, schema: Any, depth: int = 0) -> Any:
        """The schema, rewritten. What cannot be kept is `{}`: anything goes, and the API itself says."""
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping) or depth > 60:
            return {}
        if isinstance(schema.get("$ref"), str):
            return self._reference(schema["$ref"])
        made = {name: self._member(name, value, depth) for name, value in schema.items() if name not in _DROPPED and not name.startswith("x-")}
        _as_2020(schema, made)
        if made.get("format") in _FORMATS:
            del made["format"]
        return made

    def _member(self, name: str, value: Any, depth: int) -> Any:
        if name in ("properties", "patternProperties", "$defs", "dependentSchemas") and isinstance(value, Mapping):
            return {key: self.of(inner, depth + 1) for key, inner in value.items()}
        if name in ("allOf", "anyOf", "oneOf", "prefixItems") and isinstance(value, list):
            return [self.of(inner, depth + 1) for inner in value]
        if name in ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"):
            return self.of(value, depth + 1)
        return copy.deepcopy(value)

    def _reference(self, reference: str) -> Any:
        match = _COMPONENT.match(reference)
        if match is None:
            return self.of(_resolved(self._root, {"$ref": reference}), 30)
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", match[1].replace("~1", "/").replace("~0", "~"))
        if name not in self.defs:
            if len(self.defs) >= MAX_SCHEMAS:
                return {}
            self.defs[name] = {}
            self.defs[name] = self.of(self._known.get(match[1].replace("~1", "/").replace("~0", "~"), {}))
        return {"$ref": f"#/$defs/{name}"}


def _as_2020(schema: Mapping[str, Any], made: dict[str, Any]) -> None:
    """OpenAPI 3.0's own words, said as JSON Schema 2020-12 says them."""
    if schema.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    for name, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(name), bool):
            del made[name]
            if schema[name] and plain in made:
                made[name] = made.pop(plain)


class _Operation:
    def __init__(
        self, root: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any], shared: list[Any], wishes: Wishes
    ) -> None:
        self._root, self._path, self._method, self._operation, self._wishes = root, path, method, operation, wishes
        self._shared = shared
        self._schemas = _Schemas(root)
        self._properties: dict[str, Any] = {}
        self._required: list[str] = []
        self._http: dict[str, Any] = {"method": method.upper(), "url": self._url()}

    def document(self, prefix: str) -> dict[str, Any]:
        """The action's document. Raises _Cannot."""
        for parameter in self._parameters():
            self._add_parameter(parameter)
        self._add_body()
        self._add_credential()
        operation = self._operation
        own = operation.get("operationId") if isinstance(operation.get("operationId"), str) else None
        title = operation.get("summary") if isinstance(operation.get("summary"), str) else None
        name = _slug(own or f"{self._method} {self._path}")[:61].strip("_") or "call"
        described = operation.get("description") if isinstance(operation.get("description"), str) else ""
        return {
            "type": f"{prefix}.{name}",
            "title": (title or own or f"{self._method.upper()} {self._path}")[:200],
            "description": (title or described or "")[:2_000],
            "documentation": (described or "")[:20_000],
            "config_schema": self._config_schema(),
            "output_schema": self._output_schema(),
            "http": self._http,
        }

    def _url(self) -> str:
        servers = self._operation.get("servers") or self._root.get("servers") or []
        first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], Mapping) else {}
        server = self._wishes.server or str(first.get("url") or "")
        variables = first.get("variables")
        if isinstance(variables, Mapping) and not self._wishes.server:
            for name, variable in variables.items():
                server = server.replace("{" + str(name) + "}", str(variable.get("default", "")) if isinstance(variable, Mapping) else "")
        if not re.match(r"https?://", server):
            raise _Cannot("the document names no server with http:// or https://; give `server`")
        return urljoin(server.rstrip("/") + "/", self._path.lstrip("/"))

    def _parameters(self) -> list[Mapping[str, Any]]:
        own = self._operation.get("parameters")
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for each in [*self._shared, *(own if isinstance(own, list) else [])]:
            parameter = _resolved(self._root, each)
            if isinstance(parameter, Mapping) and isinstance(parameter.get("name"), str):
                found[(parameter["name"], str(parameter.get("in")))] = parameter
        return list(found.values())

    def _add_parameter(self, parameter: Mapping[str, Any]) -> None:
        name, place = parameter["name"], parameter.get("in")
        if place == "cookie" or (place == "header" and name.lower() in ("accept", "content-type", "authorization")):
            return
        if place not in ("path", "query", "header"):
            raise _Cannot(f"the parameter {name!r} is in {place!r}")
        schema = parameter.get("schema")
        if schema is None and isinstance(parameter.get("content"), Mapping) and parameter["content"]:
            schema = next(iter(parameter["content"].values())).get("schema")
        field = self._field(name, place, self._schemas.of(schema or {}), parameter.get("description"), bool(parameter.get("required")) or place == "path")
        where = {"path": "path", "query": "query", "header": "headers"}[place]
        self._http.setdefault(where, {})[name] = _value_of(field)

    def _field(self, name: str, place: str, schema: Any, description: Any, required: bool) -> str:
        """Add a field to the config and return its name there."""
        field = name if name not in self._properties and name != "body" else f"{place}_{name}"
        described = {"description": description[:1_000]} if isinstance(description, str) and description else {}
        self._properties[field] = {**described, **schema} if isinstance(schema, dict) else schema
        if required:
            self._required.append(field)
        return field

    def _add_body(self) -> None:
        body = _resolved(self._root, self._operation.get("requestBody"))
        if not isinstance(body, Mapping):
            return
        content = body.get("content")
        if not isinstance(content, Mapping) or not content:
            return
        media = next((name for name in content if _body_type(name)), None)
        if media is None:
            raise _Cannot(f"the body is {', '.join(map(str, content))}, which cannot be sent")
        entry = content[media] if isinstance(content[media], Mapping) else {}
        self._properties["body"] = self._schemas.of(entry.get("schema") or {})
        if body.get("required"):
            self._required.append("body")
        kind = _body_type(media)
        self._http |= {"body": _value_of("body"), "body_type": kind}
        if kind == "json" and media != "application/json":
            self._http.setdefault("headers", {})["Content-Type"] = media

    def _add_credential(self) -> None:
        """One credential for whatever the document's security asks for; its type decides how it goes out."""
        if self._wishes.credential is not None:
            self._http["auth"] = {"credential": self._wishes.credential}
            return
        security = self._operation.get("security", self._root.get("security"))
        if not isinstance(security, list) or not any(isinstance(each, Mapping) and each for each in security):
            return
        names = sorted({str(name) for each in security if isinstance(each, Mapping) for name in each})
        description = f"The credential to call the API with ({', '.join(names)})."
        self._properties["credential"] = {"type": "string", "format": CREDENTIAL, KINDS: ["http"], "description": description}
        if all(isinstance(each, Mapping) and each for each in security):
            self._required.append("credential")
            self._http["auth"] = {"credential": "{{ input.credential }}"}
        else:
            self._http["auth"] = "{{ has(input.credential) ? dyn({'credential': input.credential}) : null }}"

    def _config_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object", "properties": self._properties, "additionalProperties": False}
        if self._required:
            schema["required"] = sorted(set(self._required))
        if self._schemas.defs:
            schema["$defs"] = self._schemas.defs
        if find_schema_issues(schema, "") or len(json.dumps(schema)) > MAX_CONFIG_BYTES:
            # Too large, or beyond repair: keep the fields, and let the API itself judge their values.
            plain = {name: _plainly(inner) for name, inner in self._properties.items()}
            schema = {**{key: value for key, value in schema.items() if key != "$defs"}, "properties": plain}
        return schema

    def _output_schema(self) -> dict[str, Any]:
        schemas = _Schemas(self._root)
        body: Any = {}
        responses = self._operation.get("responses")
        for status, each in responses.items() if isinstance(responses, Mapping) else ():
            response = _resolved(self._root, each)
            content = response.get("content") if isinstance(response, Mapping) else None
            if str(status).startswith("2") and isinstance(content, Mapping):
                media = next((name for name in content if _body_type(name) == "json"), None)
                if media is not None and isinstance(content[media], Mapping):
                    body = schemas.of(content[media].get("schema") or {})
                    break
        properties = {"status": {"type": "integer"}, "headers": {"type": "object"}, "body": body}
        schema = {"type": "object", "properties": properties, **({"$defs": schemas.defs} if schemas.defs else {})}
        if find_schema_issues(schema, "") or len(json.dumps(schema)) > MAX_OUTPUT_BYTES:
            return {"type": "object", "properties": {**properties, "body": {}}}
        return schema


def _body_type(media: str) -> str | None:
    plain = str(media).partition(";")[0].strip().lower()
    return "json" if plain.endswith("+json") else _BODY_TYPES.get(plain)


def _value_of(field: str) -> str:
    """The template for a field of the config: null when it is not given, which leaves it out."""
    if _PLAIN.match(field) and field not in RESERVED_WORDS:
        return "{{ has(input.%s) ? input.%s : null }}" % (field, field)  # noqa: UP031 - braces of CEL and of format would be hard to tell apart
    literal = json.dumps(field)
    return "{{ %s in input ? input[%s] : null }}" % (literal, literal)  # noqa: UP031


def _plainly(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        return {}
    return {name: schema[name] for name in ("type", "description", "format", KINDS) if name in schema}
