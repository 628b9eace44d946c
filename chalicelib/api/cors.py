"""Cross-origin rules: only origins named in MILLRACE_CORS_ORIGINS may read answers in a browser."""

from __future__ import annotations

from collections.abc import Sequence

EXPOSED = "ETag, Location, Millrace-Execution-Id, Retry-After"
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, X-API-Key"
MAX_AGE_SECONDS = 600


def _allowed(origin: str | None, origins: Sequence[str]) -> str | None:
    if not origin:
        return None
    return origin if "*" in origins or origin.rstrip("/") in {allowed.rstrip("/") for allowed in origins} else None


def cors_headers(origin: str | None, origins: Sequence[str]) -> dict[str, str]:
    """Headers for an actual request; none when no origin is configured."""
    if not origins:
        return {}
    allowed = _allowed(origin, origins)
    if allowed is None:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": allowed, "Access-Control-Expose-Headers": EXPOSED}


def preflight_headers(origin: str | None, origins: Sequence[str]) -> dict[str, str] | None:
    """Headers answering a preflight, None when the origin is not allowed."""
    if _allowed(origin, origins) is None:
        return None
    return cors_headers(origin, origins) | {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": HEADERS,
        "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
    }
