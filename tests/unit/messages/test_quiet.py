"""Quiet hours, by tables."""

from __future__ import annotations

from datetime import datetime

import pytest
from pydantic import ValidationError

from chalicelib.actions.messages.quiet import QuietHours, quiet_until

NIGHT = {"timezone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("now", "quiet", "until"),
    [
        ("2026-01-14T12:00:00+01:00", NIGHT, None),
        ("2026-01-14T21:59:59+01:00", NIGHT, None),
        ("2026-01-14T22:00:00+01:00", NIGHT, "2026-01-15T08:00:00+01:00"),
        ("2026-01-15T03:00:00+01:00", NIGHT, "2026-01-15T08:00:00+01:00"),
        ("2026-01-15T08:00:00+01:00", NIGHT, None),
        ("2026-01-14T12:30:00+00:00", {"start": "12:00", "end": "13:00"}, "2026-01-14T13:00:00+00:00"),
        ("2026-01-14T13:00:00+00:00", {"start": "12:00", "end": "13:00"}, None),
        ("2026-01-14T12:00:00+00:00", {"start": "09:00", "end": "09:00"}, None),
        # A Friday night runs into a weekend, and that into a night.
        ("2026-01-16T23:00:00+01:00", {**NIGHT, "weekends": True}, "2026-01-19T08:00:00+01:00"),
        ("2026-01-17T12:00:00+01:00", {**NIGHT, "weekends": True}, "2026-01-19T08:00:00+01:00"),
        ("2026-01-17T12:00:00+01:00", NIGHT, None),
        # The clock goes forward at 2:00: half past two does not exist.
        ("2026-03-29T01:00:00+01:00", {**NIGHT, "end": "02:30"}, "2026-03-29T03:30:00+02:00"),
        # The clock goes back at 3:00: the night is an hour longer.
        ("2026-10-25T00:30:00+02:00", NIGHT, "2026-10-25T08:00:00+01:00"),
        # Somebody in Auckland, asked by a server in UTC.
        ("2026-01-14T12:00:00+00:00", {"timezone": "Pacific/Auckland"}, "2026-01-15T08:00:00+13:00"),
    ],
)
def test_until(now, quiet, until):
    found = quiet_until(datetime.fromisoformat(now), QuietHours.model_validate(quiet))
    assert found == (datetime.fromisoformat(until) if until else None)


@pytest.mark.parametrize("wrong", [{"start": "25:00"}, {"end": "8"}, {"timezone": "Mars/Base"}, {"timezone": "../../etc/passwd"}, {"zone": "UTC"}])
def test_what_is_no_quiet_time_is_refused(wrong):
    with pytest.raises(ValidationError):
        QuietHours.model_validate(wrong)
