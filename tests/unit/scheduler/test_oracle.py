"""A year of 20 zones and 30 expressions against cronsim and croniter; docs/adr says what is decided where the two disagree."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import pytest

from chalicelib.triggers.cron import instants, parse, zone
from tests.support.oracle import BEGIN, END, EXPRESSIONS, FILE, ZONES, croniter_says, cronsim_says, digest, entry

RECORD: dict[str, dict[str, Any]] = json.loads(FILE.read_text())


def ours(expression: str, zone_name: str) -> list[datetime]:
    return list(takewhile(lambda at: at <= END, instants(parse(expression), zone(zone_name), BEGIN)))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shows(instant: datetime, zone_name: str, expression: str) -> bool:
    """Whether the clock on the wall shows a time that the expression names, at this instant."""
    local = instant.astimezone(zone(zone_name)).replace(tzinfo=None)
    following = next(instants(parse(expression), zone("UTC"), local.replace(tzinfo=UTC) - timedelta(microseconds=1)))
    return following.replace(tzinfo=None) == local


def comes_again(instant: datetime, zone_name: str) -> bool:
    """Whether the wall has shown this time before, a short while ago."""
    return instant.astimezone(zone(zone_name)).fold == 1


@pytest.mark.parametrize("zone_name", ZONES)
def test_a_year_agrees_with_both_where_they_agree_and_is_explained_where_they_do_not(zone_name: str) -> None:
    for expression in EXPRESSIONS:
        said, found = RECORD[f"{zone_name} {expression}"], ours(expression, zone_name)
        if "both" in said:
            assert (len(found), digest(found)) == (said["n"], said["both"]), expression
            continue
        assert said["only_cronsim"] == []
        timed, mine = parse(expression).timed, set(found)
        alone = [at(text) for text in said["only_croniter"]]
        for instant in alone:
            if not shows(instant, zone_name, expression):
                assert instant not in mine, (expression, instant)  # what the clock jumps over runs afterwards for fixed times only
            elif timed:
                assert (instant in mine) == (not comes_again(instant, zone_name)), (expression, instant)  # a fixed time runs once
            else:
                assert instant in mine, (expression, instant)  # the wall shows it, and cronsim walks past it
        assert digest([instant for instant in found if instant not in alone]) == said["cronsim"], expression


def test_the_record_is_of_all_and_mostly_of_one_mind() -> None:
    assert len(RECORD) == len(ZONES) * len(EXPRESSIONS) == 600
    assert sum("both" in said for said in RECORD.values()) > 500


@pytest.mark.parametrize(
    ("zone_name", "expression"),
    [
        ("Europe/Berlin", "30 2 * * *"),
        ("Europe/Berlin", "0 */2 * * *"),
        ("America/St_Johns", "0 30 2 * * *"),
        ("Australia/Lord_Howe", "0 */2 * * *"),
        ("Asia/Tokyo", "0 8 * * MON#1"),
        ("Pacific/Chatham", "0 8 * * 5L"),
    ],
)
def test_the_record_is_what_the_libraries_say(zone_name: str, expression: str) -> None:
    said = entry(cronsim_says(expression, zone_name), croniter_says(expression, zone_name))
    assert RECORD[f"{zone_name} {expression}"] == said
