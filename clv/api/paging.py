"""Pages of lists, and the cursors that lead from one page to the next.

A view lists its entries; :func:`paginated` documents it, reads the cursor and cuts the page::

    @blp.access(Role.VIEWER, 400)
    @paginated(blp, BacktestList, BY_ID)
    def get(self, before: int | None, limit: int) -> list[BacktestDetails]:
        return backtests.page(principal().tenant.id, before, limit)

A cursor is a list of plain values as compact JSON in URL-safe base64. It is neither secret nor
signed: a made-up one leads to another page of the tenant's own list, or to a 400.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from operator import attrgetter
from typing import Any

from marshmallow import Schema

from clv.api.schemas.base import PageQuery
from clv.errors import Invalid
from clv.http.access import ClvBlueprint

WANTED = "Must be the cursor that the page before returned."


@dataclass(frozen=True, slots=True)
class Pagination:
    """Where a list goes on.

    :param cursor: of the next page; None on the last one
    :param total: entries of all pages, where a list tells it
    """

    cursor: str | None
    has_more: bool
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list."""

    data: list[Any]
    pagination: Pagination


class Signed(int):
    """As the type of a position's value: an integer that may be negative, from -2^63 on."""


class Position:
    """What tells where an entry stands in its list: the values that its cursor holds.

    :param attributes: of the entry, as for :func:`operator.attrgetter`, with their types:
        ``str``, ``int`` (0 to 2^63 - 1), ``Signed`` or ``float`` (finite)
    :param order: the name of the list's order, if there are several: a cursor belongs to one
    """

    def __init__(self, attributes: Mapping[str, type], order: str | None = None) -> None:
        self._value_of = attrgetter(*attributes)
        self._kinds = tuple(attributes.values())
        self._order = order

    def cursor(self, entry: Any) -> str:
        """The cursor of the page that begins after this entry."""
        value = self._value_of(entry)
        values = (value,) if len(self._kinds) == 1 else value
        return encode(*values) if self._order is None else encode(self._order, *values)

    def after(self, cursor: str | None) -> Any:
        """The values in a cursor, a single one as it is; None without a cursor.

        :raises Invalid: when it is not a cursor of this list
        """
        if self._order is None:
            values = decode(cursor, *self._kinds)
        else:
            values = decode(cursor, str, *self._kinds)
            if values is not None and values[0] != self._order:
                raise refused()
            values = values and values[1:]
        return values[0] if values and len(values) == 1 else values


# Positions that several lists share.
BY_ID = Position({"id": int})
BY_CUSTOMER = Position({"customer_id": str})


def paginated(
    blp: ClvBlueprint,
    schema: type[Schema],
    position: Position,
    *,
    query: type[PageQuery] = PageQuery,
) -> Callable:
    """Make a view of a list answer with pages, and document that.

    The view is called with the position after which the page begins (None for the first page)
    and the number of entries to return, and with what else its query and its path hold.

    :param schema: of the page
    """

    def decorator(view: Callable) -> Callable:
        @blp.arguments(query, location="query")
        @blp.response(200, schema)
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Page:
            *before, given = args
            limit, cursor = given.pop("limit"), given.pop("cursor")
            return read_page(
                lambda after, count: view(*before, after, count, **given, **kwargs),
                position,
                limit,
                cursor,
            )

        return wrapper

    return decorator


def read_page(
    read: Callable[[Any, int], Sequence[Any]],
    position: Position,
    limit: int,
    cursor: str | None,
    *,
    total: int | None = None,
) -> Page:
    """A page of a list.

    :param read: returns the entries after a position, up to a number of them. One more than the
        limit is asked for, which tells whether there are more
    :param cursor: as the page before returned it; None for the first page
    :raises Invalid: when the cursor is not one of this list
    """
    entries = list(read(position.after(cursor), limit + 1))
    has_more = len(entries) > limit
    next_cursor = position.cursor(entries[limit - 1]) if has_more else None
    return Page(entries[:limit], Pagination(next_cursor, has_more, total))


def encode(*values: str | int | float) -> str:
    """A cursor that holds these values."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def decode(text: str | None, *kinds: type, name: str = "cursor") -> tuple | None:
    """The values of a cursor; None without one.

    :param kinds: the type of each value
    :param name: of the query parameter
    :raises Invalid: when it does not hold such values
    """
    if text is None:
        return None
    try:
        values = json.loads(base64.b64decode(text.encode("ascii"), b"-_", validate=True))
        if not isinstance(values, list):
            raise ValueError
        return tuple(_checked(value, kind) for value, kind in zip(values, kinds, strict=True))
    except (ValueError, OverflowError, RecursionError):
        raise refused(name) from None


def refused(name: str = "cursor") -> Invalid:
    """The error of a cursor that can't be used.

    :param name: of the query parameter
    """
    return Invalid(f"The request is not valid. {name}: {WANTED}", {"query": {name: [WANTED]}})


def _checked(value: Any, kind: type) -> str | int | float:
    if kind is str and isinstance(value, str) and "\0" not in value:
        # JSON can spell a lone surrogate, which UTF-8 can't.
        value.encode()
        return value
    if kind is int and type(value) is int and 0 <= value < 2**63:
        return value
    if kind is Signed and type(value) is int and -(2**63) <= value < 2**63:
        return value
    if kind is float and type(value) in (int, float) and abs(number := float(value)) < float("inf"):
        return number
    raise ValueError
