"""Interaction summaries: what comes in is staged, then merged in one transaction; what goes out
are totals per customer.

The staging tables are temporary and belong to the connection, so staging locks nobody out and a
client that breaks off leaves nothing behind.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from peewee import OperationalError

from clv import db
from clv.errors import Conflict
from clv.fields import MAX_AMOUNT, MAX_COUNT
from clv.scoring import AMOUNT_SCALE, DAY_MS, MAX_STORED_INTEGER, Totals
from clv.store import clock, records
from clv.store.tenants import lock_tenant

STREAM_ROWS = 5_000

_KEY = "customer_id, period_key, offer_id, creative_id, channel_id"
_VALUES = "impressions, converts, total_value, first_contact_ms, last_contact_ms"
# Rows are written in one order, or two writers of the same ones deadlock on PostgreSQL.
_KEY_ORDER = _KEY
_IS_ZERO = "impressions = 0 AND converts = 0 AND total_value = 0"
_STAGED = f"{_KEY}, {_VALUES}"
_STAGED_DDL = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_summary (
    customer_id TEXT {c}, period_key TEXT {c}, offer_id TEXT {c}, creative_id TEXT {c},
    channel_id TEXT {c}, impressions BIGINT, converts BIGINT, total_value BIGINT,
    first_contact_ms BIGINT, last_contact_ms BIGINT)
"""
_TRANSACTIONS_DDL = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_transaction (
    customer_id TEXT {c}, contact_ms BIGINT, amount BIGINT)
"""
_TOTALS = """customer_id, SUM(impressions), SUM(total_value), MIN(first_contact_ms),
    MAX(last_contact_ms), MIN(impressions),
    SUM(CASE WHEN first_contact_ms IS NULL OR last_contact_ms IS NULL THEN 1 ELSE 0 END)"""
# A customer of a segment run: the record is in the segment, or there is none.
_IN_SEGMENT = """COALESCE((SELECT r.segment FROM clv_record r
    WHERE r.tenant_id = s.tenant_id AND r.customer_id = s.customer_id), '') IN ('', %s)"""


class Summary(NamedTuple):
    """One row: what a customer did in a period; the amount in 1/10,000."""

    customer_id: str
    period_key: str
    offer_id: str
    creative_id: str
    channel_id: str
    impressions: int
    converts: int
    total_value: int
    first_contact_ms: int
    last_contact_ms: int


class Transaction(NamedTuple):
    """One interaction and one conversion; the amount in 1/10,000."""

    customer_id: str
    contact_ms: int
    amount: int


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, in rows."""

    received: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int


def stage_summaries(rows: Iterable[Summary]) -> int:
    """Replace what is staged by these rows, which have distinct keys; returns their number."""
    _empty("staged_summary", _STAGED_DDL)
    return _fill("staged_summary", _STAGED, rows)


def stage_transactions(rows: Iterable[Transaction]) -> int:
    """Replace the staged transactions by these; returns their number."""
    _empty("staged_transaction", _TRANSACTIONS_DDL)
    return _fill("staged_transaction", "customer_id, contact_ms, amount", rows)


def staged_contacts() -> tuple[int, int] | None:
    """The first and the last contact of the staged transactions, if there are any."""
    found = db.rows("SELECT MIN(contact_ms), MAX(contact_ms) FROM staged_transaction")[0]
    return None if found[0] is None else found


def aggregate_transactions(shift_days: int = 0) -> None:
    """Stage the staged transactions as daily summaries, ``shift_days`` later than they were."""
    _empty("staged_summary", _STAGED_DDL)
    day = "date(at / 86400000 * 86400, 'unixepoch')"
    if not db.is_sqlite():
        day = "to_char(DATE '1970-01-01' + CAST(at / 86400000 AS INTEGER), 'YYYY-MM-DD')"
    db.execute(
        f"INSERT INTO staged_summary ({_STAGED})"
        f" SELECT customer_id, {day} AS day, '', '', '', COUNT(*), COUNT(*), SUM(amount),"
        " MIN(at), MAX(at)"
        " FROM (SELECT customer_id, contact_ms + %s AS at, amount FROM staged_transaction) shifted"
        " GROUP BY customer_id, day",
        (shift_days * DAY_MS,),
    )


