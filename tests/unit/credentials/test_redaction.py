"""Secrets are found in whatever form they come back."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from chalicelib.core.redaction import REDACTED, Secrets

SECRET = 'p4$$ w/rd+"é'


def secrets(*values: str) -> Secrets:
    held = Secrets()
    held.add(values)
    return held


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower().replace("%c3%a9", "%c3%a9"),
        quote_plus(SECRET),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
    ],
)
def test_plain_and_encoded_forms_are_replaced(form):
    assert secrets(SECRET).text(f"before {form} after") == f"before {REDACTED} after"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("after", ["", "z", "zz", "zzz"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_found_at_every_alignment(before, after, encode):
    secret = "canary-0123456789-secret"
    text = encode((before + secret + after).encode()).decode()
    cleaned = secrets(secret).text(text)
    assert REDACTED in cleaned
    assert len(cleaned.replace(REDACTED, "")) <= 8 + len(before + after) * 2


def test_json_values_are_cleaned_within_names_too():
    value = {"a": ["x", SECRET, 1, None], f"name-{SECRET}": {"deep": f"Bearer {SECRET}"}, "n": 1.5}
    assert secrets(SECRET).clean(value) == {"a": ["x", REDACTED, 1, None], f"name-{REDACTED}": {"deep": f"Bearer {REDACTED}"}, "n": 1.5}


def test_what_holds_no_secret_comes_back_as_it_is():
    value = {"a": [1, {"b": "text"}]}
    assert secrets(SECRET).clean(value) is value
    assert Secrets().clean(value) is value


def test_the_longest_form_goes_first():
    assert secrets("token", "token-and-more").text("token-and-more") == REDACTED


def test_very_short_values_are_not_looked_for():
    assert secrets("abc").text("abcdef") == "abcdef"


def test_a_secret_never_shows_in_its_own_repr():
    assert SECRET not in repr(secrets(SECRET))


@pytest.mark.parametrize("end", range(1, len(SECRET)))
def test_a_text_that_grows_shows_no_beginning_of_a_secret(end):
    held = secrets(SECRET)
    assert held.clean_unfinished({"a": [f"it is {SECRET[:end]}"]}) == {"a": ["it is "]}
    assert held.clean_unfinished(f"it is {SECRET} and") == f"it is {REDACTED} and"


def test_a_text_without_secrets_grows_as_it_is():
    assert secrets(SECRET).clean_unfinished("nothing of it: q") == "nothing of it: q"
    assert secrets().clean_unfinished(SECRET[:5]) == SECRET[:5]
