"""Cursors and pages."""

import base64
import json
from types import SimpleNamespace

import pytest

from clv.api import paging
from clv.api.paging import Page, Pagination, Position
from clv.errors import Invalid


def cursor(text: str | bytes) -> str:
    return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("",),
        (0,),
        (2**63 - 1, "a"),
        (-0.1, 1e300, 5e-324),
        ("clvScore", 0.1 + 0.2, 'ü"\\\u2028\U0001f600=,'),
    ],
)
def test_a_cursor_comes_back_as_it_was_and_fits_a_url(values):
    text = paging.encode(*values)
    assert paging.decode(text, *map(type, values)) == values
    assert not set(text) & set("+/&?# ")


def test_without_a_cursor_there_are_no_values():
    assert paging.decode(None, str) is None


@pytest.mark.parametrize("number", [-(2**63), -1, 0, 2**63 - 1])
def test_a_signed_integer_may_be_negative(number):
    assert paging.decode(paging.encode(number), paging.Signed) == (number,)


def test_an_integer_will_do_for_a_float():
    (number,) = paging.decode(paging.encode(3), float)
    assert number == 3.0 and isinstance(number, float)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", (str,)),
        ("!", (str,)),
        ("é", (str,)),
        ("\ud800", (str,)),
        (cursor('["a"]')[:-1], (str,)),
        (cursor(b'["\xff"]'), (str,)),
        (cursor(b"\xff\xfe"), (str,)),
        (cursor(""), (str,)),
        (cursor("["), (str,)),
        (cursor("7"), (int,)),
        (cursor('{"a": 1}'), (str,)),
        (cursor('"a"'), (str,)),
        (cursor("[]"), (str,)),
        (cursor('["a", "b"]'), (str,)),
        (cursor("[null]"), (str,)),
        (cursor("[[1]]"), (int,)),
        (cursor("[1]"), (str,)),
        (cursor(json.dumps(["a\0"])), (str,)),
        (cursor(json.dumps(["\ud800"])), (str,)),
        (cursor('["1"]'), (int,)),
        (cursor("[1.0]"), (int,)),
        (cursor("[true]"), (int,)),
        (cursor("[-1]"), (int,)),
        (cursor(f"[{2**63}]"), (int,)),
        (cursor(f"[{2**63}]"), (paging.Signed,)),
        (cursor(f"[{-(2**63) - 1}]"), (paging.Signed,)),
        (cursor("[1.0]"), (paging.Signed,)),
        (cursor("[true]"), (paging.Signed,)),
        (cursor(f"[{'9' * 5000}]"), (int,)),
        (cursor("[true]"), (float,)),
        (cursor("[NaN]"), (float,)),
        (cursor("[-Infinity]"), (float,)),
        (cursor("[1e999]"), (float,)),
        (cursor(f"[{'9' * 400}]"), (float,)),
        (cursor('["1"]'), (float,)),
        (cursor("[" * 100_000), (str,)),
    ],
)
def test_anything_else_is_refused_by_name(text, kinds):
    with pytest.raises(Invalid) as refused:
        paging.decode(text, *kinds)
    assert refused.value.fields == {"query": {"cursor": [paging.WANTED]}}
    assert refused.value.message == f"The request is not valid. cursor: {paging.WANTED}"


def test_a_page_tells_whether_there_are_more_by_one_entry_too_many():
    rows = [SimpleNamespace(n=n) for n in range(3)]

    def page(limit):
        return paging.read_page(
            lambda after, count: rows[:count], Position({"n": int}), limit, cursor=None
        )

    assert page(2) == Page(rows[:2], Pagination(cursor=paging.encode(1), has_more=True))
    assert page(3) == Page(rows, Pagination(cursor=None, has_more=False))


def test_a_cursor_leads_to_the_entries_behind_it_and_belongs_to_one_order():
    up, down = (Position({"score": float, "id": str}, order) for order in ("score", "-score"))
    cursor = up.cursor(SimpleNamespace(score=0.5, id="ann"))
    assert up.after(cursor) == (0.5, "ann") and up.after(None) is None
    with pytest.raises(Invalid):
        down.after(cursor)


def test_a_position_of_one_value_is_that_value():
    one = Position({"run.id": int})
    assert one.after(one.cursor(SimpleNamespace(run=SimpleNamespace(id=7)))) == 7