def staged_out_of_range() -> tuple[str, str] | None:
    """A customer and period whose staged sums are too large to be stored, if there is one."""
    return db.row(
        "SELECT customer_id, period_key FROM staged_summary"
        " WHERE impressions > %s OR ABS(total_value) > %s LIMIT 1",
        (MAX_COUNT, MAX_AMOUNT * AMOUNT_SCALE),
    )


def has_periods_not_staged(tenant_id: int) -> bool:
    """Whether the tenant has summaries of periods that the staged ones do not have."""
    return db.value(
        "SELECT EXISTS (SELECT 1 FROM interaction_summary WHERE tenant_id = %s"
        " AND period_key NOT IN (SELECT period_key FROM staged_summary))",
        (tenant_id,),
    )


def merge(
    tenant_id: int, period_type: str, *, whole_periods: bool = False, replace: bool = False
) -> Merged:
    """Merge the staged summaries into the tenant's, all or nothing.

    A row without impressions, converts and value deletes the stored one; equal rows are left
    alone. Customers who lose their last summary lose their record in the same transaction.

    :param whole_periods: the staged rows are complete for each customer and period in them:
        stored rows of the same customer and period, whatever their offer, are deleted
    :param replace: the staged rows are all that the tenant has: every other row is deleted
    :raises Conflict: when the tenant has summaries of another period type
    """
    with db.transaction():
        stored_type, before = lock_tenant(tenant_id)
        if not replace and stored_type not in (None, period_type):
            raise Conflict(
                f"This tenant's summaries are {stored_type}; {period_type} ones would count"
                f" interactions twice. Send {stored_type} rows, or delete the stored ones first."
            )
        removes = replace or _exists(f"FROM staged_summary WHERE {_IS_ZERO}")
        if removes:
            records.fence_active_runs(tenant_id)
        counts = _counts(tenant_id)
        had = 0 if replace else _staged_customers_stored(tenant_id)
        deleted = _delete(tenant_id, whole_periods, replace)
        _upsert(tenant_id)
        if replace:
            after = _count_customers(tenant_id)
        else:
            after = before + _staged_customers_stored(tenant_id) - had
        if removes:
            records.delete_orphans(tenant_id, replace)
        merged = Merged(*counts, deleted)
        changed = bool(merged.inserted or merged.updated or merged.deleted)
        _keep_count(tenant_id, period_type, after, changed)
    return merged


def erase_customer(tenant_id: int, customer_id: str) -> bool:
    """Erase a customer's summaries, record, history and errors for good, also from runs that are
    going on; False when there was nothing."""
    key = (tenant_id, customer_id)
    with db.transaction():
        period_type, before = lock_tenant(tenant_id)
        records.fence_active_runs(tenant_id)
        summaries = db.execute(
            "DELETE FROM interaction_summary WHERE tenant_id = %s AND customer_id = %s", key
        )
        others = db.execute("DELETE FROM clv_record WHERE tenant_id = %s AND customer_id = %s", key)
        others += db.execute(
            "DELETE FROM clv_change WHERE tenant_id = %s AND customer_id = %s", key
        )
        others += db.execute(
            "DELETE FROM run_error WHERE run_id IN (SELECT id FROM run WHERE tenant_id = %s)"
            " AND customer_id = %s",
            key,
        )
        if summaries:
            _keep_count(tenant_id, period_type, before - 1, changed=True)
    return bool(summaries or others)


def of_customer(
    tenant_id: int, customer_id: str, offer_id: str | None, channel_id: str | None, limit: int
) -> tuple[list[Summary], int]:
    """A customer's summaries, the latest period first, and how many there are in all.

    :param offer_id: only this offer; "" for rows without one, None for all
    """
    condition, params = "tenant_id = %s AND customer_id = %s", [tenant_id, customer_id]
    for column, wanted in (("offer_id", offer_id), ("channel_id", channel_id)):
        if wanted is not None:
            condition += f" AND {column} = %s"
            params.append(wanted)
    found = f"FROM interaction_summary WHERE {condition}"
    order = "ORDER BY period_key DESC, offer_id, creative_id, channel_id LIMIT %s"
    rows = db.rows(f"SELECT {_STAGED} {found} {order}", (*params, limit))
    return [Summary(*row) for row in rows], db.value(f"SELECT COUNT(*) {found}", params)


