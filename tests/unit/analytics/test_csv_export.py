"""CSV for spreadsheets."""

from __future__ import annotations

import csv
import io

import pytest

from chalicelib.analytics.csv_export import to_csv


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_what_looks_like_a_formula_is_text(text: str) -> None:
    (_, row) = csv.reader(io.StringIO(to_csv([{"name": text, "n": -3, "none": None}]), newline=""))
    assert row == ["'" + text, "-3", ""]


def test_texts_come_back_as_they_were() -> None:
    rows = list(csv.reader(io.StringIO(to_csv([{"a": 'x,"y"\n', "b": 0.5}, {"a": "", "b": None}]), newline="")))
    assert rows == [["a", "b"], ['x,"y"\n', "0.5"], ["", ""]]
    assert to_csv([]) == ""
