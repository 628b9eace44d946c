"""From the bytes of a request to the value that expressions see as `input`. Pure; what cannot be kept exactly is refused with words."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from chalicelib.core.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from chalicelib.core.jsontext import loads

MAX_BODY_BYTES = 1024 * 1024
MAX_FORM_FIELDS = 10_000
_PARAMETER = re.compile(r';\s*([A-Za-z0-9_*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
_TEXT_CODECS = frozenset(
    {
        "utf-8",
        "ascii",
        "iso8859-1",
        "iso8859-15",
        "cp1252",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-8-sig",
        "shift_jis",
        "gbk",
        "big5",
    }
)


def parse_body(headers: Mapping[str, str], body: bytes) -> Any:
    """JSON parsed, forms an object, `text/*` a string, other types {content_type, base64}, nothing `{}`.

    Raises InvalidJson, BadRequest (`invalid_text`, `invalid_form`), ValidationFailed (too deep, numbers out of range), PayloadTooLarge, UnsupportedMediaType.
    """
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"a trigger takes a body of at most {MAX_BODY_BYTES} bytes", limit_bytes=MAX_BODY_BYTES)
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType(f"compressed bodies ({coding[:40]}) are not accepted; send it plain")
    if not body:
        return {}
    content_type = headers.get("content-type", "").strip()
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return loads(_as_utf8(body, content_type))
    if media_type == "application/x-www-form-urlencoded":
        return _collect(_url_encoded(body))
    if media_type == "multipart/form-data":
        return _collect(_multipart(body, _parameters(content_type).get("boundary", "")))
    if media_type.startswith("text/"):
        return _decode(body, content_type)
    return {"content_type": content_type or "application/octet-stream", "base64": base64.b64encode(body).decode("ascii")}


def _parameters(content_type: str) -> dict[str, str]:
    found = {}
    for name, quoted, bare in _PARAMETER.findall(content_type):
        found[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted else bare
    return found


def _codec(content_type: str) -> str:
    charset = _parameters(content_type).get("charset", "utf-8") or "utf-8"
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        name = ""
    if name not in _TEXT_CODECS:
        raise UnsupportedMediaType(f"the charset {charset[:40]!r} is not known here; send UTF-8")
    return name


def _decode(body: bytes, content_type: str) -> str:
    codec = _codec(content_type)
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not {codec} text (byte {error.start})", code="invalid_text") from None


def _as_utf8(body: bytes, content_type: str) -> bytes | str:
    return body if "charset" not in content_type.lower() or _codec(content_type) == "utf-8" else _decode(body, content_type)


def _collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the fields; a name that comes more than once becomes a list, in order."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _url_encoded(body: bytes) -> list[tuple[str, Any]]:
    try:
        text = body.decode("ascii") if body.isascii() else body.decode("utf-8")
        return [
            (name, value)
            for name, value in parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
        ]
    except UnicodeDecodeError:
        raise BadRequest("the form holds bytes that are not UTF-8 text", code="invalid_form") from None
    except ValueError:
        raise BadRequest(f"the form has more than {MAX_FORM_FIELDS} fields", code="invalid_form") from None


def _multipart(body: bytes, boundary: str) -> list[tuple[str, Any]]:
    if not 1 <= len(boundary) <= 200:
        raise BadRequest("a multipart form needs a boundary in its content type", code="invalid_form")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    if len(parts) < 2 or not parts[-1].startswith(b"--") or len(parts) > MAX_FORM_FIELDS:
        raise BadRequest(
            "the multipart form is cut off, or its boundary is not the one the content type names", code="invalid_form"
        )
    return [_part(part) for part in parts[1:-1]]


def _part(part: bytes) -> tuple[str, Any]:
    head, blank, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not blank:
        raise BadRequest("a part of the multipart form has no headers", code="invalid_form")
    try:
        lines = head.decode("utf-8").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        disposition = _parameters(headers.get("content-disposition", ""))
        if "name" not in disposition:
            raise BadRequest("a part of the multipart form has no name", code="invalid_form")
        if "filename" in disposition:
            kind = headers.get("content-type", "application/octet-stream")
            file = {"filename": disposition["filename"], "content_type": kind, "base64": base64.b64encode(content).decode("ascii")}
            return disposition["name"], file
        return disposition["name"], content.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("the multipart form holds a field that is not UTF-8 text", code="invalid_form") from None
