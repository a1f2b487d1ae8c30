"""Totals of a customer's interaction summaries, which scores are computed from."""

from collections.abc import Iterator, Sequence
from typing import Any

from peewee import OperationalError

from clv import db
from clv.db.dialect import in_texts, texts
from clv.domain.calendar import DAILY_KEY_LENGTH, day_of
from clv.domain.scoring import Purchases, Totals
from clv.domain.units import MAX_STORED_INTEGER
from clv.errors import Unscorable
from clv.store.summaries import IS_CORRECTION, first_contact, last_contact

# Rows fetched at once in a pass over all customers.
STREAM_ROWS = 5_000

_TOTALS = f"""customer_id, SUM(impressions), SUM(total_value), {first_contact()},
    {last_contact()}, MIN(impressions),
    SUM(CASE WHEN first_contact_ms IS NULL OR last_contact_ms IS NULL THEN 1 ELSE 0 END)"""
# The key of a day with a conversion; keys of other periods are shorter.
_DAY = f"CASE WHEN converts > 0 AND LENGTH(period_key) = {DAILY_KEY_LENGTH} THEN period_key END"
# Net of corrections.
SPENT = f"CASE WHEN converts > 0 OR {IS_CORRECTION} THEN total_value ELSE 0 END"
# The customers of a run of one segment: their record is in the segment, or they have none.
_IN_SEGMENT = """COALESCE((SELECT r.segment FROM clv_record r
    WHERE r.tenant_id = s.tenant_id AND r.customer_id = s.customer_id), '') IN ('', %s)"""


def totals(tenant_id: int, customer_id: str, with_purchases: bool = False) -> Totals | None:
    """One customer's totals, or None without summaries.

    :param with_purchases: read the days with conversions as well
    """
    columns = _TOTALS + _purchases_sql() if with_purchases else _TOTALS
    try:
        row = db.quick_row(
            f"SELECT {columns} FROM interaction_summary"
            " WHERE tenant_id = %s AND customer_id = %s GROUP BY customer_id",
            (tenant_id, customer_id),
        )
    except OperationalError as error:
        if not _is_overflow(error):
            raise
        return Totals(customer_id, MAX_STORED_INTEGER + 1, 0, 0, 0)
    return None if row is None else _totals(row)


def totals_page(
    tenant_id: int,
    after: str,
    until: str | None,
    limit: int,
    segment: str | None,
    with_purchases: bool = False,
) -> list[Totals]:
    """The totals of the next customers, in the order of their ids.

    :param after: the last id of the previous page; "" for the first page
    :param until: the last id that may be on the page; None for no end
    :param segment: only customers whose record is in this segment, or who have none
    :param with_purchases: read the days with conversions as well
    """
    columns = _TOTALS + _purchases_sql() if with_purchases else _TOTALS
    page, params = _page(tenant_id, after, until, limit, segment)
    try:
        return [_totals(row) for row in db.rows(f"SELECT {columns} {page}", params)]
    except OperationalError as error:
        if not _is_overflow(error):
            raise
    # One overflow fails the whole page: read its customers one by one.
    rows = db.rows(f"SELECT s.customer_id {page}", params)
    singly = (totals(tenant_id, customer_id, with_purchases) for (customer_id,) in rows)
    return [each for each in singly if each is not None]


def totals_of(
    tenant_id: int, customer_ids: Sequence[str], with_purchases: bool = False
) -> dict[str, Totals]:
    """The totals of these customers by id, without those who have no summaries.

    :param with_purchases: read the days with conversions as well
    """
    columns = _TOTALS + _purchases_sql() if with_purchases else _TOTALS
    try:
        rows = db.rows(
            f"SELECT {columns} FROM interaction_summary"
            f" WHERE tenant_id = %s AND {in_texts('customer_id')} GROUP BY customer_id",
            (tenant_id, texts(customer_ids)),
        )
    except OperationalError as error:
        if not _is_overflow(error):
            raise
        # One overflow fails them all: read them one by one.
        singly = (totals(tenant_id, each, with_purchases) for each in set(customer_ids))
        return {each.customer_id: each for each in singly if each is not None}
    return {row[0]: _totals(row) for row in rows}


def corrections(tenant_id: int, customer_id: str) -> int:
    """The sum of a customer's corrections, in 1/10,000; 0 without any.

    :raises Unscorable: if it is too large for SQLite
    """
    sql = (
        "SELECT COALESCE(SUM(total_value), 0) FROM interaction_summary"
        f" WHERE tenant_id = %s AND customer_id = %s AND {IS_CORRECTION}"
    )
    try:
        return int(db.value(sql, (tenant_id, customer_id)))
    except OperationalError as error:
        if not _is_overflow(error):
            raise
        raise Unscorable("The sum of the customer's corrections is too large.") from None


def count_in_segment(tenant_id: int, segment: str) -> int:
    """The number of customers that a run of this segment covers."""
    return db.value(
        "SELECT COUNT(DISTINCT s.customer_id) FROM interaction_summary s"
        f" WHERE s.tenant_id = %s AND {_IN_SEGMENT}",
        (tenant_id, segment),
    )


