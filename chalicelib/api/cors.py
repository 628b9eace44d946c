"""Cross-origin rules: only origins named in MILLRACE_CORS_ORIGINS, or by a trigger for itself, may read answers in a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.core.config import settings
from chalicelib.triggers.doors import read_door, remembered_door

EXPOSED = "ETag, Location, Millrace-Execution-Id, Retry-After, RateLimit, RateLimit-Policy, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, Millrace-Workspace, X-API-Key"
MAX_AGE_SECONDS = 600


def _allowed(origin: str | None, origins: Sequence[str]) -> str | None:
    if not origin:
        return None
    return origin if "*" in origins or origin.lower().rstrip("/") in {allowed.rstrip("/") for allowed in origins} else None


def cors_headers(origin: str | None, origins: Sequence[str]) -> dict[str, str]:
    """Headers for an actual request; none when no origin is configured."""
    if not origins:
        return {}
    allowed = _allowed(origin, origins)
    if allowed is None:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": allowed, "Access-Control-Expose-Headers": EXPOSED}


def preflight_headers(
    origin: str | None,
    origins: Sequence[str],
    *,
    methods: str = METHODS,
    more_headers: Sequence[str] = (),
    max_age_seconds: int = MAX_AGE_SECONDS,
) -> dict[str, str] | None:
    """Headers answering a preflight, None when the origin is not allowed."""
    if _allowed(origin, origins) is None:
        return None
    return cors_headers(origin, origins) | {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": ", ".join([HEADERS, *more_headers]),
        "Access-Control-Max-Age": str(max_age_seconds),
    }


def _trigger_rules(resource: str, params: Mapping[str, str], *, fresh: bool) -> Mapping[str, Any] | None:
    """The config of the trigger behind a path, when it says which origins may call it."""
    path = params.get("path", "") if resource.startswith("/trigger/") else ""
    if not path:
        return None
    door = read_door(path) if fresh else remembered_door(path)
    return door.config if door is not None and door.config.get("cors") else None


def answer_cors(resource: str, params: Mapping[str, str], origin: str | None) -> dict[str, str]:
    """Headers for an answer of this route: by the trigger's own rule where it has one, else by the installation's."""
    config = _trigger_rules(resource, params, fresh=False) if origin else None
    return cors_headers(origin, config["cors"]["origins"] if config else settings().cors_origins)


def answer_preflight(resource: str, params: Mapping[str, str], origin: str | None) -> dict[str, str] | None:
    """Headers answering a preflight for this route, None when the origin is not allowed. The trigger is read anew: browsers remember what they are told."""
    config = _trigger_rules(resource, params, fresh=True) if origin else None
    if config is None:
        return preflight_headers(origin, settings().cors_origins)
    rule = config["cors"]
    return preflight_headers(
        origin,
        rule["origins"],
        methods=", ".join(config["methods"]),
        more_headers=rule.get("headers", ()),
        max_age_seconds=rule.get("max_age_seconds", MAX_AGE_SECONDS),
    )