def exist(tenant_id: int, customer_id: str) -> bool:
    """Whether a customer has summaries."""
    return db.value(
        "SELECT EXISTS (SELECT 1 FROM interaction_summary"
        " WHERE tenant_id = %s AND customer_id = %s)",
        (tenant_id, customer_id),
    )


def totals(tenant_id: int, customer_id: str) -> Totals | None:
    """One customer's totals, or None without summaries."""
    try:
        row = db.row(
            f"SELECT {_TOTALS} FROM interaction_summary"
            " WHERE tenant_id = %s AND customer_id = %s GROUP BY customer_id",
            (tenant_id, customer_id),
        )
    except OperationalError as error:
        if not _is_overflow(error):
            raise
        return Totals(customer_id, MAX_STORED_INTEGER + 1, 0, 0, 0)
    return None if row is None else _totals(row)


def totals_page(
    tenant_id: int, after: str, until: str | None, limit: int, segment: str | None
) -> list[Totals]:
    """Totals of the next customers in the order of their ids.

    :param after: the last id before the page; "" at the beginning
    :param until: the last id that may be on it; None for no end
    :param segment: only customers whose record is in this segment, or who have none
    """
    condition, params = "s.tenant_id = %s AND s.customer_id > %s", [tenant_id, after]
    if until is not None:
        condition += " AND s.customer_id <= %s"
        params.append(until)
    if segment is not None:
        condition += f" AND {_IN_SEGMENT}"
        params.append(segment)
    page = f"FROM interaction_summary s WHERE {condition}"
    page += " GROUP BY s.customer_id ORDER BY s.customer_id LIMIT %s"
    params.append(limit)
    try:
        return [_totals(row) for row in db.rows(f"SELECT {_TOTALS} {page}", params)]
    except OperationalError as error:
        if not _is_overflow(error):
            raise
    # SQLite's SUM fails for all because of one: each is read alone.
    ids = [row[0] for row in db.rows(f"SELECT s.customer_id {page}", params)]
    read = [totals(tenant_id, customer_id) for customer_id in ids]
    return [found for found in read if found is not None]


def count_in_segment(tenant_id: int, segment: str) -> int:
    """How many customers a run of this segment covers."""
    return db.value(
        "SELECT COUNT(DISTINCT s.customer_id) FROM interaction_summary s"
        f" WHERE s.tenant_id = %s AND {_IN_SEGMENT}",
        (tenant_id, segment),
    )


def stream_totals(tenant_id: int) -> Iterator[list[tuple[str, float, float, int]]]:
    """All scorable customers in the order of their ids, in pages of
    ``(customer id, frequency, monetary, last contact)``.

    Sums are floats here: exact up to 2^53, and unlike integers they never overflow.
    """
    return db.stream(f"{_scorable()} ORDER BY customer_id", (tenant_id,), STREAM_ROWS)


def sample_totals(tenant_id: int, every: int, first: int, most: int) -> list[Totals]:
    """The totals of every so many-th customer in the order of their ids, with 1 of all, without
    those who can't be scored.

    :param first: the place of the first one, from 1 to ``every``
    :param most: read so many at most
    """
    chosen, params = "", [tenant_id]
    if every > 1:
        # The ids are chosen first: to sum everybody up takes twice as long.
        chosen = (
            " AND customer_id IN (SELECT customer_id FROM ("
            "  SELECT customer_id, ROW_NUMBER() OVER (ORDER BY customer_id) AS place FROM ("
            "   SELECT DISTINCT customer_id FROM interaction_summary WHERE tenant_id = %s) ids"
            " ) placed WHERE (place - %s) / %s * %s = place - %s)"
        )
        params += [tenant_id, first, every, every, first]
    sql = f"{_scorable(', MIN(first_contact_ms)', chosen)} ORDER BY customer_id LIMIT %s"
    return [
        Totals(customer_id, int(frequency), int(monetary), first_ms, last_ms)
        for page in db.stream(sql, (*params, most), STREAM_ROWS)
        for customer_id, frequency, monetary, last_ms, first_ms in page
    ]


