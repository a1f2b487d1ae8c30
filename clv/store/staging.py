"""Interaction summaries on their way in: staged, then merged in one transaction.

The staging tables are temporary and belong to the connection, so staging locks nobody out and a
client that breaks off leaves nothing behind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from peewee import IntegrityError

from clv import db
from clv.errors import Conflict
from clv.fields import MAX_AMOUNT, MAX_COUNT
from clv.scoring import AMOUNT_SCALE, DAY_MS
from clv.store import MANY_ROWS, analyze, records
from clv.store.summaries import COLUMNS, KEY, VALUES, Summary
from clv.store.tenants import keep_count, lock_tenant

# Rows are written in one order, or two writers of the same ones deadlock on PostgreSQL.
_KEY_ORDER = KEY
_IS_ZERO = "impressions = 0 AND converts = 0 AND total_value = 0"
_SUMMARIES_DDL = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_summary (
    customer_id TEXT {c}, period_key TEXT {c}, offer_id TEXT {c}, creative_id TEXT {c},
    channel_id TEXT {c}, impressions BIGINT, converts BIGINT, total_value BIGINT,
    first_contact_ms BIGINT, last_contact_ms BIGINT, line BIGINT)
"""
_TRANSACTIONS_DDL = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_transaction (
    customer_id TEXT {c}, contact_ms BIGINT, amount BIGINT)
"""
# The lines whose key an earlier line has.
_DOUBLE_LINES = f"""SELECT line FROM (
    SELECT line, ROW_NUMBER() OVER (PARTITION BY {KEY} ORDER BY line) AS place
    FROM staged_summary) placed WHERE place > 1"""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, in rows."""

    received: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int


def stage_summaries(rows: Sequence[Summary]) -> None:
    """Replace what is staged by these rows, which have distinct keys."""
    _empty_summaries()
    _fill("staged_summary", COLUMNS, [list(zip(*rows, strict=True))])


def stage_lines(chunks: Iterable[db.Columns], most: int) -> tuple[int, int, list[int]]:
    """Replace what is staged by the rows of a file, but for those whose key an earlier one has.

    :param chunks: the columns of a ``Summary`` and the numbers of the lines
    :param most: so many lines that were left out are returned
    :return: how many rows are staged, how many were left out, and the first lines of these
    """
    _empty_summaries()
    count = _fill("staged_summary", f"{COLUMNS}, line", chunks)
    index = f"CREATE UNIQUE INDEX staged_summary_key ON staged_summary ({KEY})"
    try:
        # The cheapest proof that there are none, and the merge goes along this index.
        db.execute(index)
        return count, 0, []
    except IntegrityError:
        lines = db.rows(f"{_DOUBLE_LINES} ORDER BY line LIMIT %s", (most,))
        doubles = db.execute(f"DELETE FROM staged_summary WHERE line IN ({_DOUBLE_LINES})")
        db.execute(index)
        return count - doubles, doubles, [line for (line,) in lines]


def stage_transactions(chunks: Iterable[db.Columns]) -> int:
    """Replace the staged transactions by these; returns their number.

    :param chunks: customers, times in milliseconds since 1970, amounts in 1/10,000
    """
    _empty("staged_transaction", _TRANSACTIONS_DDL)
    return _fill("staged_transaction", "customer_id, contact_ms, amount", chunks)


def staged_contacts() -> tuple[int, int]:
    """The first and the last contact of the staged transactions, of which there is one at least."""
    return db.rows("SELECT MIN(contact_ms), MAX(contact_ms) FROM staged_transaction")[0]


def aggregate_transactions(shift_days: int = 0) -> None:
    """Stage the staged transactions as daily summaries, ``shift_days`` later than they were."""
    _empty_summaries()
    day = "date(day * 86400, 'unixepoch')"
    if not db.is_sqlite():
        day = "to_char(DATE '1970-01-01' + CAST(day AS INTEGER), 'YYYY-MM-DD')"
    shift_ms = shift_days * DAY_MS
    db.execute(
        f"INSERT INTO staged_summary ({COLUMNS})"
        f" SELECT customer_id, {day}, '', '', '', contacts, contacts, amount, first, last FROM ("
        "  SELECT customer_id, (contact_ms + %s) / 86400000 AS day, COUNT(*) AS contacts,"
        "  SUM(amount) AS amount, MIN(contact_ms) + %s AS first, MAX(contact_ms) + %s AS last"
        "  FROM staged_transaction GROUP BY customer_id, day ORDER BY customer_id, day) days",
        (shift_ms, shift_ms, shift_ms),
    )
    analyze("staged_summary")


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
        " AND period_key NOT IN (SELECT DISTINCT period_key FROM staged_summary))",
        (tenant_id,),
    )


