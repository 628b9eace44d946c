"""The ETag of a workflow: strong, opaque, and in two halves.

The first half changes with every edit of the workflow, the second with whatever else a reader sees (publishing, rolling back). `If-Match` compares only the
first: publishing between two saves overwrites nobody's work, so it must not fail the second. `If-None-Match` compares both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from chalicelib.core.errors import PreconditionFailed

_TAG = re.compile(r'(W/)?"([^"]*)"')


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def etag_of(workflow: Mapping[str, Any]) -> str:
    """The tag, with its quotes."""
    edited = _digest(workflow["id"], workflow["revision"])
    return f'"{edited}.{_digest(edited, workflow["live_version"], workflow["last_version"], workflow["updated_at"])}"'


def check_match(workflow: Mapping[str, Any], if_match: str) -> None:
    """Raises PreconditionFailed unless one of the tags in `If-Match` names the workflow as it now is (`*` always does; weak tags never do)."""
    if if_match.strip() == "*":
        return
    current = etag_of(workflow).strip('"').partition(".")[0]
    if not any(tag.partition(".")[0] == current for weak, tag in _TAG.findall(if_match) if not weak):
        raise PreconditionFailed(
            "the workflow was changed since you read it; read it again and repeat your change on what you find"
        )


def unchanged(workflow: Mapping[str, Any], if_none_match: str) -> bool:
    """Whether a reader that holds these tags has what it would be sent."""
    current = etag_of(workflow).strip('"')
    return if_none_match.strip() == "*" or any(tag == current for _, tag in _TAG.findall(if_none_match))
