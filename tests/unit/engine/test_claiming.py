"""Which claim comes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chalicelib.engine.claiming import BACKLOG_SIZE, FLOORLESS_SECONDS, IN_ORDER_EVERY, MARGIN, Queue
from chalicelib.engine.repository import Claim

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def claims(*due: datetime) -> list[Claim]:
    return [Claim(f"exe_{n}", 1, 0, 0, False, at, NOON, NOON) for n, at in enumerate(due)]


def test_claims_are_in_order_until_one_comes_back_full() -> None:
    queue = Queue()
    queue.note(claims(NOON), room=2)
    assert not queue.fairly
    queue.note(claims(NOON, NOON), room=2)
    assert queue.fairly
    queue.note(claims(NOON), room=2)
    assert not queue.fairly


def test_claims_are_small_in_a_backlog() -> None:
    queue = Queue()
    assert queue.size(64) == 64
    queue.note(claims(*[NOON] * 64), room=64)
    assert (queue.size(64), queue.size(8)) == (BACKLOG_SIZE, 8)
    queue.note(claims(NOON), room=BACKLOG_SIZE)
    assert queue.size(64) == 64


def test_in_a_backlog_one_of_four_is_in_order_so_that_rows_of_deleted_workflows_come_to_their_turn() -> None:
    queue, kinds = Queue(), []
    for _ in range(2 * IN_ORDER_EVERY):
        kinds.append(queue.fairly)
        queue.note(claims(NOON), room=1)
    assert kinds.count(False) == 2


def test_the_floor_is_a_little_before_the_oldest_of_the_last_claim_in_order() -> None:
    queue = Queue()
    assert queue.floor(0.0) is None
    queue.note(claims(NOON + timedelta(seconds=5), NOON), room=2)
    assert queue.floor(0.1) == NOON - MARGIN
    queue.note(claims(NOON - timedelta(hours=1)), room=1)  # by turns: says nothing of the oldest
    assert queue.floor(0.2) == NOON - MARGIN


def test_without_a_floor_every_now_and_then_and_after_an_empty_claim() -> None:
    queue = Queue()
    queue.floor(0.0)
    queue.note(claims(NOON), room=2)
    assert queue.floor(FLOORLESS_SECONDS) is None
    assert queue.floor(FLOORLESS_SECONDS + 0.1) == NOON - MARGIN
    queue.note([], room=2)
    assert queue.floor(FLOORLESS_SECONDS + 0.2) is None
