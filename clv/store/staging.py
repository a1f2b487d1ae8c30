"""Staging of incoming interaction summaries, before :mod:`clv.store.merging` merges them.

The staging tables are temporary and belong to the connection: staging locks nobody out, and a
client that disconnects leaves nothing behind.
"""

from collections.abc import Iterable, Sequence

from peewee import IntegrityError

from clv import db
from clv.db.dialect import analyze
from clv.domain.units import AMOUNT_SCALE, DAY_MS
from clv.domain.values import MAX_AMOUNT, MAX_COUNT
from clv.store.summaries import COLUMNS, KEY, Summary, first_contact, last_contact

# A transaction that is a correction.
IS_REFUND = "amount < 0"

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
# The lines with the same key as an earlier line.
_DOUBLE_LINES = f"""SELECT line FROM (
    SELECT line, ROW_NUMBER() OVER (PARTITION BY {KEY} ORDER BY line) AS place
    FROM staged_summary) placed WHERE place > 1"""


def stage_summaries(rows: Sequence[Summary]) -> None:
    """Replace the staged summaries by these, whose keys are distinct."""
    _empty_summaries()
    _fill("staged_summary", COLUMNS, [list(zip(*rows, strict=True))])


def stage_lines(blocks: Iterable[db.Columns], most: int) -> tuple[int, int, list[int]]:
    """Replace the staged summaries by the rows of a file, without those that repeat a key.

    :param blocks: the columns of a ``Summary``, and the line numbers
    :param most: the largest number of line numbers to return
    :returns: the number of rows staged, the number left out, and the first line numbers of these
    """
    _empty_summaries()
    count = _fill("staged_summary", f"{COLUMNS}, line", blocks)
    index = f"CREATE UNIQUE INDEX staged_summary_key ON staged_summary ({KEY})"
    try:
        # The cheapest proof that no key repeats, and the merge uses this index.
        db.execute(index)
        return count, 0, []
    except IntegrityError:
        lines = db.rows(f"{_DOUBLE_LINES} ORDER BY line LIMIT %s", (most,))
        doubles = db.execute(f"DELETE FROM staged_summary WHERE line IN ({_DOUBLE_LINES})")
        db.execute(index)
        return count - doubles, doubles, [line for (line,) in lines]


def stage_transactions(blocks: Iterable[db.Columns]) -> int:
    """Replace the staged transactions by these, and return their number.

    :param blocks: customers, times in milliseconds since 1970, amounts in 1/10,000
    """
    _empty("staged_transaction", _TRANSACTIONS_DDL)
    return _fill("staged_transaction", "customer_id, contact_ms, amount", blocks)


def staged_contacts() -> tuple[int, int]:
    """The times of the first and the last staged transaction. There must be one at least."""
    return db.rows("SELECT MIN(contact_ms), MAX(contact_ms) FROM staged_transaction")[0]


def aggregate_transactions(shift_days: int = 0) -> None:
    """Stage the daily summaries of the staged transactions, moved by ``shift_days``.

    An amount below 0 is a correction: it counts in the day's value alone.
    """
    _empty_summaries()
    day = "date(day * 86400, 'unixepoch')"
    if not db.is_sqlite():
        day = "to_char(DATE '1970-01-01' + CAST(day AS INTEGER), 'YYYY-MM-DD')"
    shift_ms = shift_days * DAY_MS
    first, last = (contact("contact_ms", IS_REFUND) for contact in (first_contact, last_contact))
    db.execute(
        f"INSERT INTO staged_summary ({COLUMNS})"
        f" SELECT customer_id, {day}, '', '', '', contacts, contacts, amount, first, last FROM ("
        "  SELECT customer_id, (contact_ms + %s) / 86400000 AS day,"
        f"  COUNT(CASE WHEN NOT {IS_REFUND} THEN 1 END) AS contacts, SUM(amount) AS amount,"
        f"  {first} + %s AS first, {last} + %s AS last"
        "  FROM staged_transaction GROUP BY customer_id, day ORDER BY customer_id, day) days",
        (shift_ms, shift_ms, shift_ms),
    )
    analyze("staged_summary")


def staged_out_of_range() -> tuple[str, str] | None:
    """Customer and period of a staged summary that is too large to be stored, if there is one."""
    return db.row(
        "SELECT customer_id, period_key FROM staged_summary"
        " WHERE impressions > %s OR ABS(total_value) > %s LIMIT 1",
        (MAX_COUNT, MAX_AMOUNT * AMOUNT_SCALE),
    )


def has_periods_not_staged(tenant_id: int) -> bool:
    """Whether the tenant has summaries of periods without any staged summary."""
    return db.value(
        "SELECT EXISTS (SELECT 1 FROM interaction_summary WHERE tenant_id = %s"
        " AND period_key NOT IN (SELECT DISTINCT period_key FROM staged_summary))",
        (tenant_id,),
    )


def _empty_summaries() -> None:
    _empty("staged_summary", _SUMMARIES_DDL)
    db.execute("DROP INDEX IF EXISTS staged_summary_key")


def _empty(table: str, ddl: str) -> None:
    db.execute(ddl.format(c="" if db.is_sqlite() else 'COLLATE "C"'))
    db.execute(f"DELETE FROM {table}" if db.is_sqlite() else f"TRUNCATE {table}")


def _fill(table: str, columns: str, blocks: Iterable[db.Columns]) -> int:
    count = db.insert_columns(table, columns, blocks)
    analyze(table)
    return count
