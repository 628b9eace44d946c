"""Whether and when an attempt is made again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.definitions.graph import Retry
from chalicelib.engine.retry import is_retryable, plan_retry

STEADY = Retry(jitter=False)


@pytest.mark.parametrize(
    ("error_class", "policy", "again"),
    [
        ("timeout", Retry(), True),
        ("connection", Retry(), True),
        ("rate_limited", Retry(), True),
        ("http.503", Retry(), True),
        ("http.599", Retry(), True),
        ("http.429", Retry(), True),
        ("http.408", Retry(), True),
        ("http.404", Retry(), False),
        ("http.5", Retry(), False),
        (None, Retry(), False),
        ("http.404", Retry(on=("http.404",)), True),
        ("http.503", Retry(not_on=("http.503",)), False),
        ("http.503", Retry(not_on=("http.5xx",)), False),
        ("http.500", Retry(not_on=("http.503",)), True),
    ],
)
def test_classes(error_class: str | None, policy: Retry, again: bool) -> None:
    assert is_retryable(policy, error_class) is again


@pytest.mark.parametrize(
    ("attempts", "retry_after", "pause"), [(1, None, 1.0), (2, None, 2.0), (1, 7.0, 7.0), (2, 0.5, 2.0), (1, 1e9, 3600.0), (3, None, None), (9, None, None)]
)
def test_pauses_double_and_heed_what_the_other_side_asks(attempts: int, retry_after: float | None, pause: float | None) -> None:
    assert plan_retry(STEADY, attempts, "timeout", retry_after, 0.0) == pause


def test_without_a_policy_there_is_no_second_attempt() -> None:
    assert plan_retry(None, 1, "timeout", None, 0.0) is None


@given(attempts=st.integers(1, 99), randomness=st.floats(0, 1, exclude_max=True))
def test_jitter_stays_between_half_and_all_and_under_the_cap(attempts: int, randomness: float) -> None:
    policy = Retry(max_attempts=100, initial_seconds=0.5, backoff=3.0, max_seconds=20.0)
    full = min(20.0, 0.5 * 3.0 ** (attempts - 1))
    pause = plan_retry(policy, attempts, "timeout", None, randomness)
    assert pause is not None
    assert full / 2 <= pause <= full
