"""How long the door gives way, and that who gives way keeps nobody."""

from __future__ import annotations

import threading

import pytest

from chalicelib.triggers import giving_way
from infra.host.web.waits import Gate


@pytest.mark.parametrize(("lag", "seconds"), [(0.0, 0.0), (0.1, 0.0), (0.2, 0.05), (0.5, 0.2), (0.7, 0.25), (60.0, 0.25)])
def test_the_pause_grows_with_the_lag_and_has_an_end(lag: float, seconds: float) -> None:
    assert giving_way.pause_for(lag) == pytest.approx(seconds if seconds < giving_way.LONGEST_SECONDS else giving_way.LONGEST_SECONDS)


def test_nobody_pauses_where_nobody_chose_how() -> None:
    paused: list[float] = []
    giving_way.give_way(1.0)
    giving_way.use_pause(paused.append)
    try:
        giving_way.give_way(0.05)
        giving_way.give_way(1.0)
    finally:
        giving_way.use_pause(None)
    assert paused == [giving_way.LONGEST_SECONDS]


def test_who_pauses_leaves_the_place_to_another() -> None:
    gate = Gate(1)
    inside = threading.Event()

    def other() -> None:
        with gate.inside():
            inside.set()

    with gate.inside():
        thread = threading.Thread(target=other)
        thread.start()
        assert not inside.is_set()
        gate.sleep(0.01)
        while not inside.is_set():
            gate.sleep(0.01)
    thread.join()
