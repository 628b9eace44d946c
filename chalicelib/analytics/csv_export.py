"""Tables as CSV that a spreadsheet opens without running anything: a text that begins like a formula gets an apostrophe in front. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.core.jsontext import dumps

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(items: Sequence[Mapping[str, Any]]) -> str:
    """One line of names, one line per item; what is None is empty. Items of one table have the same fields."""
    out = io.StringIO()
    names = list(items[0]) if items else []
    writer = csv.writer(out, lineterminator="\r\n")
    if names:
        writer.writerow(names)
    for item in items:
        writer.writerow([_cell(item[name]) for name in names])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return dumps(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
