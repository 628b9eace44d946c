"""Which request follows an answer."""

from __future__ import annotations

import pytest

from chalicelib.actions.http.pages import Collected, Pagination, at_pointer, first_url, link_next, next_url, take, with_parameter
from chalicelib.core.egress import parse_url
from chalicelib.core.http import Response
from chalicelib.registry.spec import ActionError

URL = "https://api.example/items?limit=2"


def after(paging: dict, body, *, url: str = URL, headers=(), before: int = 0) -> str | None:
    options = Pagination.model_validate(paging)
    collected = Collected(pages=before)
    count = take(collected, body, options)
    return next_url(url, Response(200, tuple(headers), b"", parse_url(url)), body, options, collected, count)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://a.example/2>; rel="next"', "https://a.example/2"),
        ('<https://a.example/1>; rel="prev", <https://a.example/3>; rel="next"', "https://a.example/3"),
        ("<https://a.example/2>; rel=next", "https://a.example/2"),
        ('<https://a.example/2>; title="a, b"; rel="last next"', "https://a.example/2"),
        ('<https://a.example/2>; rel="nextish"', None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_link_headers(header, target):
    assert link_next([header]) == target


@pytest.mark.parametrize(
    ("paging", "body", "expected"),
    [
        ({"type": "cursor", "next": "/meta/next"}, {"meta": {"next": "a b"}}, f"{URL}&cursor=a%20b"),
        ({"type": "cursor", "next": "/next", "parameter": "after"}, {"next": 7}, f"{URL}&after=7"),
        ({"type": "cursor", "next": "/next"}, {"next": None}, None),
        ({"type": "cursor", "next": "/next"}, {"next": ""}, None),
        ({"type": "cursor", "next": "/next"}, ["no object"], None),
        ({"type": "next_url", "next": "/next"}, {"next": "/items?page=2"}, "https://api.example/items?page=2"),
        ({"type": "next_url", "next": "/next"}, {"next": URL}, None),
        ({"type": "page", "items": "/d"}, {"d": [1, 2]}, f"{URL}&page=2"),
        ({"type": "page", "items": "/d"}, {"d": []}, None),
        ({"type": "page", "items": "/d", "size": 3}, {"d": [1, 2]}, None),
        ({"type": "page", "items": "/d", "start": 0, "parameter": "p"}, {"d": [1]}, f"{URL}&p=1"),
        ({"type": "page"}, [], None),
        ({"type": "offset", "items": ""}, [1, 2], f"{URL}&offset=2"),
        ({"type": "offset", "items": "", "size": 2}, [1], None),
    ],
)
def test_the_next_page(paging, body, expected):
    assert after(paging, body) == expected


def test_link_pages_follow_the_header_within_the_origin():
    assert after({"type": "link"}, [], headers=[("link", '</items?p=2>; rel="next"')]) == "https://api.example/items?p=2"
    with pytest.raises(ActionError, match="another origin"):
        after({"type": "link"}, [], headers=[("link", '<https://evil.example/>; rel="next"')])
    with pytest.raises(ActionError, match="another origin"):
        after({"type": "next_url"}, {"next": "http://api.example/items"})


def test_items_that_are_no_list_are_told():
    with pytest.raises(ActionError, match=r"/d is no list"):
        after({"type": "page", "items": "/d"}, {"d": {"x": 1}})


def test_parameters_are_set_once():
    assert with_parameter("https://a.example/x?page=1&q=a%20b#f", "page", "2") == "https://a.example/x?q=a%20b&page=2"
    assert first_url("https://a.example/x", Pagination(type="page")) == "https://a.example/x?page=1"
    assert first_url("https://a.example/x", Pagination(type="offset", parameter="skip")) == "https://a.example/x?skip=0"
    assert first_url("https://a.example/x", Pagination(type="cursor")) == "https://a.example/x"


def test_pointers():
    assert at_pointer({"a": [{"b/c": 1}]}, "/a/0/b~1c") == 1
    assert at_pointer([1], "") == [1]
    assert at_pointer({}, "/a/b") is None
