"""Where a credential may be sent, and by which workflows. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

ANYWHERE = ("*",)
_LABELS = r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABELS}\Z")


def host_pattern(text: str) -> str:
    """A host as it is kept: `api.example.com`, `*.example.com`, an address, each with or without `:port`; `*` is everywhere. Raises ValueError with words."""
    said = text.strip().lower()
    if said == "*":
        return said
    said = said.removesuffix(".")
    host, port = split(said)
    if port is not None and not (port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{text[:80]!r}: the port must be a number from 1 to 65535")
    if "/" in said or "@" in said or not (_NAME.match(host) or _is_address(host)):
        raise ValueError(f"{text[:80]!r} is no host; write api.example.com, *.example.com, 10.0.0.5 or api.example.com:8443, without https://")
    return said


def split(text: str) -> tuple[str, str | None]:
    """Host and port of `host:port` or `[v6]:port`; the port is None when there is none."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", text)
    if bracketed:
        return bracketed[1], bracketed[2]
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def host_allowed(patterns: Sequence[str], host: str, port: int) -> bool:
    """Whether a host (lower case) and port are among the patterns. `*.example.com` is every name below example.com, not itself."""
    return any(_matches(pattern, host, port) for pattern in patterns)


def _matches(pattern: str, host: str, port: int) -> bool:
    if pattern == "*":
        return True
    wanted, wanted_port = split(pattern)
    if wanted_port is not None and int(wanted_port) != port:
        return False
    if wanted.startswith("*."):
        return host.endswith(wanted[1:]) and len(host) > len(wanted) - 1
    return host == wanted


def widened(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Which of the new patterns allow a host that none of the old ones does."""
    return [pattern for pattern in new if not any(_covers(before, pattern) for before in old)]


def _covers(old: str, new: str) -> bool:
    if old in ("*", new):
        return True
    (old_host, old_port), (new_host, new_port) = split(old), split(new)
    if new == "*" or (old_port is not None and old_port != new_port):
        return False
    if old_host.startswith("*."):
        return new_host != old_host[2:] and new_host.removeprefix("*.").endswith(old_host[1:]) or new_host == old_host
    return new_host == old_host


def host_refusal(name: str, patterns: Sequence[str], host: str) -> str:
    """What a user is told when a credential may not go to a host."""
    listed = ", ".join(patterns) or "no host"
    return f"the credential {name!r} may be sent to {listed} only, not to {host}; add the host to the credential's hosts if that is meant"