def merge(
    tenant_id: int, period_type: str, *, aggregated: bool = False, replace: bool = False
) -> Merged:
    """Merge the staged summaries into the tenant's, all or nothing.

    A row without impressions, converts and value deletes the stored one; equal rows are left
    alone. Customers who lose their last summary lose their record and history with it.

    :param aggregated: the staged rows are aggregated transactions: all that a customer did on a
        day, so that stored rows of the same customer and day with an offer or so are deleted
    :param replace: the staged rows are all that the tenant has: every other row is deleted
    :raises Conflict: when the tenant has summaries of another period type
    """
    received, zeros = _staged_rows()
    if received >= MANY_ROWS:
        analyze("interaction_summary")
    with db.transaction():
        stored_type, before = lock_tenant(tenant_id)
        if not replace and stored_type not in (None, period_type):
            raise Conflict(
                f"This tenant's summaries are {stored_type}; {period_type} ones would count"
                f" interactions twice. Send {stored_type} rows, or delete the stored ones first."
            )
        if replace or zeros:
            records.fence_active_runs(tenant_id)
        counts, had, deleted = (received, received - zeros, 0, zeros), 0, 0
        # Else there is nothing to compare with.
        if _has_rows(tenant_id):
            counts = _counts(tenant_id)
            had = 0 if replace else _staged_customers_stored(tenant_id)
            deleted = _delete(tenant_id, zeros > 0, aggregated, replace)
        _upsert(tenant_id, aggregated)
        if counts[1] >= MANY_ROWS:
            analyze("interaction_summary")
        if replace:
            after = _count_customers(tenant_id)
        elif zeros:
            after = before + _staged_customers_stored(tenant_id) - had
        else:
            after = before + _staged_customers() - had
        if replace or zeros:
            records.delete_orphans(tenant_id, replace)
        merged = Merged(*counts, deleted)
        changed = bool(merged.inserted or merged.updated or merged.deleted)
        keep_count(tenant_id, period_type, after, changed)
    return merged


def _empty_summaries() -> None:
    _empty("staged_summary", _SUMMARIES_DDL)
    db.execute("DROP INDEX IF EXISTS staged_summary_key")


def _empty(table: str, ddl: str) -> None:
    db.execute(ddl.format(c="" if db.is_sqlite() else 'COLLATE "C"'))
    db.execute(f"DELETE FROM {table}" if db.is_sqlite() else f"TRUNCATE {table}")


def _fill(table: str, columns: str, chunks: Iterable[db.Columns]) -> int:
    count = db.insert_columns(table, columns, chunks)
    analyze(table)
    return count


def _staged_rows() -> tuple[int, int]:
    """How many rows are staged, and how many of them have only zeros."""
    return db.rows(
        f"SELECT COUNT(*), COALESCE(SUM(CASE WHEN {_IS_ZERO} THEN 1 ELSE 0 END), 0)"
        " FROM staged_summary"
    )[0]


