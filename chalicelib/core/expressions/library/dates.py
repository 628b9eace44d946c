"""Functions of times. A time is a timestamp or RFC 3339 text; a zone is a name such as Europe/Berlin, UTC where none is given.

An hour that a change of clocks leaves out is moved on by the change; of one that comes twice the first is meant.
"""

from __future__ import annotations

import calendar
import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.core.expressions.library.declare import SMALL, Category

DATES = Category("dates")
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_TEXT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?([Zz]|[+-]\d\d:\d\d)?)?\Z")
_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)\Z")
_EXACT = {"seconds": 1.0, "milliseconds": 0.001, "minutes": 60.0, "hours": 3600.0}
_CALENDAR = ("years", "months", "weeks", "days")
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


@functools.lru_cache(maxsize=200)
def zone_named(name: str) -> tzinfo:
    """A zone, or a fixed offset such as +02:00. Raises ValueError for a name that is neither."""
    if fixed := _OFFSET.match(name):
        minutes = int(fixed[2]) * 60 + int(fixed[3])
        return timezone(timedelta(minutes=-minutes if fixed[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone '{name[:60]}'; a name looks like Europe/Berlin") from None


def instant(value: datetime | str) -> datetime:
    """A timestamp, or the one that RFC 3339 text names; a date alone is its midnight in UTC. Raises ValueError."""
    if isinstance(value, datetime):
        return value
    found = _TEXT.match(value)
    if not found:
        raise ValueError("the text is not a time such as 2026-11-24T14:30:00Z")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), int((fraction or "0")[:6].ljust(6, "0")), UTC)
    except ValueError:
        raise ValueError("the text names no time that exists") from None
    if offset and offset not in "Zz":
        shift = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:]))
        local = _bounded(lambda: local - shift if offset[0] == "+" else local + shift)
    return local


def _bounded(make: Callable[[], datetime]) -> datetime:
    try:
        return make()
    except (OverflowError, ValueError):
        raise ValueError("the time is outside the years 1 to 9999") from None


def _in_zone(value: datetime | str, zone: str) -> datetime:
    at, place = instant(value), zone_named(zone)
    return _bounded(lambda: at.astimezone(place))


def _unit(name: str) -> str:
    name = name if name.endswith("s") else name + "s"
    if name not in _EXACT and name not in _CALENDAR:
        raise ValueError(f"'{name[:30]}' is no unit; there are: years, months, weeks, days, hours, minutes, seconds, milliseconds")
    return name


def _months_later(local: datetime, months: int) -> datetime:
    index = local.year * 12 + local.month - 1 + months
    year, month = divmod(index, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1]) if 1 <= year <= 9999 else 0
    return local.replace(year=year, month=month + 1, day=day)


def _add(value: datetime | str, count: int, unit: str, zone: str = "UTC") -> datetime:
    unit = _unit(unit)
    if unit in _EXACT:
        at = instant(value)
        return _bounded(lambda: at + timedelta(milliseconds=count * round(_EXACT[unit] * 1000)))
    wall = _in_zone(value, zone).replace(tzinfo=None, fold=0)
    if unit in ("years", "months"):
        moved = _bounded(lambda: _months_later(wall, count * (12 if unit == "years" else 1)))
    else:
        moved = _bounded(lambda: wall + timedelta(days=count * (7 if unit == "weeks" else 1)))
    return _from_wall(moved, zone)


def _from_wall(wall: datetime, zone: str) -> datetime:
    place = zone_named(zone)
    return _bounded(lambda: wall.replace(tzinfo=place).astimezone(UTC))


