"""The projector killed wherever it is: the totals equal a recount of history."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.analytics.folding import fold_all, recount_days
from tests.integration.analytics.test_projector import both, counts, invented
from tests.support.workflows import Database

pytestmark = pytest.mark.usefixtures("settings_env")

# Folds in batches of a few, as fast as it can, until it is killed.
_PROJECTOR = """
import random
from chalicelib.analytics.projector import fold_facts
from chalicelib.core.clock import utc_now
from chalicelib.core.db import transaction
print("ready", flush=True)
while True:
    with transaction() as connection:
        fold_facts(connection, utc_now(), random.randint(1, 9))
"""


def test_killed_anywhere_totals_equal_a_recount(database: Database) -> None:
    chance = random.Random(9)
    total = kills = unfinished = 0
    while kills < 8:
        total += len(invented(database, chance, 40))
        environment = {**os.environ, "DATABASE_URL": database.url}
        with subprocess.Popen([sys.executable, "-c", _PROJECTOR], stdout=subprocess.PIPE, env=environment) as projector:
            assert projector.stdout is not None
            assert projector.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.0, 0.12) if kills else 0.0)  # how far it comes is chance, and must not matter
            projector.send_signal(signal.SIGKILL)
        kills += 1
        left = database.one("SELECT count(*) AS n FROM facts")["n"]
        unfinished += left > 0
        # What was folded and what is left are all there is: no fact is gone without having been counted, none was counted and stayed.
        folded = sum(counts(database).values())
        for _ in range(50):  # the killed one's transaction ends when the server notices
            if folded + left == total:
                break
            time.sleep(0.1)
            left, folded = database.one("SELECT count(*) AS n FROM facts")["n"], sum(counts(database).values())
        assert folded + left == total
    assert unfinished > 0, "no kill came in the middle"
    fold_all(lambda: True)
    assert sum(counts(database).values()) == total
    folded_rows = both(database)
    today = datetime.now(UTC).date()
    recount_days(today - timedelta(days=2), today + timedelta(days=1))
    assert both(database) == folded_rows
