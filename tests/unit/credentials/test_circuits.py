"""The circuit breaker's decisions."""

from __future__ import annotations

import pytest

from chalicelib.credentials.circuits import FAILURES_TO_OPEN, MAX_OPEN_SECONDS, OPEN_SECONDS, PROBE_SECONDS, Circuit, open_seconds


def failing(times: int, at: float = 0.0, **fields) -> Circuit:
    circuit = Circuit(**fields)
    for _ in range(times):
        circuit.failed(at)
    return circuit


def test_it_opens_after_many_failures_in_a_row_and_not_before():
    circuit = failing(FAILURES_TO_OPEN - 1)
    assert circuit.state(0) == "closed"
    assert circuit.held_back(0) is None
    assert circuit.failed(0) is True
    assert circuit.state(1) == "open"
    assert circuit.held_back(10) == OPEN_SECONDS - 10


def test_one_success_in_between_begins_the_count_anew():
    circuit = failing(FAILURES_TO_OPEN - 1)
    assert circuit.succeeded() is False
    assert [circuit.failed(0) for _ in range(FAILURES_TO_OPEN - 1)] == [False] * (FAILURES_TO_OPEN - 1)


def test_when_its_time_is_up_one_call_goes_as_a_probe():
    circuit = failing(FAILURES_TO_OPEN)
    assert circuit.state(OPEN_SECONDS) == "half_open"
    assert circuit.held_back(OPEN_SECONDS) is None
    assert circuit.held_back(OPEN_SECONDS) is not None
    assert circuit.succeeded() is True
    assert circuit.held_back(OPEN_SECONDS) is None


def test_a_probe_that_fails_opens_it_again_for_longer():
    circuit = failing(FAILURES_TO_OPEN)
    circuit.held_back(OPEN_SECONDS)
    assert circuit.failed(OPEN_SECONDS) is True
    assert circuit.held_back(OPEN_SECONDS) == 2 * OPEN_SECONDS


def test_a_probe_that_says_nothing_does_not_block_for_ever():
    circuit = failing(FAILURES_TO_OPEN)
    circuit.held_back(OPEN_SECONDS)
    assert circuit.held_back(OPEN_SECONDS + PROBE_SECONDS) is None


def test_calls_that_were_under_way_when_it_opened_do_not_prolong_it():
    circuit = failing(FAILURES_TO_OPEN)
    assert circuit.failed(5) is False
    assert circuit.held_back(5) == OPEN_SECONDS - 5


def test_without_a_credential_it_counts_and_never_opens():
    circuit = failing(100, breaks=False)
    assert (circuit.failures, circuit.state(0), circuit.held_back(0)) == (100, "closed", None)
    circuit.opened_elsewhere(1000, 1)
    assert circuit.held_back(0) is None


def test_what_another_process_opened_holds_here_too():
    circuit = Circuit()
    circuit.opened_elsewhere(50, 2)
    assert circuit.held_back(20) == 30
    circuit.opened_elsewhere(40, 1)
    assert circuit.held_back(20) == 30


@pytest.mark.parametrize(("openings", "seconds"), [(1, 30), (2, 60), (3, 120), (4, 240), (5, MAX_OPEN_SECONDS), (50, MAX_OPEN_SECONDS)])
def test_each_opening_is_longer_up_to_a_limit(openings, seconds):
    assert open_seconds(openings) == seconds