def contact_gaps(tenant_id: int, customer_ids: Sequence[str]) -> list[tuple[int, int]]:
    """How often each gap, in days, lies between two active days of one of these customers,
    ascending."""
    ids = "SELECT value FROM json_each(%s)"
    if not db.is_sqlite():
        ids = "SELECT jsonb_array_elements_text(CAST(%s AS jsonb))"
    return db.rows(
        "SELECT gap, COUNT(*) FROM ("
        " SELECT day - LAG(day) OVER (PARTITION BY customer_id ORDER BY day) AS gap FROM ("
        "  SELECT customer_id, last_contact_ms / 86400000 AS day FROM interaction_summary"
        f"  WHERE tenant_id = %s AND customer_id IN ({ids}) AND impressions > 0) days) gaps"
        # Two rows of one day are no gap.
        " WHERE gap > 0 GROUP BY gap ORDER BY gap",
        (tenant_id, json.dumps(customer_ids, ensure_ascii=False)),
    )


def share_at_risk(tenant_id: int, as_of_ms: int, at_risk_days: int) -> float:
    """The share of customers with interactions whose last one is at least that long ago."""
    last_day = as_of_ms // DAY_MS - at_risk_days
    share = db.value(
        "SELECT AVG(CASE WHEN last <= %s THEN 1.0 ELSE 0.0 END) FROM ("
        " SELECT MAX(last_contact_ms) / 86400000 AS last FROM interaction_summary"
        " WHERE tenant_id = %s GROUP BY customer_id HAVING SUM(impressions) > 0) lasts",
        (last_day, tenant_id),
    )
    return float(share or 0.0)


def _scorable(more: str = "", chosen: str = "") -> str:
    """The query of all scorable customers, or of the chosen ones: id, frequency, monetary, last
    contact, and more."""
    total = "TOTAL(%s)" if db.is_sqlite() else "CAST(SUM(%s) AS DOUBLE PRECISION)"
    frequency, monetary = total % "impressions", total % "total_value"
    return (
        f"SELECT customer_id, {frequency}, {monetary}, MAX(last_contact_ms){more}"
        f" FROM interaction_summary WHERE tenant_id = %s{chosen} GROUP BY customer_id"
        " HAVING MIN(impressions) >= 0"
        " AND COUNT(*) = COUNT(first_contact_ms) AND COUNT(*) = COUNT(last_contact_ms)"
        f" AND {frequency} <= {MAX_STORED_INTEGER} AND ABS({monetary}) <= {MAX_STORED_INTEGER}"
    )


def _empty(table: str, ddl: str) -> None:
    db.execute(ddl.format(c="" if db.is_sqlite() else 'COLLATE "C"'))
    db.execute(f"DELETE FROM {table}" if db.is_sqlite() else f"TRUNCATE {table}")


def _fill(table: str, columns: str, rows: Iterable[Sequence[Any]]) -> int:
    count = db.insert_many(table, columns, rows)
    if not db.is_sqlite():
        db.execute(f"ANALYZE {table}")
    return count


def _counts(tenant_id: int) -> tuple[int, int, int, int]:
    """Rows received, inserted, updated and unchanged of the merge that is about to happen."""
    [(received, zero, stored, same, zero_stored)] = db.rows(
        f"SELECT COUNT(*), COALESCE(SUM(zero), 0), COUNT(t.impressions),"
        " COALESCE(SUM(CASE WHEN zero = 0 AND s.impressions = t.impressions"
        " AND s.converts = t.converts AND s.total_value = t.total_value"
        " AND s.first_contact_ms = t.first_contact_ms"
        " AND s.last_contact_ms = t.last_contact_ms THEN 1 ELSE 0 END), 0),"
        " COALESCE(SUM(CASE WHEN zero = 1 AND t.impressions IS NOT NULL THEN 1 ELSE 0 END), 0)"
        f" FROM (SELECT {_STAGED}, CASE WHEN {_IS_ZERO} THEN 1 ELSE 0 END AS zero"
        "  FROM staged_summary) s"
        " LEFT JOIN interaction_summary t ON t.tenant_id = %s"
        " AND t.customer_id = s.customer_id AND t.period_key = s.period_key"
        " AND t.offer_id = s.offer_id AND t.creative_id = s.creative_id"
        " AND t.channel_id = s.channel_id",
        (tenant_id,),
    )
    # A row that deletes what is not there changes nothing.
    unchanged = same + zero - zero_stored
    return (
        received,
        received - zero - (stored - zero_stored),
        stored - zero_stored - same,
        unchanged,
    )