def _counts(tenant_id: int) -> tuple[int, int, int, int]:
    """Rows received, inserted, updated and unchanged of the merge that is about to happen."""
    [(received, zero, stored, same, zero_stored)] = db.rows(
        f"SELECT COUNT(*), COALESCE(SUM(zero), 0), COUNT(t.impressions),"
        " COALESCE(SUM(CASE WHEN zero = 0 AND s.impressions = t.impressions"
        " AND s.converts = t.converts AND s.total_value = t.total_value"
        " AND s.first_contact_ms = t.first_contact_ms"
        " AND s.last_contact_ms = t.last_contact_ms THEN 1 ELSE 0 END), 0),"
        " COALESCE(SUM(CASE WHEN zero = 1 AND t.impressions IS NOT NULL THEN 1 ELSE 0 END), 0)"
        f" FROM (SELECT {COLUMNS}, CASE WHEN {_IS_ZERO} THEN 1 ELSE 0 END AS zero"
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


def _delete(tenant_id: int, zeros: bool, aggregated: bool, replace: bool) -> int:
    staged = f"SELECT {KEY} FROM staged_summary"
    doomed: list[tuple[str, tuple]] = []
    if zeros:
        doomed.append((f"{staged} WHERE {_IS_ZERO}", ()))
    if replace:
        stored = f"SELECT {KEY} FROM interaction_summary WHERE tenant_id = %s"
        doomed.append((f"{stored} EXCEPT {staged}", (tenant_id,)))
    elif aggregated:
        of_others = (
            "t.tenant_id = %s AND t.customer_id = s.customer_id AND t.period_key = s.period_key"
            " AND (t.offer_id, t.creative_id, t.channel_id)"
            " <> (s.offer_id, s.creative_id, s.channel_id)"
        )
        keys = ", ".join(f"t.{name}" for name in KEY.split(", "))
        doomed.append(
            (f"SELECT {keys} FROM staged_summary s {_looked_up(of_others)}", (tenant_id,))
        )
    return sum(_delete_keys(tenant_id, keys, params) for keys, params in doomed)


def _delete_keys(tenant_id: int, keys: str, params: tuple) -> int:
    """Delete the rows whose keys a query returns.

    On PostgreSQL each is looked up and deleted by its place: of a tenant who grew since it made
    its statistics it expects a row, and would go through all keys for each. The tenant is locked,
    so that no row moves meanwhile.
    """
    if db.is_sqlite():
        delete = f"DELETE FROM interaction_summary WHERE tenant_id = %s AND ({KEY}) IN ({keys})"
        return db.execute(delete, (tenant_id, *params))
    same = " AND ".join(f"t.{name} = gone.{name}" for name in KEY.split(", "))
    places = f"SELECT t.place FROM ({keys}) gone {_looked_up(f't.tenant_id = %s AND {same}')}"
    delete = f"DELETE FROM interaction_summary WHERE ctid = ANY(ARRAY({places}))"
    return db.execute(delete, (*params, tenant_id))


def _looked_up(condition: str) -> str:
    """The stored rows ``t`` that belong to each row before, looked up by their key whatever the
    database believes of the table: a CROSS JOIN keeps SQLite from going through all of the
    tenant's rows first, and OFFSET 0 keeps PostgreSQL."""
    if db.is_sqlite():
        return f"CROSS JOIN interaction_summary t WHERE {condition}"
    found = f"SELECT t.ctid AS place, t.* FROM interaction_summary t WHERE {condition} OFFSET 0"
    return f"CROSS JOIN LATERAL ({found}) t"


def _upsert(tenant_id: int, in_order: bool) -> None:
    # Aggregated transactions are staged in the order of their keys.
    order = "" if in_order else f"ORDER BY {_KEY_ORDER}"
    names = [name.strip() for name in VALUES.split(",")]
    assignments = ", ".join(f"{name} = excluded.{name}" for name in names)
    stored = ", ".join(f"interaction_summary.{name}" for name in names)
    offered = ", ".join(f"excluded.{name}" for name in names)
    db.execute(
        f"INSERT INTO interaction_summary (tenant_id, {COLUMNS})"
        f" SELECT %s, {COLUMNS} FROM staged_summary WHERE NOT ({_IS_ZERO}) {order}"
        f" ON CONFLICT (tenant_id, {KEY}) DO UPDATE SET {assignments}"
        f" WHERE ({stored}) <> ({offered})",
        (tenant_id,),
    )


def _staged_customers() -> int:
    return db.value("SELECT COUNT(*) FROM (SELECT DISTINCT customer_id FROM staged_summary) s")


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


def _has_rows(tenant_id: int) -> bool:
    return bool(
        db.rows("SELECT 1 FROM interaction_summary WHERE tenant_id = %s LIMIT 1", (tenant_id,))
    )
