"""Bodies as they go out: JSON, text, forms, multipart, bytes, XML, GraphQL. Pure; what they send is the same on every attempt."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal
from xml.sax.saxutils import escape, quoteattr

from chalicelib.actions.http.fields import encode_pairs, invalid, scalar_text

FORM = "application/x-www-form-urlencoded"
BodyType = Literal["auto", "json", "form", "multipart", "text", "binary", "xml", "graphql"]
_XML_NAME = re.compile(r"[A-Za-z_][\w.\-]*(?::[A-Za-z_][\w.\-]*)?")
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_MAX_DEPTH = 100


def content_type_of(headers: Mapping[str, str]) -> str | None:
    """The content type that is set already."""
    return next((value for name, value in headers.items() if name.lower() == "content-type"), None)


def request_body(body: Any, headers: dict[str, str], kind: BodyType = "auto") -> bytes | None:
    """The bytes to send; adds the content type to `headers` when they have none. `auto`: a string as it is, anything else as JSON, or as what the header
    content-type names (a form, multipart).

    Raises ActionError `invalid_config`.
    """
    if body is None:
        return None
    return _ENCODERS[kind](body, headers)


def _auto(body: Any, headers: dict[str, str]) -> bytes:
    media_type = (content_type_of(headers) or "").partition(";")[0].strip().lower()
    if isinstance(body, str):
        return _text(body, headers)
    if media_type == FORM:
        return _form(body, headers)
    if media_type == "multipart/form-data":
        return _multipart(body, headers)
    return _json(body, headers)


def _default_type(headers: dict[str, str], content_type: str) -> None:
    if content_type_of(headers) is None:
        headers["Content-Type"] = content_type


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise invalid("the body holds a lone surrogate, which no text can hold") from None


def _text(body: Any, headers: dict[str, str]) -> bytes:
    _default_type(headers, "text/plain; charset=utf-8")
    return _encoded(scalar_text(body, "body"))


def _json(body: Any, headers: dict[str, str]) -> bytes:
    _default_type(headers, "application/json")
    if isinstance(body, str):
        import json

        return json.dumps(body).encode("ascii")
    return scalar_text(body, "body").encode("ascii")


def _form(body: Any, headers: dict[str, str]) -> bytes:
    if isinstance(body, str):
        _default_type(headers, FORM)
        return _encoded(body)
    if not isinstance(body, Mapping):
        raise invalid(f"a form body must be an object or a string, this one is a {type(body).__name__}")
    _default_type(headers, FORM)
    return encode_pairs(body, "body", form=True).encode("ascii")


def from_base64(text: Any, field: str) -> bytes:
    """Bytes given as base64. Raises ActionError `invalid_config`."""
    if not isinstance(text, str):
        raise invalid(f"{field} must be base64 text")
    try:
        return base64.b64decode(text, altchars=b"-_" if "-" in text or "_" in text else None, validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"{field} is not base64") from None


def _binary(body: Any, headers: dict[str, str]) -> bytes:
    if isinstance(body, Mapping):
        if set(body) - {"base64", "content_type"} or "base64" not in body:
            raise invalid("a binary body is base64 text, or an object {base64, content_type}, as http.request gives binary answers")
        _default_type(headers, _line(body.get("content_type") or "application/octet-stream", "body/content_type"))
        return from_base64(body["base64"], "body/base64")
    _default_type(headers, "application/octet-stream")
    return from_base64(body, "body")


def _line(text: Any, field: str) -> str:
    if not isinstance(text, str) or not text.isprintable() or not text.isascii():
        raise invalid(f"{field} must be plain ASCII text on one line")
    return text


def _multipart(body: Any, headers: dict[str, str]) -> bytes:
    """multipart/form-data: scalars as fields, {filename?, content_type?, base64 or text} as files, lists repeat their name."""
    if not isinstance(body, Mapping):
        raise invalid(f"a multipart body must be an object of fields, this one is a {type(body).__name__}")
    parts = [_part(name, item) for name, value in body.items() for item in (value if isinstance(value, list) else [value]) if item is not None]
    digest = hashlib.sha256(b"".join(head + data for head, data in parts)).hexdigest()
    boundary = f"millrace-{digest[:32]}"  # of the content, so that every attempt sends the same bytes
    for name in [name for name in headers if name.lower() == "content-type"]:
        del headers[name]
    headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
    pieces = [b"--" + boundary.encode() + b"\r\n" + head + b"\r\n" + data + b"\r\n" for head, data in parts]
    return b"".join(pieces) + b"--" + boundary.encode() + b"--\r\n"


def _part(name: str, value: Any) -> tuple[bytes, bytes]:
    """One part: its headers, each ending its line, and its bytes."""
    field = f"body/{name}"
    disposition = f'Content-Disposition: form-data; name="{_quoted(name, field)}"'
    if not isinstance(value, Mapping):
        return _encoded(disposition + "\r\n"), _encoded(scalar_text(value, field))
    if set(value) - {"filename", "content_type", "base64", "text"} or ("base64" in value) == ("text" in value):
        raise invalid(f"{field} must be a scalar, or a file: {{filename, content_type, base64}} or {{filename, content_type, text}}")
    data = from_base64(value["base64"], f"{field}/base64") if "base64" in value else _encoded(scalar_text(value["text"], f"{field}/text"))
    filename = _quoted(str(value.get("filename") or "file"), f"{field}/filename")
    content_type = _line(value.get("content_type") or ("application/octet-stream" if "base64" in value else "text/plain; charset=utf-8"), field)
    return _encoded(f'{disposition}; filename="{filename}"\r\nContent-Type: {content_type}\r\n'), data


def _quoted(text: str, field: str) -> str:
    """As browsers write names into Content-Disposition."""
    if any(ord(char) < 32 and char not in "\r\n" for char in text):
        raise invalid(f"{field} has a control character in its name")
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _xml(body: Any, headers: dict[str, str]) -> bytes:
    _default_type(headers, "application/xml; charset=utf-8")
    if isinstance(body, str):
        return _encoded(body)
    if not isinstance(body, Mapping) or len(body) != 1:
        raise invalid("an XML body is text, or an object with one member, the root element")
    ((name, value),) = body.items()
    if isinstance(value, list):
        raise invalid("an XML document has one root element, not a list of them")
    return _encoded('<?xml version="1.0" encoding="UTF-8"?>\n' + _element(name, value, 0))


def _element(name: str, value: Any, depth: int) -> str:
    """`@name` members are attributes, `#text` is the text beside them, lists repeat their element."""
    if depth > _MAX_DEPTH:
        raise invalid(f"the XML body nests deeper than {_MAX_DEPTH} elements")
    _xml_name(name)
    if isinstance(value, list):
        return "".join(_element(name, item, depth) for item in value)
    if value is None:
        return f"<{name}/>"
    if not isinstance(value, Mapping):
        return f"<{name}>{_xml_text(value)}</{name}>"
    attributes = "".join(f" {_xml_name(key[1:])}={quoteattr(_checked_xml(scalar_text(item, key)))}" for key, item in value.items() if key.startswith("@"))
    inner = _xml_text(value["#text"]) if value.get("#text") is not None else ""
    inner += "".join(_element(key, item, depth + 1) for key, item in value.items() if not key.startswith("@") and key != "#text")
    return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes}/>"


def _xml_name(name: str) -> str:
    if _XML_NAME.fullmatch(name) is None:
        raise invalid(f"{name[:60]!r} is no name for an XML element or attribute")
    return name


def _xml_text(value: Any) -> str:
    return escape(_checked_xml(scalar_text(value, "body")))


def _checked_xml(text: str) -> str:
    if _NOT_XML.search(text):
        raise invalid("the body holds a control character, which XML cannot hold")
    return text


def _graphql(body: Any, headers: dict[str, str]) -> bytes:
    said = {"query": body} if isinstance(body, str) else body
    if not isinstance(said, Mapping) or not isinstance(said.get("query"), str) or set(said) - {"query", "variables", "operationName", "extensions"}:
        raise invalid("a GraphQL body is the query as text, or {query, variables, operationName}")
    headers.setdefault("Accept", "application/graphql-response+json, application/json;q=0.9")
    return _json({name: value for name, value in said.items() if value is not None}, headers)


_ENCODERS: dict[str, Callable[[Any, dict[str, str]], bytes]] = {
    "auto": _auto,
    "json": _json,
    "form": _form,
    "multipart": _multipart,
    "text": _text,
    "binary": _binary,
    "xml": _xml,
    "graphql": _graphql,
}