def stream_totals(tenant_id: int) -> Iterator[list[tuple]]:
    """All scorable customers in the order of their ids, in pages of
    ``(customer id, frequency, monetary, last contact)``.

    Sums are floats: exact up to 2^53, and unlike integers they never overflow.
    """
    return db.stream(f"{_scorable()} ORDER BY customer_id", (tenant_id,), STREAM_ROWS)


def sample_totals(
    tenant_id: int, every: int, first: int, most: int, with_purchases: bool = False
) -> list[Totals]:
    """The totals of a sample: of the scorable ones among every n-th customer in the order of their
    ids.

    :param every: n; 1 for all customers
    :param first: the place of the first one, from 1 to ``every``
    :param most: the largest number of totals
    :param with_purchases: read the days with conversions as well
    """
    more = f", {first_contact()}"
    if with_purchases:
        more += _purchases_sql()
    chosen, params = "", list[Any]([tenant_id])
    if every > 1:
        # Choosing the ids first is twice as fast as adding up everybody's summaries.
        chosen = f" AND {in_texts('customer_id')}"
        params.append(texts(every_nth(tenant_id, every, first)))
    sql = f"{_scorable(more, chosen)} ORDER BY customer_id LIMIT %s"
    pages = db.stream(sql, (*params, most), STREAM_ROWS)
    return [_sampled(*row) for page in pages for row in page]


def span(tenant_id: int) -> tuple[int, int] | None:
    """The days of the tenant's first and last conversion; None without conversions, or if the
    tenant's summaries are not by day."""
    first, last = db.rows(
        f"SELECT MIN({_DAY}), MAX({_DAY}) FROM interaction_summary WHERE tenant_id = %s",
        (tenant_id,),
    )[0]
    first_day, last_day = day_of(first), day_of(last)
    return None if first_day is None or last_day is None else (first_day, last_day)


def every_nth(tenant_id: int, every: int, first: int) -> list[str]:
    """Every n-th customer in the order of their ids.

    :param first: the place of the first one, from 1 to ``every``
    """
    rows = db.rows(
        "SELECT customer_id FROM ("
        " SELECT customer_id, ROW_NUMBER() OVER (ORDER BY customer_id) AS place FROM ("
        "  SELECT DISTINCT customer_id FROM interaction_summary WHERE tenant_id = %s) ids"
        ") placed WHERE (place - %s) / %s * %s = place - %s",
        (tenant_id, first, every, every, first),
    )
    return [customer_id for (customer_id,) in rows]


def float_sum(expression: str) -> str:
    """The expression of a sum as a float."""
    total = "TOTAL({})" if db.is_sqlite() else "CAST(SUM({}) AS DOUBLE PRECISION)"
    return total.format(expression)


def _page(
    tenant_id: int, after: str, until: str | None, limit: int, segment: str | None
) -> tuple[str, list[Any]]:
    condition, params = "s.tenant_id = %s AND s.customer_id > %s", list[Any]([tenant_id, after])
    if until is not None:
        condition += " AND s.customer_id <= %s"
        params.append(until)
    if segment is not None:
        condition += f" AND {_IN_SEGMENT}"
        params.append(segment)
    page = f"FROM interaction_summary s WHERE {condition}"
    page += " GROUP BY s.customer_id ORDER BY s.customer_id LIMIT %s"
    return page, [*params, limit]


def _sampled(
    customer_id: str, frequency: float, monetary: float, last_ms: int, first_ms: int, *days: Any
) -> Totals:
    purchases = _purchases(*days) if days else None
    return Totals(customer_id, int(frequency), int(monetary), first_ms, last_ms, purchases)


def _scorable(more: str = "", chosen: str = "") -> str:
    """The query of the scorable customers: id, frequency, monetary, last contact, and more.

    :param more: further columns
    :param chosen: a further condition
    """
    frequency, monetary = float_sum("impressions"), float_sum("total_value")
    return (
        f"SELECT customer_id, {frequency}, {monetary}, {last_contact()}{more}"
        f" FROM interaction_summary WHERE tenant_id = %s{chosen} GROUP BY customer_id"
        " HAVING MIN(impressions) >= 0"
        " AND COUNT(*) = COUNT(first_contact_ms) AND COUNT(*) = COUNT(last_contact_ms)"
        f" AND {frequency} <= {MAX_STORED_INTEGER} AND ABS({monetary}) <= {MAX_STORED_INTEGER}"
    )


def _totals(row: Sequence[Any]) -> Totals:
    customer_id, frequency, monetary, first_ms, last_ms, least, incomplete, *days = row
    if least is None or least < 0 or monetary is None:
        frequency, monetary = -1, 0
    if incomplete:
        first_ms = last_ms = None
    purchases = _purchases(*days) if days else None
    return Totals(customer_id, int(frequency), int(monetary), first_ms, last_ms, purchases)


def _purchases(keys: str | None, value: Any) -> Purchases | None:
    return None if keys is None else Purchases(keys, int(value))


def _purchases_sql() -> str:
    # A sum of integers would overflow where that of all values does not.
    join = "GROUP_CONCAT({})" if db.is_sqlite() else "STRING_AGG({}, ',')"
    return f", {join.format(_DAY)}, {float_sum(SPENT)}"


def _is_overflow(error: OperationalError) -> bool:
    return "integer overflow" in str(error)
