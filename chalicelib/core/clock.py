"""RFC 3339 in UTC, the only form in which times leave the system. What is due is decided by the database's clock, never here."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present, timezone-aware. Only for display and for times that decide nothing."""
    return datetime.now(UTC)


def to_text(at: datetime | None) -> str | None:
    """`2026-11-22T14:32:05.123456Z`; None stays None."""
    if at is None:
        return None
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:-6] + "Z"  # a third of what strftime takes


def parse(text: str) -> datetime:
    """An RFC 3339 time with an offset. Raises ValueError when it has none or cannot be read."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs an offset, such as 2026-11-22T14:00:00Z")
    return at.astimezone(UTC)
