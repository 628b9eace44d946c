"""Whether and when a failed attempt is tried again, decided purely."""

from __future__ import annotations

from chalicelib.definitions.graph import Retry


def matches(error_class: str, pattern: str) -> bool:
    """`http.5xx` matches every 5xx; everything else matches itself."""
    if pattern == "http.5xx":
        return error_class.startswith("http.5") and len(error_class) == len("http.500")
    return error_class == pattern


def is_retryable(policy: Retry, error_class: str | None) -> bool:
    """Whether the policy's classes cover this error. An error without a class never is."""
    if error_class is None or any(matches(error_class, pattern) for pattern in policy.not_on):
        return False
    return any(matches(error_class, pattern) for pattern in policy.on)


def plan_retry(
    policy: Retry | None, attempts_made: int, error_class: str | None, retry_after: float | None, randomness: float
) -> float | None:
    """Seconds until the next attempt, or None when there is none.

    Exponential from `initial_seconds` by `backoff` up to `max_seconds`; with jitter between half of that and all of it, by `randomness` in [0, 1). What the
    other side asked for (`retry_after`) is a lower bound, up to an hour.
    """
    if policy is None or attempts_made >= policy.max_attempts or not is_retryable(policy, error_class):
        return None
    pause = min(policy.max_seconds, policy.initial_seconds * policy.backoff ** min(attempts_made - 1, 64))
    if policy.jitter:
        pause *= 0.5 + randomness / 2
    return max(pause, min(retry_after or 0.0, 3600.0))
