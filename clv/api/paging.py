"""Pages of lists, and their cursors: where a page ended, in a form that clients hand back as it is.

A cursor is a list of plain values in compact JSON, base64 for URLs. It is no secret and no proof:
whoever makes one up gets a page from elsewhere in their own tenant's list, or a 400.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from clv.errors import Invalid

WANTED = "Must be the cursor that the page before returned."


def encode(*values: str | int | float) -> str:
    """The cursor of an entry."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def decode(text: str | None, *kinds: type) -> tuple | None:
    """The values of a cursor; None without one.

    :param kinds: ``str``, ``int`` (0 to 2^63 - 1) or ``float`` (finite) for each value
    :raises Invalid: when it is not made of such values
    """
    if text is None:
        return None
    try:
        values = json.loads(base64.b64decode(text.encode("ascii"), b"-_", validate=True))
        if not isinstance(values, list):
            raise ValueError
        return tuple(_checked(value, kind) for value, kind in zip(values, kinds, strict=True))
    except (ValueError, OverflowError, RecursionError):
        raise refused() from None


def refused() -> Invalid:
    """The error of a cursor that can't be used."""
    return Invalid(f"The request is not valid. cursor: {WANTED}", {"query": {"cursor": [WANTED]}})


def page(rows: list[dict], limit: int, cursors: Callable[[int], str]) -> dict[str, Any]:
    """The body of a page.

    :param rows: up to one more than the limit, which tells whether there are more
    :param cursors: the cursor of the entry with this index
    """
    has_more = len(rows) > limit
    cursor = cursors(limit - 1) if has_more else None
    return {"data": rows[:limit], "pagination": {"cursor": cursor, "hasMore": has_more}}


def _checked(value: Any, kind: type) -> str | int | float:
    if kind is str and isinstance(value, str) and "\0" not in value:
        # A lone surrogate, which JSON can spell, is not UTF-8.
        value.encode()
        return value
    if kind is int and type(value) is int and 0 <= value < 2**63:
        return value
    if kind is float and type(value) in (int, float) and abs(number := float(value)) < float("inf"):
        return number
    raise ValueError