def _delete(tenant_id: int, whole_periods: bool, replace: bool) -> int:
    staged = f"SELECT {_KEY} FROM staged_summary"
    doomed: list[tuple[str, tuple]] = [(f"{staged} WHERE {_IS_ZERO}", ())]
    if replace:
        stored = f"SELECT {_KEY} FROM interaction_summary WHERE tenant_id = %s"
        doomed.append((f"{stored} EXCEPT {staged}", (tenant_id,)))
    elif whole_periods:
        stored = (
            "SELECT t.customer_id, t.period_key, t.offer_id, t.creative_id, t.channel_id"
            " FROM staged_summary s JOIN interaction_summary t ON t.tenant_id = %s"
            " AND t.customer_id = s.customer_id AND t.period_key = s.period_key"
        )
        doomed.append((f"{stored} EXCEPT {staged}", (tenant_id,)))
    delete = f"DELETE FROM interaction_summary WHERE tenant_id = %s AND ({_KEY}) IN"
    return sum(db.execute(f"{delete} ({keys})", (tenant_id, *params)) for keys, params in doomed)


def _upsert(tenant_id: int) -> None:
    names = [name.strip() for name in _VALUES.split(",")]
    assignments = ", ".join(f"{name} = excluded.{name}" for name in names)
    stored = ", ".join(f"interaction_summary.{name}" for name in names)
    offered = ", ".join(f"excluded.{name}" for name in names)
    db.execute(
        f"INSERT INTO interaction_summary (tenant_id, {_STAGED})"
        f" SELECT %s, {_STAGED} FROM staged_summary WHERE NOT ({_IS_ZERO}) ORDER BY {_KEY_ORDER}"
        f" ON CONFLICT (tenant_id, {_KEY}) DO UPDATE SET {assignments}"
        f" WHERE ({stored}) <> ({offered})",
        (tenant_id,),
    )


def _keep_count(tenant_id: int, period_type: str | None, customers: int, changed: bool) -> None:
    """Note the number of customers, and when something changed; without any customer, the period
    type is free again."""
    updated = f", data_updated_ms = {clock()}" if changed else ""
    db.execute(
        f"UPDATE tenant SET customers = %s, period_type = %s{updated} WHERE id = %s",
        (customers, period_type if customers else None, tenant_id),
    )


def _staged_customers_stored(tenant_id: int) -> int:
    return db.value(
        "SELECT COUNT(*) FROM (SELECT DISTINCT customer_id FROM staged_summary) s WHERE EXISTS"
        " (SELECT 1 FROM interaction_summary t"
        " WHERE t.tenant_id = %s AND t.customer_id = s.customer_id)",
        (tenant_id,),
    )


def _count_customers(tenant_id: int) -> int:
    return db.value(
        "SELECT COUNT(DISTINCT customer_id) FROM interaction_summary WHERE tenant_id = %s",
        (tenant_id,),
    )


def _exists(clause: str) -> bool:
    return bool(db.value(f"SELECT EXISTS (SELECT 1 {clause})"))


def _totals(row: Sequence[Any]) -> Totals:
    customer_id, frequency, monetary, first_ms, last_ms, least, incomplete = row
    if least is None or least < 0 or monetary is None:
        frequency, monetary = -1, 0
    if incomplete:
        first_ms = last_ms = None
    return Totals(customer_id, int(frequency), int(monetary), first_ms, last_ms)


def _is_overflow(error: OperationalError) -> bool:
    return "integer overflow" in str(error)