def _start_of(value: datetime | str, unit: str, zone: str = "UTC") -> datetime:
    unit = _unit(unit)
    wall = _in_zone(value, zone).replace(tzinfo=None)
    if unit == "milliseconds":
        return instant(value).replace(microsecond=instant(value).microsecond // 1000 * 1000)
    keep = {"years": 1, "months": 2, "weeks": 3, "days": 3, "hours": 4, "minutes": 5, "seconds": 6}[unit]
    parts = [wall.year, wall.month, wall.day, wall.hour, wall.minute, wall.second]
    start = datetime(*(parts[:keep] + [1, 1, 1, 0, 0, 0][keep:]))  # type: ignore[arg-type]  # noqa: DTZ001
    if unit == "weeks":
        start = _bounded(lambda: start - timedelta(days=start.weekday()))
    return _from_wall(start, zone)


def _difference(later: datetime | str, earlier: datetime | str, unit: str) -> int:
    unit = _unit(unit)
    end, start = instant(later).astimezone(UTC), instant(earlier).astimezone(UTC)
    if unit in ("years", "months"):
        months = (end.year - start.year) * 12 + end.month - start.month
        moved = _months_later(start, months)
        if months > 0 and moved > end:
            months -= 1
        elif months < 0 and moved < end:
            months += 1
        return int(months / 12) if unit == "years" else months
    micros = (end - start) // timedelta(microseconds=1)
    per = {"weeks": 604_800_000_000, "days": 86_400_000_000}.get(unit) or round(_EXACT[unit] * 1_000_000)
    return -(-micros // per) if micros < 0 else micros // per


def _offset_text(local: datetime) -> str:
    seconds = int((local.utcoffset() or timedelta()).total_seconds())
    if not seconds:
        return "Z"
    sign, minutes = ("-" if seconds < 0 else "+"), abs(seconds) // 60
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"


_WRITERS: dict[str, Callable[[datetime], str]] = {
    "yyyy": lambda t: f"{t.year:04d}",
    "yy": lambda t: f"{t.year % 100:02d}",
    "MMMM": lambda t: _MONTHS[t.month - 1],
    "MMM": lambda t: _MONTHS[t.month - 1][:3],
    "MM": lambda t: f"{t.month:02d}",
    "M": lambda t: str(t.month),
    "dd": lambda t: f"{t.day:02d}",
    "d": lambda t: str(t.day),
    "EEEE": lambda t: _DAYS[t.weekday()],
    "EEE": lambda t: _DAYS[t.weekday()][:3],
    "HH": lambda t: f"{t.hour:02d}",
    "H": lambda t: str(t.hour),
    "hh": lambda t: f"{(t.hour + 11) % 12 + 1:02d}",
    "h": lambda t: str((t.hour + 11) % 12 + 1),
    "mm": lambda t: f"{t.minute:02d}",
    "m": lambda t: str(t.minute),
    "ss": lambda t: f"{t.second:02d}",
    "s": lambda t: str(t.second),
    "SSS": lambda t: f"{t.microsecond // 1000:03d}",
    "a": lambda t: "AM" if t.hour < 12 else "PM",
    "XXX": _offset_text,
}


def _pieces(pattern: str) -> list[tuple[str, str]]:
    """("token" or "text", what) for each part of a pattern."""
    if len(pattern) > 200:
        raise ValueError("a pattern has at most 200 characters")
    found, at = [], 0
    while at < len(pattern):
        piece = _TOKEN.match(pattern, at)
        if piece is None:
            raise ValueError("a quote in the pattern is not closed")
        at = piece.end()
        if piece[2]:
            if piece[0] not in _WRITERS:
                raise ValueError(f"'{piece[0]}' means nothing in a pattern; there are: {' '.join(_WRITERS)}; put text in single quotes")
            found.append(("token", piece[0]))
        else:
            found.append(("text", piece[1].replace("''", "'") or "'" if piece[1] is not None else piece[0]))
    return found


def _format(value: datetime | str, pattern: str, zone: str = "UTC") -> str:
    local = _in_zone(value, zone)
    return "".join(_WRITERS[what](local) if kind == "token" else what for kind, what in _pieces(pattern))


_READERS = {
    "yyyy": r"(?P<year>\d{4})", "MM": r"(?P<month>\d\d)", "M": r"(?P<month>\d{1,2})", "dd": r"(?P<day>\d\d)", "d": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>\d\d)", "H": r"(?P<hour>\d{1,2})", "hh": r"(?P<half>\d\d)", "h": r"(?P<half>\d{1,2})", "a": r"(?P<noon>[AaPp][Mm])",
    "mm": r"(?P<minute>\d\d)", "m": r"(?P<minute>\d{1,2})", "ss": r"(?P<second>\d\d)", "s": r"(?P<second>\d{1,2})", "SSS": r"(?P<milli>\d{3})",
    "MMMM": f"(?P<name>{'|'.join(_MONTHS)})", "MMM": f"(?P<name>{'|'.join(month[:3] for month in _MONTHS)})", "XXX": r"(?P<offset>[Zz]|[+-]\d\d:\d\d)",
}  # fmt: skip


def _parse(text: str, pattern: str, zone: str = "UTC") -> datetime:
    expression = ""
    for kind, what in _pieces(pattern):
        if kind == "token" and what not in _READERS:
            raise ValueError(f"'{what}' can be written but not read")
        expression += _READERS[what] if kind == "token" else re.escape(what)
    try:
        found = re.fullmatch(expression, text, re.ASCII)
    except re.error:
        raise ValueError("a part of a time stands twice in the pattern") from None
    if found is None:
        raise ValueError(f"the text does not look like {pattern}")
    return _assembled(found.groupdict(), zone)


def _assembled(parts: dict[str, Any], zone: str) -> datetime:
    if parts.get("year") is None:
        raise ValueError("the pattern names no year (yyyy)")
    month = next((at for at, name in enumerate(_MONTHS, 1) if parts.get("name") and name.startswith(parts["name"])), int(parts.get("month") or 1))
    hour = int(parts.get("hour") or 0)
    if parts.get("half") is not None:
        hour = int(parts["half"]) % 12 + (12 if (parts.get("noon") or "am").lower() == "pm" else 0)
    numbers = [int(parts.get(name) or 0) for name in ("minute", "second", "milli")]
    day = int(parts.get("day") or 1)
    if parts.get("offset"):
        return instant(f"{parts['year']}-{month:02d}-{day:02d}T{hour:02d}:{numbers[0]:02d}:{numbers[1]:02d}.{numbers[2]:03d}{parts['offset']}")
    try:
        wall = datetime(int(parts["year"]), month, day, hour, numbers[0], numbers[1], numbers[2] * 1000)  # noqa: DTZ001
    except ValueError:
        raise ValueError("the text names no time that exists") from None
    return _from_wall(wall, zone)


def _from_unix(value: int | float, factor: int) -> datetime:
    return _bounded(lambda: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(value * factor)))


def _to_unix(value: datetime | str, per: int) -> int:
    return (instant(value) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=per)


add = DATES.add
DATES.note("now", "The instant at which the node became ready: the same whenever it is computed again.", "-> timestamp")
add(
    "date.format", "A time as text: yyyy MM dd HH mm ss SSS, MMM MMMM, EEE EEEE, h a, XXX; other text in single quotes.",
    {"time, string -> string": _format, "time, string, string -> string": _format},
    ("date.format('2026-07-01T12:00:00Z', \"d MMM yyyy 'at' HH:mm\", 'Europe/Berlin')", "1 Jul 2026 at 14:00"), growth=SMALL, adds=4000,
)  # fmt: skip
add(
    "date.parse", "The time that text names, read by a pattern, in a zone.", {"string, string -> timestamp": _parse, "string, string, string -> timestamp": _parse},
    ("string(date.parse('24.11.2026 14:30', 'dd.MM.yyyy HH:mm', 'Europe/Berlin'))", "2026-11-24T13:30:00Z"), growth=SMALL,
)  # fmt: skip
add(
    "date.add", "Later by so many years, months, weeks, days (by the zone's calendar), hours, minutes, seconds or milliseconds; less than 0: earlier.",
    {"time, int, string -> timestamp": _add, "time, int, string, string -> timestamp": _add},
    ("string(date.add('2026-01-31T10:00:00Z', 1, 'month'))", "2026-02-28T10:00:00Z"), growth=SMALL,
)  # fmt: skip
add(
    "date.startOf", "The beginning of the year, month, week (Monday), day, hour, minute or second a time is in.",
    {"time, string -> timestamp": _start_of, "time, string, string -> timestamp": _start_of},
    ("string(date.startOf('2026-11-24T00:30:00Z', 'day', 'America/New_York'))", "2026-11-23T05:00:00Z"), growth=SMALL,
)  # fmt: skip
add("date.diff", "Whole units from the second time to the first.", {"time, time, string -> int": _difference}, ("date.diff('2026-11-24T00:00:00Z', '2026-11-20T12:00:00Z', 'days')", 3), growth=SMALL)
add("date.unix", "Seconds since 1970.", {"time -> int": lambda value: _to_unix(value, 1_000_000)}, ("date.unix('2026-01-01T00:00:00Z')", 1767225600), growth=SMALL)
add("date.unixMillis", "Milliseconds since 1970.", {"time -> int": lambda value: _to_unix(value, 1000)}, ("date.unixMillis('2026-01-01T00:00:00.5Z')", 1767225600500), growth=SMALL)
add("date.fromUnix", "The time of so many seconds since 1970.", {"number -> timestamp": lambda value: _from_unix(value, 1000)}, ("string(date.fromUnix(1767225600))", "2026-01-01T00:00:00Z"), growth=SMALL)
add("date.fromUnixMillis", "The time of so many milliseconds since 1970.", {"number -> timestamp": lambda value: _from_unix(value, 1)}, ("string(date.fromUnixMillis(1767225600500))", "2026-01-01T00:00:00.500Z"), growth=SMALL)
add("date.weekday", "1 for Monday to 7 for Sunday.", {"time -> int": lambda t: _in_zone(t, "UTC").isoweekday(), "time, string -> int": lambda t, zone: _in_zone(t, zone).isoweekday()}, ("date.weekday('2026-11-24T12:00:00Z')", 2), growth=SMALL)
add("date.week", "The week of the year by ISO 8601.", {"time -> int": lambda t: _in_zone(t, "UTC").isocalendar().week, "time, string -> int": lambda t, zone: _in_zone(t, zone).isocalendar().week}, ("date.week('2026-01-01T00:00:00Z')", 1), growth=SMALL)
